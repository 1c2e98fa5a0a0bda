// output = weight · x / sqrt(mean(x²) + eps) for each row.
//
// x, output: [rows, width], row-major; weight: [width]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import inverse_root
#import sum

const WORKGROUP: u32 = 256u;

alias Sum = f32;

struct Sizes {
    rows: u32,
    width: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    let width = sizes.width;
    if row >= sizes.rows {
        return;
    }
    let start = row * width;
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = x[start + i];
        square += value * value;
    }
    let mean_square = workgroup_sum(workgroup, at, square) / f32(width);
    let factor = inverse_root(mean_square + sizes.eps);
    for (var i = at.index; i < width; i += WORKGROUP) {
        output[start + i] = x[start + i] * factor * weight[i];
    }
}
