// output = x · Wᵀ + bias for many rows of x.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed); bias: [out];
// output: [rows, out]
//
// A workgroup makes a tile of 128×64 numbers and goes through the columns sixteen at a time, which all its invocations
// fetch together, W unpacked. An invocation sums 8×4 numbers.
// Workgroups: ⌈rows / 128⌉ · ⌈out / 64⌉, the tiles of one part of W next to each other; beyond the x limit of a dispatch
// they go on in y.

#import packed

const WORKGROUP: u32 = 256u;
const ROWS: u32 = 128u;
const OUT: u32 = 64u;
const DEPTH: u32 = 16u;

struct Sizes {
    rows: u32,
    columns: u32,
    out: u32,
    first_workgroup: u32, // of a part of the dispatch
}

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: Sizes;

// Four columns of a row together, rows next to each other: invocations read and write neighbours, and a product takes four
// numbers at a time.
var<workgroup> x_tile: array<vec4<f32>, DEPTH / 4u * ROWS>;
var<workgroup> w_tile: array<vec4<f32>, DEPTH / 4u * OUT>;

// Four neighbours of the tile, each times the columns of `w`.
fn products(at: u32, w: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        x_tile[at] * w,
        x_tile[at + 1u] * w,
        x_tile[at + 2u] * w,
        x_tile[at + 3u] * w,
    );
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let rows = sizes.rows;
    let columns = sizes.columns;
    let out = sizes.out;
    let item = sizes.first_workgroup + group.y * groups.x + group.x;
    let row_tiles = (rows + ROWS - 1u) / ROWS;
    let first_row = item % row_tiles * ROWS;
    let first_out = item / row_tiles * OUT;
    if first_out >= out {
        return;
    }
    // What it fetches: of a row of x two times four columns, and half of all invocations eight columns of a row of W.
    let x_fetched = lane % ROWS;
    let x_half = lane / ROWS;
    let x_start = min(first_row + x_fetched, rows - 1u) * (columns / 4u) + x_half;
    let w_fetched = lane % OUT;
    let w_half = lane / OUT;
    let w_row = min(first_out + w_fetched, out - 1u);
    // What it sums: eight rows of x by four of W, which are 16 apart.
    let left = lane % 16u;
    let top = lane / 16u * 8u;
    var upper = mat4x4<f32>();
    var lower = mat4x4<f32>();
    for (var step = 0u; step < columns / DEPTH; step++) {
        let near = x[x_start + step * 4u];
        let far = x[x_start + step * 4u + 2u];
        var w_near = vec4<f32>();
        var w_far = vec4<f32>();
        if w_half < 2u {
            let eight = eight_codes(w_row * (columns / 8u) + step * 2u + w_half);
            let scale = block_scale(w_row, step / 2u, columns / 32u);
            w_near = scale.x * eight[0] + scale.y;
            w_far = scale.x * eight[1] + scale.y;
        }
        workgroupBarrier();
        x_tile[x_half * ROWS + x_fetched] = near;
        x_tile[(x_half + 2u) * ROWS + x_fetched] = far;
        if w_half < 2u {
            w_tile[2u * w_half * OUT + w_fetched] = w_near;
            w_tile[(2u * w_half + 1u) * OUT + w_fetched] = w_far;
        }
        workgroupBarrier();
        // The last tile may have fewer rows.
        for (var quad = 0u; quad < DEPTH / 4u && first_row + top < rows; quad++) {
            let at = quad * OUT + left;
            let w = mat4x4(w_tile[at], w_tile[at + 16u], w_tile[at + 32u], w_tile[at + 48u]);
            upper += products(quad * ROWS + top, w);
            lower += products(quad * ROWS + top + 4u, w);
        }
    }
    for (var i = 0u; i < 8u; i++) {
        let row = first_row + top + i;
        if row < rows {
            for (var j = 0u; j < 4u; j++) {
                let column = first_out + left + 16u * j;
                if column < out {
                    output[row * out + column] = select(lower[i % 4u][j], upper[i % 4u][j], i < 4u) + bias[column];
                }
            }
        }
    }
}
