// output = (x - mean) / sqrt(var + eps) · (1 + scale) + shift for each row.
//
// x, output: [rows, width], row-major; shift, scale: [rows / tokens, width]
// sizes: rows, width, tokens that share a shift and a scale, eps (bits of f32)
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> shift: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let row = place(group);
    let width = sizes[1];
    if row >= sizes[0] {
        return;
    }
    let start = row * width;
    let condition = row / sizes[2] * width;
    var sum = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        sum += x[start + i];
    }
    let mean = workgroup_sum(group, at, sum) / f32(width);
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let centred = x[start + i] - mean;
        square += centred * centred;
    }
    let variance = workgroup_sum(group, at, square) / f32(width);
    let factor = inverseSqrt(variance + bitcast<f32>(sizes[3]));
    for (var i = at.index; i < width; i += WORKGROUP) {
        let normal = (x[start + i] - mean) * factor;
        output[start + i] = normal * (1.0 + scale[condition + i]) + shift[condition + i];
    }
}
