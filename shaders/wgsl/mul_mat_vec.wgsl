// output = x · Wᵀ + bias for few rows of x: every weight is read from memory once.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed/…); bias: [out];
// output: [rows, out]
// sizes: rows, columns, out
//
// A team (common/sum*.wgsl) takes four rows of W and one row of x, an item; each member takes every so many blocks of 32
// columns, holds one (common/held/…) and serves all four rows with it, so that x is read a quarter as often. A block's codes
// are summed first, then come scale and offset; sums over blocks are f32.
// Items: ⌈out / 4⌉ · rows, the rows of x next to each other so that they share W in the cache.

const OUT: u32 = 4u;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let rows = sizes[0];
    let columns = sizes[1];
    let out = sizes[2];
    let items = (out + OUT - 1u) / OUT * rows;
    let first_item = place(group) * ITEMS;
    if first_item >= items {
        return;
    }
    let blocks = columns / 32u;
    for (var turn = 0u; turn < ITEMS; turn += teams(group)) {
        // Where items or rows have run out the last counts again: all stay together for the sum.
        let item = min(first_item + turn + team(at), items - 1u);
        let row = item % rows;
        let first = item / rows * OUT;
        var sums = vec4<f32>();
        for (var block = member(at); block < blocks; block += members(group)) {
            var held = hold((row * blocks + block) * 8u);
            for (var i = 0u; i < OUT; i++) {
                let w_row = min(first + i, out - 1u);
                let scale = block_scale(w_row, block, blocks);
                sums[i] += scale.x * product_with(&held, (w_row * blocks + block) * 4u) + scale.y * held.sum;
            }
        }
        let all = team_sum(group, at, sums);
        let own = first + member(at);
        if member(at) < OUT && own < out {
            output[row * out + own] = all[member(at)] + bias[own];
        }
    }
}
