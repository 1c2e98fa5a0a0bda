// output = silu(weight · (x - mean) / sqrt(var + eps) + bias), mean and variance over each group of channels.
//
// x, output: [batch, groups · each, pixels], row-major; weight, bias: [groups · each]
// One workgroup a group; groups beyond the x limit of a dispatch go on in y.

#import inverse_root
#import sum

const WORKGROUP: u32 = 256u;

alias Sum = vec2<f32>;

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
    var sum = vec2<f32>();
    for (var i = at.index; i < count; i += WORKGROUP) {
        sum.x += x[start + i];
    }
    let near = workgroup_sum(workgroup, at, sum).x / f32(count);
    // What the rounding of a large mean has left is in these sums.
    var moments = vec2<f32>();
    for (var i = at.index; i < count; i += WORKGROUP) {
        let centred = x[start + i] - near;
        moments += vec2(centred, centred * centred);
    }
    moments = workgroup_sum(workgroup, at, moments) / f32(count);
    let mean = near + moments.x;
    let variance = moments.y - moments.x * moments.x;
    let factor = inverse_root(variance + sizes.eps);
    let first = row % sizes.groups * sizes.each;
    for (var i = at.index; i < count; i += WORKGROUP) {
        let channel = first + i / pixels;
        let y = (x[start + i] - mean) * factor * weight[channel] + bias[channel];
        // Beyond 80 the exponential would not be finite, and y / (1 + it) is nothing anyway.
        output[start + i] = y / (1.0 + exp(min(-y, 80.0)));
    }
}
