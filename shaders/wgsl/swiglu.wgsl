// output = up · gate / (1 + exp(-gate)), the gate being the first half of every row.
//
// gate_up: [rows, 2 · width], row-major; output: [rows, width]
// sizes: rows · width, width
// One invocation a number; workgroups beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> gate_up: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * {{ workgroup }}u + local;
    if i >= sizes[0] {
        return;
    }
    let width = sizes[1];
    let at = i / width * 2u * width + i % width;
    let gate = gate_up[at];
    // Beyond 80 the exponential would not be finite, and gate / (1 + it) is nothing anyway.
    output[i] = gate_up[at + width] * gate / (1.0 + exp(min(-gate, 80.0)));
}
