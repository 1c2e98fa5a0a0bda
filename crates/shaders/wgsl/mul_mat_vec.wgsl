// output = x · Wᵀ + bias for few rows of x: every weight is read from memory once.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed); bias: [out];
// output: [rows, out]
//
// A group (common/sum) takes four rows of W and one row of x, an item; each lane takes every so many blocks of 32 columns,
// loads one (common/x_tile) and serves all four rows with it, so that x is read a quarter as often. Sums over blocks are f32.
// Items: ⌈out / 4⌉ · rows, the rows of x next to each other so that they share W in the cache.

#import packed
#import sum
#import x_tile

const OUT: u32 = 4u;

const WORKGROUP: u32 = 64u;

alias Sum = vec4<f32>;

struct Sizes {
    rows: u32,
    columns: u32,
    out: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let rows = sizes.rows;
    let columns = sizes.columns;
    let out = sizes.out;
    let items = (out + OUT - 1u) / OUT * rows;
    let first_item = workgroup_index(workgroup) * ITEMS;
    if first_item >= items {
        return;
    }
    let blocks = columns / 32u;
    for (var next = 0u; next < ITEMS; next += groups(workgroup)) {
        // Where items or rows have run out the last counts again: all stay together for the sum.
        let item = min(first_item + next + group(at), items - 1u);
        let row = item % rows;
        let first = item / rows * OUT;
        var sums = vec4<f32>();
        for (var block = lane(at); block < blocks; block += lanes(workgroup)) {
            var tile = load_tile((row * blocks + block) * 8u);
            for (var i = 0u; i < OUT; i++) {
                let w_row = min(first + i, out - 1u);
                let scale = block_scale(w_row, block, blocks);
                sums[i] += product_with(&tile, (w_row * blocks + block) * 4u, scale);
            }
        }
        let all = group_sum(workgroup, at, sums);
        let own = first + lane(at);
        if lane(at) < OUT && own < out {
            output[row * out + own] = all[lane(at)] + bias[own];
        }
    }
}
