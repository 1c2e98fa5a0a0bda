// Every head standardised if eps is not negative; then the first `rotary` channels of the tokens from `first` on turned:
// channel i and i + rotary / 2 by (cos, sin).
//
// x: [batch, heads, seq, head_dim] with any strides; output: the same, row-major
// cos, sin: [angle_batch, seq - first, rotary], row-major
// sizes: rows = batch · heads · seq, heads, seq, head_dim, the four strides of x, angle_batch, seq - first, rotary, first,
//        eps (bits of f32)
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(2) var<storage, read_write> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, at: Lane) {
    let row = group.y * groups.x + group.x;
    if row >= sizes[0] {
        return;
    }
    let heads = sizes[1];
    let seq = sizes[2];
    let head_dim = sizes[3];
    let picture = row / seq / heads;
    let head = row / seq % heads;
    let token = row % seq;
    let start = picture * sizes[4] + head * sizes[5] + token * sizes[6];
    let step = sizes[7];
    let eps = bitcast<f32>(sizes[12]);

    var mean = 0.0;
    var factor = 1.0;
    if eps >= 0.0 {
        var sum = 0.0;
        for (var i = at.index; i < head_dim; i += WORKGROUP) {
            sum += x[start + i * step];
        }
        mean = workgroup_sum(at, sum) / f32(head_dim);
        var square = 0.0;
        for (var i = at.index; i < head_dim; i += WORKGROUP) {
            let centred = x[start + i * step] - mean;
            square += centred * centred;
        }
        factor = inverseSqrt(workgroup_sum(at, square) / f32(head_dim) + eps);
    }

    let rotary = sizes[10];
    let half = rotary / 2u;
    let first = sizes[11];
    for (var i = at.index; i < head_dim; i += WORKGROUP) {
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
