// output = scale · x in f32, of f16 with two numbers in a word, which every device can read.
//
// x: [rows, width / 2]; scales: [rows]; output: [rows, width], row-major
// One invocation a word; workgroups beyond the x limit of a dispatch go on in y.

const WORKGROUP: u32 = 256u;

struct Sizes {
    words: u32,
    of_row: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> scales: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + local;
    if i < sizes.words {
        output[i] = scales[i / sizes.of_row] * unpack2x16float(x[i]);
    }
}
