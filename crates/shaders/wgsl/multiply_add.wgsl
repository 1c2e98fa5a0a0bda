// `steps` times, for each pair of numbers: (a, b) = (a + SLOPE·b, b - SLOPE·a)
//
// x, output: [2, count], a and then b
// Every invocation keeps FOURS·4 pairs in registers, so that nothing but multiply-adds takes time. Pairs turn around zero: their
// bits change with every step, and their size hardly does. Workgroups beyond the x limit of a dispatch go on in y.

const WORKGROUP: u32 = 256u;
const FOURS: u32 = 4u;
const SLOPE: f32 = 0.0078125;

struct Sizes {
    fours: u32, // count / 4
    steps: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let fours = sizes.fours;
    let place = (group.y * groups.x + group.x) * WORKGROUP * FOURS + local;
    if place >= fours {
        return;
    }
    // What is beyond the end is the last once more.
    let last = fours - 1u;
    let p0 = place;
    let p1 = min(place + WORKGROUP, last);
    let p2 = min(place + 2u * WORKGROUP, last);
    let p3 = min(place + 3u * WORKGROUP, last);
    var a0 = x[p0];
    var a1 = x[p1];
    var a2 = x[p2];
    var a3 = x[p3];
    var b0 = x[fours + p0];
    var b1 = x[fours + p1];
    var b2 = x[fours + p2];
    var b3 = x[fours + p3];
    let up = vec4<f32>(SLOPE);
    let down = vec4<f32>(-SLOPE);
    for (var step = 0u; step < sizes.steps; step++) {
        let c0 = fma(up, b0, a0);
        let c1 = fma(up, b1, a1);
        let c2 = fma(up, b2, a2);
        let c3 = fma(up, b3, a3);
        b0 = fma(down, a0, b0);
        b1 = fma(down, a1, b1);
        b2 = fma(down, a2, b2);
        b3 = fma(down, a3, b3);
        a0 = c0;
        a1 = c1;
        a2 = c2;
        a3 = c3;
    }
    output[p0] = a0;
    output[p1] = a1;
    output[p2] = a2;
    output[p3] = a3;
    output[fours + p0] = b0;
    output[fours + p1] = b1;
    output[fours + p2] = b2;
    output[fours + p3] = b3;
}
