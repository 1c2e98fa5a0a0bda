// output = x · Wᵀ + bias for few rows of x, in whole numbers: x at eight bits too, four products in one instruction.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed/…); bias: [out];
// output: [rows, out]
// sizes: rows, columns, out
//
// As mul_mat_vec.wgsl, but an invocation first rounds its 32 numbers of x to multiples of a 127th of the largest, so that
// a block's product is a sum of whole numbers, which is exact.

const OUT: u32 = 4u;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, at: Lane) {
    let rows = sizes[0];
    let columns = sizes[1];
    let out = sizes[2];
    let item = group.y * groups.x + group.x;
    let row = item % rows;
    let first = item / rows * OUT;
    if first >= out {
        return;
    }
    let blocks = columns / 32u;
    var sums = vec4<f32>();
    for (var block = at.index; block < blocks; block += WORKGROUP) {
        var part: array<vec4<f32>, 8>;
        var peaks = vec4<f32>();
        let start = (row * blocks + block) * 8u;
        for (var i = 0u; i < 8u; i++) {
            part[i] = x[start + i];
            peaks = max(peaks, abs(part[i]));
        }
        let peak = max(max(peaks.x, peaks.y), max(peaks.z, peaks.w));
        // Zeros stay zeros.
        let factor = select(0.0, 127.0 / peak, peak > 0.0);
        var bytes: array<vec2<u32>, 4>;
        var sum_of_x = 0;
        for (var j = 0u; j < 4u; j++) {
            bytes[j] = packed_like_codes(vec4<i32>(round(part[2u * j] * factor)), vec4<i32>(round(part[2u * j + 1u] * factor)));
            sum_of_x += dot4I8Packed(bytes[j].x, 0x01010101u) + dot4I8Packed(bytes[j].y, 0x01010101u);
        }
        for (var i = 0u; i < OUT; i++) {
            // The last workgroup counts the last row again rather than branch.
            let w_row = min(first + i, out - 1u);
            var product = 0;
            for (var j = 0u; j < 4u; j++) {
                let eight = eight_bytes((w_row * blocks + block) * 4u + j);
                product += dot4I8Packed(eight.x, bytes[j].x) + dot4I8Packed(eight.y, bytes[j].y);
            }
            let scale = block_scale(w_row, block, blocks) * (peak / 127.0);
            sums[i] += scale.x * f32(product) + scale.y * f32(sum_of_x);
        }
    }
    let all = workgroup_sum(at, sums);
    if at.index < OUT && first + at.index < out {
        output[row * out + first + at.index] = all[at.index] + bias[first + at.index];
    }
}
