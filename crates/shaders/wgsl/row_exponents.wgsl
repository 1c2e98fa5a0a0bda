// exponents[row] = the largest exponent of the numbers in a row: each is below 2^(exponent + 1). 128 if one is not finite.
//
// codes, scales: [rows, columns] packed (common/packed); exponents: [rows]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import packed

const WORKGROUP: u32 = 64u;

struct Sizes {
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<storage, read_write> codes: array<u32>;
@group(0) @binding(1) var<storage, read_write> scales: array<u32>;
@group(0) @binding(2) var<storage, read_write> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> sizes: Sizes;

// As bits, which rise with the number and beyond infinity to NaN: `max` of floats may lose a NaN.
var<workgroup> peaks: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = group.y * groups.x + group.x;
    if row >= sizes.rows {
        return;
    }
    let eighths = sizes.columns / 8u;
    var most = vec4<u32>();
    for (var i = local; i < eighths; i += WORKGROUP) {
        let eight = eight_codes(row * eighths + i);
        let scale = block_scale(row, i / 4u, eighths / 4u);
        for (var half = 0u; half < 2u; half++) {
            most = max(most, bitcast<vec4<u32>>(scale.x * eight[half] + scale.y) & vec4<u32>(0x7fffffffu));
        }
    }
    peaks[local] = max(max(most.x, most.y), max(most.z, most.w));
    workgroupBarrier();
    if local == 0u {
        var peak = 0u;
        for (var i = 0u; i < WORKGROUP; i++) {
            peak = max(peak, peaks[i]);
        }
        exponents[row] = i32(peak >> 23u) - 127;
    }
}
