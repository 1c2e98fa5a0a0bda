// output = silu(weight · (x - mean) / sqrt(var + eps) + bias), mean and variance over each group of channels.
//
// x, output: [batch, groups · each, pixels], row-major; weight, bias: [groups · each]
// One workgroup a group; groups beyond the x limit of a dispatch go on in y.

#import sum

const WORKGROUP: u32 = 256u;

alias Sum = f32;

struct Sizes {
    rows: u32, // batch · groups
    groups: u32,
    each: u32, // channels of a group
    pixels: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    if row >= sizes.rows {
        return;
    }
    let pixels = sizes.pixels;
    let count = sizes.each * pixels;
    let start = row * count;
    var sum = 0.0;
    for (var i = at.index; i < count; i += WORKGROUP) {
        sum += x[start + i];
    }
    let mean = workgroup_sum(workgroup, at, sum) / f32(count);
    var square = 0.0;
    for (var i = at.index; i < count; i += WORKGROUP) {
        let centred = x[start + i] - mean;
        square += centred * centred;
    }
    let variance = workgroup_sum(workgroup, at, square) / f32(count);
    let factor = inverseSqrt(variance + sizes.eps);
    let first = row % sizes.groups * sizes.each;
    for (var i = at.index; i < count; i += WORKGROUP) {
        let channel = first + i / pixels;
        let y = (x[start + i] - mean) * factor * weight[channel] + bias[channel];
        // Beyond 80 the exponential would not be finite, and y / (1 + it) is nothing anyway.
        output[start + i] = y / (1.0 + exp(min(-y, 80.0)));
    }
}
