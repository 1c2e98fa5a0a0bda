// output = silu(weight · (x - mean) / sqrt(var + eps) + bias), mean and variance over each group of channels.
//
// x, output: [batch, groups · each, pixels], row-major; weight, bias: [groups · each]
// sizes: batch · groups, groups, each (channels of a group), pixels, eps (bits of f32)
// One workgroup a group; groups beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let row = place(group);
    if row >= sizes[0] {
        return;
    }
    let pixels = sizes[3];
    let count = sizes[2] * pixels;
    let start = row * count;
    var sum = 0.0;
    for (var i = at.index; i < count; i += WORKGROUP) {
        sum += x[start + i];
    }
    let mean = workgroup_sum(group, at, sum) / f32(count);
    var square = 0.0;
    for (var i = at.index; i < count; i += WORKGROUP) {
        let centred = x[start + i] - mean;
        square += centred * centred;
    }
    let variance = workgroup_sum(group, at, square) / f32(count);
    let factor = inverseSqrt(variance + bitcast<f32>(sizes[4]));
    let first = row % sizes[1] * sizes[2];
    for (var i = at.index; i < count; i += WORKGROUP) {
        let channel = first + i / pixels;
        let y = (x[start + i] - mean) * factor * weight[channel] + bias[channel];
        // Beyond 80 the exponential would not be finite, and y / (1 + it) is nothing anyway.
        output[start + i] = y / (1.0 + exp(min(-y, 80.0)));
    }
}
