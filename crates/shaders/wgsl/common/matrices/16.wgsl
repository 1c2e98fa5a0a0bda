// Cooperative matrices of 16×16 numbers, which the invocations of a subgroup hold together.

enable wgpu_cooperative_matrix;

const SIDE: u32 = 16u;

alias Left = coop_mat16x16<Number, A>;
alias Right = coop_mat16x16<Number, B>;
alias Sums = coop_mat16x16<f32, C>;
