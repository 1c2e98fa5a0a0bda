// output = weight · x / sqrt(mean(x²) + eps) for each row.
//
// x, output: [rows, width], row-major; weight: [width]
// sizes: rows, width, eps (bits of f32)
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let row = place(group);
    let width = sizes[1];
    if row >= sizes[0] {
        return;
    }
    let start = row * width;
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = x[start + i];
        square += value * value;
    }
    let mean_square = workgroup_sum(group, at, square) / f32(width);
    let factor = inverseSqrt(mean_square + bitcast<f32>(sizes[2]));
    for (var i = at.index; i < width; i += WORKGROUP) {
        output[start + i] = x[start + i] * factor * weight[i];
    }
}
