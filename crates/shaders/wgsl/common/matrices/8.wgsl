// Cooperative matrices of 8×8 numbers, which the invocations of a subgroup hold together.

enable wgpu_cooperative_matrix;

const SIDE: u32 = 8u;

alias Left = coop_mat8x8<Number, A>;
alias Right = coop_mat8x8<Number, B>;
alias Sums = coop_mat8x8<f32, C>;
