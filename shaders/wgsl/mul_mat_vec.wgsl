// output = x · Wᵀ + bias for few rows of x: every weight is read from memory once.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed/…); bias: [out];
// output: [rows, out]
// sizes: rows, columns, out
//
// A workgroup takes four rows of W and one row of x; an invocation takes every WORKGROUP-th block of 32 columns, holds it
// (common/held/…) and serves all four rows with it, so that x is read a quarter as often. A block's codes are summed first,
// then come scale and offset; sums over blocks are f32.
// Workgroups: ⌈out / 4⌉ · rows, the rows of x next to each other so that they share W in the cache; beyond the x limit
// of a dispatch they go on in y.

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
        var held = hold((row * blocks + block) * 8u);
        for (var i = 0u; i < OUT; i++) {
            // The last workgroup counts the last row again rather than branch.
            let w_row = min(first + i, out - 1u);
            let scale = block_scale(w_row, block, blocks);
            sums[i] += scale.x * product_with(&held, (w_row * blocks + block) * 4u) + scale.y * held.sum;
        }
    }
    let all = workgroup_sum(at, sums);
    if at.index < OUT && first + at.index < out {
        output[row * out + first + at.index] = all[at.index] + bias[first + at.index];
    }
}
