// output = x · Wᵀ + bias for many rows of x.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed/…); bias: [out];
// output: [rows, out]
// sizes: rows, columns, out
//
// A workgroup makes a tile of 128×64 numbers and goes through the columns sixteen at a time, which all its invocations
// fetch together, W unpacked, and hold as numbers of common/number/…. An invocation sums 8×4 numbers, in f32.
// Workgroups: ⌈rows / 128⌉ · ⌈out / 64⌉, the tiles of one part of W next to each other; beyond the x limit of a dispatch
// they go on in y.

const ROWS: u32 = 128u;
const OUT: u32 = 64u;
const DEPTH: u32 = 16u;

@group(0) @binding(0) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: array<u32>;

// Column-major, so that what neighbours write lies in different banks.
var<workgroup> x_tile: array<Number, 2048>; // DEPTH · ROWS
var<workgroup> w_tile: array<Number, 1024>; // DEPTH · OUT

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
    let row_tiles = (rows + ROWS - 1u) / ROWS;
    let first_row = item % row_tiles * ROWS;
    let first_out = item / row_tiles * OUT;
    if first_out >= out {
        return;
    }
    // What it fetches: of a row of x two times four columns, and half of all invocations eight columns of a row of W.
    let x_fetched = lane % ROWS;
    let x_quarter = lane / ROWS;
    let x_start = min(first_row + x_fetched, rows - 1u) * (columns / 4u) + x_quarter;
    let w_fetched = lane % OUT;
    let w_half = lane / OUT;
    let w_row = min(first_out + w_fetched, out - 1u);
    // What it sums: eight rows of x by four of W.
    let left = lane % 16u * 4u;
    let top = lane / 16u * 8u;
    var sums: array<vec4<f32>, 8>;
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
        for (var i = 0u; i < 4u; i++) {
            x_tile[(4u * x_quarter + i) * ROWS + x_fetched] = number(near[i]);
            x_tile[(4u * x_quarter + 8u + i) * ROWS + x_fetched] = number(far[i]);
        }
        if w_half < 2u {
            for (var i = 0u; i < 4u; i++) {
                w_tile[(8u * w_half + i) * OUT + w_fetched] = number(w_near[i]);
                w_tile[(8u * w_half + 4u + i) * OUT + w_fetched] = number(w_far[i]);
            }
        }
        workgroupBarrier();
        for (var depth = 0u; depth < DEPTH; depth++) {
            let at = depth * OUT + left;
            let w = vec4<f32>(vec4<Number>(w_tile[at], w_tile[at + 1u], w_tile[at + 2u], w_tile[at + 3u]));
            for (var i = 0u; i < 8u; i++) {
                sums[i] += f32(x_tile[depth * ROWS + top + i]) * w;
            }
        }
    }
    for (var i = 0u; i < 8u; i++) {
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
