// Mean and factor of groups from the moments of their parts (group_moments.wgsl): near, rest and 1 / sqrt(variance + eps), where
// the mean is near + rest, so that its rounding does not matter beside a small variance.
//
// moments: [rows, parts, 3]: count, mean and squares; output: [rows, 3]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import inverse_root
#import sum

const WORKGROUP: u32 = 256u;

alias Sum = vec2<f32>;

struct Sizes {
    rows: u32, // batch · groups
    parts: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> moments: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    if row >= sizes.rows {
        return;
    }
    let first = row * sizes.parts;
    var sum = vec2<f32>();
    for (var part = at.index; part < sizes.parts; part += WORKGROUP) {
        let i = (first + part) * 3u;
        sum += vec2(moments[i], moments[i] * moments[i + 1u]);
    }
    sum = workgroup_sum(workgroup, at, sum);
    let count = sum.x;
    let near = sum.y / count;
    // Of the parts' means around it, and of the numbers within the parts and of these means.
    var around = vec2<f32>();
    for (var part = at.index; part < sizes.parts; part += WORKGROUP) {
        let i = (first + part) * 3u;
        let centred = moments[i + 1u] - near;
        around += vec2(moments[i] * centred, moments[i + 2u] + moments[i] * centred * centred);
    }
    around = workgroup_sum(workgroup, at, around) / count;
    let variance = around.y - around.x * around.x;
    if at.index == 0u {
        output[row * 3u] = near;
        output[row * 3u + 1u] = around.x;
        output[row * 3u + 2u] = inverse_root(variance + sizes.eps);
    }
}
