// output = (x - mean) / sqrt(var + eps) · (1 + scale) + shift for each row.
//
// x, output: [rows, width], row-major; shift, scale: [rows / tokens, width]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import sum

const WORKGROUP: u32 = 256u;

alias Sum = f32;

struct Sizes {
    rows: u32,
    width: u32,
    tokens: u32, // that share a shift and a scale
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> shift: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    let width = sizes.width;
    if row >= sizes.rows {
        return;
    }
    let start = row * width;
    let condition = row / sizes.tokens * width;
    var sum = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        sum += x[start + i];
    }
    let mean = workgroup_sum(workgroup, at, sum) / f32(width);
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let centred = x[start + i] - mean;
        square += centred * centred;
    }
    let variance = workgroup_sum(workgroup, at, square) / f32(width);
    let factor = inverseSqrt(variance + sizes.eps);
    for (var i = at.index; i < width; i += WORKGROUP) {
        let normal = (x[start + i] - mean) * factor;
        output[start + i] = normal * (1.0 + scale[condition + i]) + shift[condition + i];
    }
}
