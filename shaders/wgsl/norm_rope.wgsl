// Every head standardised if eps is not negative; then the first `rotary` channels of the tokens from `first` on turned:
// channel i and i + rotary / 2 by (cos, sin).
//
// x: [batch, heads, seq, head_dim] with any strides; output: the same, row-major
// cos, sin: [angle_batch, seq - first, rotary], row-major
// sizes: rows = batch · heads · seq, heads, seq, head_dim, the four strides of x, angle_batch, seq - first, rotary, first,
//        eps (bits of f32)
// A team (common/sum*.wgsl) takes a row, an item.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(2) var<storage, read_write> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let rows = sizes[0];
    let heads = sizes[1];
    let seq = sizes[2];
    let head_dim = sizes[3];
    let step = sizes[7];
    let rotary = sizes[10];
    let half = rotary / 2u;
    let first = sizes[11];
    let eps = bitcast<f32>(sizes[12]);
    let first_row = place(group) * ITEMS;
    if first_row >= rows {
        return;
    }
    for (var turn = 0u; turn < ITEMS; turn += teams(group)) {
        // Where rows have run out the last is computed again: all stay together for the sums.
        let row = min(first_row + turn + team(at), rows - 1u);
        let picture = row / seq / heads;
        let head = row / seq % heads;
        let token = row % seq;
        let start = picture * sizes[4] + head * sizes[5] + token * sizes[6];

        var mean = 0.0;
        var factor = 1.0;
        if eps >= 0.0 {
            var sum = 0.0;
            for (var i = member(at); i < head_dim; i += members(group)) {
                sum += x[start + i * step];
            }
            mean = team_sum(group, at, sum) / f32(head_dim);
            var square = 0.0;
            for (var i = member(at); i < head_dim; i += members(group)) {
                let centred = x[start + i * step] - mean;
                square += centred * centred;
            }
            factor = inverseSqrt(team_sum(group, at, square) / f32(head_dim) + eps);
        }
        for (var i = member(at); i < head_dim; i += members(group)) {
            var value = (x[start + i * step] - mean) * factor;
            if token >= first && i < rotary {
                let angle = (picture % sizes[8] * sizes[9] + token - first) * rotary + i;
                let left = i < half;
                let partner = select(i - half, i + half, left);
                let other = (x[start + partner * step] - mean) * factor;
                value = value * cosines[angle] + select(other, -other, left) * sines[angle];
            }
            output[row * head_dim + i] = value;
        }
    }
}
