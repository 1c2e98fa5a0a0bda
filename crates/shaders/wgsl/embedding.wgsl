// output[i] = row ids[i] - first of a packed table, or zeros where the table has no such row.
//
// codes, scales: the table [rows, columns] packed (common/packed); ids: [count]; output: [count, columns]
// One invocation for NUMBERS of a row; workgroups beyond the x limit of a dispatch go on in y.

#import packed

const WORKGROUP: u32 = 256u;
const NUMBERS: u32 = 8u; // of an invocation

struct Sizes {
    count: u32,
    columns: u32,
    rows: u32,
    first: u32, // id of the table
}

@group(0) @binding(0) var<storage, read_write> codes: array<u32>;
@group(0) @binding(1) var<storage, read_write> scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> ids: array<i32>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * WORKGROUP + local;
    let eighths = sizes.columns / NUMBERS;
    if i >= sizes.count * eighths {
        return;
    }
    // An id below the first wraps around and is larger than any row.
    let row = bitcast<u32>(ids[i / eighths]) - sizes.first;
    var eight: array<vec4<f32>, 2>;
    if row < sizes.rows {
        let place = i % eighths;
        let scale = block_scale(row, place / 4u, eighths / 4u);
        eight = eight_codes(row * eighths + place);
        eight[0] = scale.x * eight[0] + scale.y;
        eight[1] = scale.x * eight[1] + scale.y;
    }
    output[2u * i] = eight[0];
    output[2u * i + 1u] = eight[1];
}
