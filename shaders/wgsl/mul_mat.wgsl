// output = x · Wᵀ + bias for many rows of x.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed/…); bias: [out];
// output: [rows, out]
// sizes: rows, columns, out
//
// A workgroup makes a tile of 64×64 numbers and goes through the columns in blocks of 32, which all its invocations fetch
// together: W unpacked, x as it is. An invocation sums 4×4 numbers, in f32. Workgroups: ⌈rows / 64⌉ · ⌈out / 64⌉, the
// tiles of one part of W next to each other; beyond the x limit of a dispatch they go on in y.

const TILE: u32 = 64u;
const DEPTH: u32 = 32u;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read_write> sizes: array<u32>;

// Column-major, so that neighbours in a row of 64 lie in different banks.
var<workgroup> x_tile: array<f32, 2048>; // DEPTH · TILE
var<workgroup> w_tile: array<f32, 2048>; // DEPTH · TILE

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let rows = sizes[0];
    let columns = sizes[1];
    let out = sizes[2];
    let item = group.y * groups.x + group.x;
    let row_tiles = (rows + TILE - 1u) / TILE;
    let first_row = item % row_tiles * TILE;
    let first_out = item / row_tiles * TILE;
    if first_out >= out {
        return;
    }
    let blocks = columns / 32u;
    // What this invocation fetches: eight columns of one row of each tile.
    let fetched = lane % TILE;
    let eighth = lane / TILE;
    let x_row = min(first_row + fetched, rows - 1u);
    let w_row = min(first_out + fetched, out - 1u);
    // What it sums: four rows of x by four of W.
    let left = lane % 16u * 4u;
    let top = lane / 16u * 4u;
    var sums: array<vec4<f32>, 4>;
    for (var block = 0u; block < blocks; block++) {
        let x_at = (x_row * blocks + block) * 8u + 2u * eighth;
        let near = x[x_at];
        let far = x[x_at + 1u];
        let eight = eight_codes((w_row * blocks + block) * 4u + eighth);
        let scale = block_scale(w_row, block, blocks);
        let w_near = scale.x * eight[0] + scale.y;
        let w_far = scale.x * eight[1] + scale.y;
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            let at = (8u * eighth + i) * TILE + fetched;
            x_tile[at] = near[i];
            x_tile[at + 4u * TILE] = far[i];
            w_tile[at] = w_near[i];
            w_tile[at + 4u * TILE] = w_far[i];
        }
        workgroupBarrier();
        for (var depth = 0u; depth < DEPTH; depth++) {
            let at = depth * TILE;
            let w = vec4<f32>(w_tile[at + left], w_tile[at + left + 1u], w_tile[at + left + 2u], w_tile[at + left + 3u]);
            for (var i = 0u; i < 4u; i++) {
                sums[i] += x_tile[at + top + i] * w;
            }
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + top + i;
        if row < rows {
            for (var j = 0u; j < 4u; j++) {
                let column = first_out + left + j;
                if column < out {
                    output[row * out + column] = sums[i][j] + bias[column];
                }
            }
        }
    }
}
