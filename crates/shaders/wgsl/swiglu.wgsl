// output = up · gate / (1 + exp(-gate)), the gate being the first half of every row.
//
// gate_up: [rows, 2 · width], row-major; output: [rows, width]
// One invocation a number; workgroups beyond the x limit of a dispatch go on in y.

const WORKGROUP: u32 = 256u;

struct Sizes {
    count: u32, // rows · width
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> gate_up: array<f32>;
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
    let width = sizes.width;
    let at = i / width * 2u * width + i % width;
    let gate = gate_up[at];
    // Beyond 80 the exponential would not be finite, and gate / (1 + it) is nothing anyway.
    output[i] = gate_up[at + width] * gate / (1.0 + exp(min(-gate, 80.0)));
}
