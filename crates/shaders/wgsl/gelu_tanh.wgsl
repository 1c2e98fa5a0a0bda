// output = x/2 · (1 + tanh(sqrt(2/π)·(x + 0.044715·x³))) = x / (1 + exp(-2·sqrt(2/π)·(x + 0.044715·x³)))
//
// x, output: [count]
// One invocation a number; workgroups beyond the x limit of a dispatch go on in y.

const WORKGROUP: u32 = 256u;

struct Sizes {
    count: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + local;
    if i >= sizes.count {
        return;
    }
    let value = x[i];
    let y = 0.7978846 * (value + 0.044715 * value * value * value);
    // Beyond 80 the exponential would not be finite, and value / (1 + it) is nothing anyway.
    output[i] = value / (1.0 + exp(min(-2.0 * y, 80.0)));
}
