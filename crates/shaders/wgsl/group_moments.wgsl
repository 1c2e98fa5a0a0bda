// Moments of parts of groups of channels: for each part how many numbers it has, their mean, and the sum of the squares of what
// they are off it.
//
// x: [batch, groups · each, height, width] with any strides; output: [batch · groups, parts, 3], row-major
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
    height: u32,
    width: u32,
    parts: u32, // of a group
    x_strides: array<u32, 4>,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

// A number of the group whose first channel begins at `start`.
fn number(start: u32, i: u32) -> f32 {
    let column = i % sizes.width;
    let row = i / sizes.width % sizes.height;
    let channel = i / sizes.width / sizes.height;
    return x[start + channel * sizes.x_strides[1] + row * sizes.x_strides[2] + column * sizes.x_strides[3]];
}

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let item = workgroup_index(workgroup);
    if item >= sizes.rows * sizes.parts {
        return;
    }
    let row = item / sizes.parts;
    let first = item % sizes.parts * PART;
    let end = min(first + PART, sizes.each * sizes.height * sizes.width);
    let count = f32(end - first);
    let start = row / sizes.groups * sizes.x_strides[0] + row % sizes.groups * sizes.each * sizes.x_strides[1];

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
