// output = silu(weight · (x - near - rest) · factor + bias) with near, rest and factor of each group of channels
// (merge_moments.wgsl).
//
// x: [batch, groups · each, pixels], the pixels of a channel next to each other; moments: [batch · groups, 3]; weight, bias: [groups · each]
// output: [batch, groups · each, pixels], row-major
// A workgroup takes PART pixels of a channel. Workgroups: batch · channels · parts; beyond the x limit they go on in y.

const WORKGROUP: u32 = 256u;
const PART: u32 = 1024u;

struct Sizes {
    rows: u32, // batch · channels
    channels: u32,
    each: u32, // channels of a group
    pixels: u32,
    picture_stride: u32,
    channel_stride: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let pixels = sizes.pixels;
    let parts = (pixels + PART - 1u) / PART;
    let item = group.y * groups.x + group.x;
    let row = item / parts;
    if row >= sizes.rows {
        return;
    }
    let channel = row % sizes.channels;
    // Channels of a group lie together, in every picture.
    let of_group = row / sizes.each * 3u;
    let near = moments[of_group];
    let rest = moments[of_group + 1u];
    let factor = moments[of_group + 2u] * weight[channel];
    let shift = bias[channel];
    let start = row / sizes.channels * sizes.picture_stride + channel * sizes.channel_stride;
    let first = item % parts * PART;
    let end = min(first + PART, pixels);
    for (var pixel = first + local; pixel < end; pixel += WORKGROUP) {
        let y = (x[start + pixel] - near - rest) * factor + shift;
        // Beyond 80 the exponential would not be finite, and y / (1 + it) is nothing anyway.
        output[row * pixels + pixel] = y / (1.0 + exp(min(-y, 80.0)));
    }
}
