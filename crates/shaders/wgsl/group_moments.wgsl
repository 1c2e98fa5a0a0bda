// Moments of parts of groups of channels: for each part how many numbers it has, their mean, and the sum of the squares of what
// they are off it.
//
// x: [batch, groups · each, pixels], the pixels of a channel next to each other; output: [batch · groups, parts, 3], row-major
// A part is PART numbers of a group, the last one what is left. One workgroup a part, so that there are many whatever the groups
// are; it reads its numbers twice, the second time from a cache. Parts are summed up by merge_moments.wgsl.
// Workgroups: batch · groups · parts; beyond the x limit of a dispatch they go on in y.

#import sum

const WORKGROUP: u32 = 256u;
const PART: u32 = 4096u;

alias Sum = vec2<f32>;

struct Sizes {
    rows: u32, // batch · groups
    groups: u32,
    each: u32, // channels of a group
    pixels: u32,
    parts: u32, // of a group
    picture_stride: u32,
    channel_stride: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

// A number of the group that begins at `start`. Integers are divided slowly: only where channels lie apart.
fn number(start: u32, i: u32) -> f32 {
    var at = start + i;
    if sizes.channel_stride != sizes.pixels {
        at += i / sizes.pixels * (sizes.channel_stride - sizes.pixels);
    }
    return x[at];
}

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let item = workgroup_index(workgroup);
    if item >= sizes.rows * sizes.parts {
        return;
    }
    let row = item / sizes.parts;
    let first = item % sizes.parts * PART;
    let end = min(first + PART, sizes.each * sizes.pixels);
    let count = f32(end - first);
    let start = row / sizes.groups * sizes.picture_stride + row % sizes.groups * sizes.each * sizes.channel_stride;

    var sum = vec2<f32>();
    for (var i = first + at.index; i < end; i += WORKGROUP) {
        sum.x += number(start, i);
    }
    let near = workgroup_sum(workgroup, at, sum).x / count;
    // What the rounding of a large mean has left is in these sums.
    var moments = vec2<f32>();
    for (var i = first + at.index; i < end; i += WORKGROUP) {
        let centred = number(start, i) - near;
        moments += vec2(centred, centred * centred);
    }
    moments = workgroup_sum(workgroup, at, moments);
    if at.index == 0u {
        output[item * 3u] = count;
        output[item * 3u + 1u] = near + moments.x / count;
        output[item * 3u + 2u] = moments.y - moments.x * (moments.x / count);
    }
}
