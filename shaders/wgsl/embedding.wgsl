// output[i] = row ids[i] - first of a packed table, or zeros where the table has no such row.
//
// codes, scales: the table [rows, columns] packed (common/packed/…); ids: [count]; output: [count, columns]
// sizes: count, columns, rows, first
// One invocation for eight numbers; workgroups beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> codes: array<u32>;
@group(0) @binding(1) var<storage, read_write> scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> ids: array<i32>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * {{ workgroup }}u + local;
    let eighths = sizes[1] / 8u;
    if i >= sizes[0] * eighths {
        return;
    }
    // An id below the first wraps around and is larger than any row.
    let row = bitcast<u32>(ids[i / eighths]) - sizes[3];
    var eight: array<vec4<f32>, 2>;
    if row < sizes[2] {
        let place = i % eighths;
        let scale = block_scale(row, place / 4u, eighths / 4u);
        eight = eight_codes(row * eighths + place);
        eight[0] = scale.x * eight[0] + scale.y;
        eight[1] = scale.x * eight[1] + scale.y;
    }
    output[2u * i] = eight[0];
    output[2u * i + 1u] = eight[1];
}
