// output = x / scale in f16, two numbers in a word, which every device can write; the scale of each row is a power of two.
//
// x: [rows, width], row-major; scales: [rows]; output: [rows, width / 2]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import cache_row::f16

const WORKGROUP: u32 = 64u;

struct Sizes {
    rows: u32,
    width: u32, // even
}

@group(0) @binding(0) var<storage, read_write> x: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read_write> scales: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@group(0) @binding(3) var<storage, read> sizes: Sizes;

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
    let words = sizes.width / 2u;
    var peaks = vec2<u32>();
    for (var i = local; i < words; i += WORKGROUP) {
        peaks = max(peaks, bitcast<vec2<u32>>(x[row * words + i]) & vec2<u32>(0x7fffffffu));
    }
    let factor = row_factor(local, max(peaks.x, peaks.y), row);
    for (var i = local; i < words; i += WORKGROUP) {
        output[row * words + i] = pack2x16float(factor * x[row * words + i]);
    }
}
