// output = x · Wᵀ + bias for many rows of x, by cooperative matrices.
//
// x: [rows, columns], row-major; codes, scales: W [out, columns] packed (common/packed); bias: [out];
// x_exponents: [rows], w_exponents: [out], as row_exponents.wgsl finds them; output: [rows, out]
//
// A workgroup makes a tile of 4·SIDE × 4·SIDE numbers and goes through the columns a block at a time, which all its
// invocations fetch together, W unpacked, as numbers of common/number. These may be f16, so rows of x and of W are
// scaled by powers of two (common/exponents), which the sums are freed of at the end. Its first four subgroups sum a quarter
// each, 2×2 matrices, in f32; more there may be, where a driver makes them smaller than it could.
// Workgroups: ⌈rows / (4·SIDE)⌉ · ⌈out / (4·SIDE)⌉, the tiles of one part of W next to each other; beyond the x limit of a
// dispatch they go on in y.

#import exponents
#import matrices
#import number
#import packed

const WORKGROUP: u32 = 256u; // four of the largest subgroups
const MATRICES: u32 = 4u; // along each side of a tile
const TILE: u32 = MATRICES * SIDE;
const DEPTH: u32 = 32u;
// The distance of a tile's rows: a little more, so that they lie in other banks.
const STEP: u32 = DEPTH + 8u;

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
@group(0) @binding(4) var<storage, read_write> x_exponents: array<i32>;
@group(0) @binding(5) var<storage, read_write> w_exponents: array<i32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;
@group(0) @binding(7) var<storage, read> sizes: Sizes;

var<workgroup> x_tile: array<Number, TILE * STEP>;
var<workgroup> w_tile: array<Number, TILE * STEP>;
// What the rows of the tiles are multiplied by.
var<workgroup> x_factors: array<f32, TILE>;
var<workgroup> w_factors: array<f32, TILE>;
// A matrix of each of the four subgroups.
var<workgroup> finished: array<f32, 4u * SIDE * SIDE>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let rows = sizes.rows;
    let columns = sizes.columns;
    let out = sizes.out;
    let item = sizes.first_workgroup + group.y * groups.x + group.x;
    let row_tiles = (rows + TILE - 1u) / TILE;
    let first_row = item % row_tiles * TILE;
    let first_out = item / row_tiles * TILE;
    if first_out >= out {
        return;
    }
    let blocks = columns / DEPTH;
    // Further subgroups do the same once more: matrices ask for uniform control flow.
    let quarter = subgroup % 4u;
    let top = quarter / 2u * 2u * SIDE;
    let left = quarter % 2u * 2u * SIDE;
    for (var i = local; i < 4u * SIDE * SIDE; i += WORKGROUP) {
        finished[i] = 0.0;
    }
    for (var i = local; i < TILE; i += WORKGROUP) {
        x_factors[i] = factor_of(x_exponents[min(first_row + i, rows - 1u)]);
        w_factors[i] = factor_of(w_exponents[min(first_out + i, out - 1u)]);
    }
    workgroupBarrier();
    var upper_left = coopLoadT<Sums>(&finished[0], SIDE);
    var upper_right = upper_left;
    var lower_left = upper_left;
    var lower_right = upper_left;
    for (var block = 0u; block < blocks; block++) {
        workgroupBarrier();
        // Eight columns of a row at a time.
        for (var i = local; i < TILE * DEPTH / 8u; i += WORKGROUP) {
            let fetched = i / 4u;
            let eighth = i % 4u;
            let x_row = min(first_row + fetched, rows - 1u);
            let x_at = (x_row * blocks + block) * 8u + 2u * eighth;
            let w_row = min(first_out + fetched, out - 1u);
            let eight = eight_codes((w_row * blocks + block) * 4u + eighth);
            let scale = block_scale(w_row, block, blocks);
            let place = fetched * STEP + 8u * eighth;
            for (var half = 0u; half < 2u; half++) {
                let x_four = numbers(x_factors[fetched] * x[x_at + half]);
                let w_four = numbers(w_factors[fetched] * (scale.x * eight[half] + scale.y));
                for (var j = 0u; j < 4u; j++) {
                    x_tile[place + 4u * half + j] = x_four[j];
                    w_tile[place + 4u * half + j] = w_four[j];
                }
            }
        }
        workgroupBarrier();
        for (var depth = 0u; depth < DEPTH; depth += SIDE) {
            let upper = coopLoadT<Left>(&x_tile[top * STEP + depth], STEP);
            let lower = coopLoadT<Left>(&x_tile[(top + SIDE) * STEP + depth], STEP);
            let west = coopLoad<Right>(&w_tile[left * STEP + depth], STEP);
            let east = coopLoad<Right>(&w_tile[(left + SIDE) * STEP + depth], STEP);
            upper_left = coopMultiplyAdd(upper, west, upper_left);
            upper_right = coopMultiplyAdd(upper, east, upper_right);
            lower_left = coopMultiplyAdd(lower, west, lower_left);
            lower_right = coopMultiplyAdd(lower, east, lower_right);
        }
    }
    let place = quarter * SIDE * SIDE;
    for (var part = 0u; part < 4u; part++) {
        workgroupBarrier();
        switch part {
            case 0u: { coopStoreT(upper_left, &finished[place], SIDE); }
            case 1u: { coopStoreT(upper_right, &finished[place], SIDE); }
            case 2u: { coopStoreT(lower_left, &finished[place], SIDE); }
            default: { coopStoreT(lower_right, &finished[place], SIDE); }
        }
        workgroupBarrier();
        for (var i = local; i < 4u * SIDE * SIDE; i += WORKGROUP) {
            let whose = i / (SIDE * SIDE);
            let row = first_row + (whose / 2u * 2u + part / 2u) * SIDE + i / SIDE % SIDE;
            let column = first_out + (whose % 2u * 2u + part % 2u) * SIDE + i % SIDE;
            if row < rows && column < out {
                output[row * out + column] = unscaled(finished[i], x_exponents[row], w_exponents[column]) + bias[column];
            }
        }
    }
}
