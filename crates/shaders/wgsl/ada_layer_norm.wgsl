// output = (x - mean) / sqrt(var + eps) · (1 + scale) + shift for each row.
//
// x, output: [pictures, seq, width], row-major; shift, scale: [pictures or 1, kinds, width], the second of two kinds for the
// tokens before `first`
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import inverse_root
#import sum

const WORKGROUP: u32 = 256u;

alias Sum = vec2<f32>;

struct Sizes {
    rows: u32,
    width: u32,
    seq: u32,
    pictures: u32, // with a shift and a scale of their own
    kinds: u32, // 1 or 2
    first: u32, // token of the first kind; 0 where there is one kind
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> shift: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    let width = sizes.width;
    if row >= sizes.rows {
        return;
    }
    let start = row * width;
    let kind = select(0u, 1u, row % sizes.seq < sizes.first);
    let condition = (row / sizes.seq % sizes.pictures * sizes.kinds + kind) * width;
    var sum = vec2<f32>();
    for (var i = at.index; i < width; i += WORKGROUP) {
        sum.x += x[start + i];
    }
    let near = workgroup_sum(workgroup, at, sum).x / f32(width);
    // What the rounding of a large mean has left is in these sums.
    var moments = vec2<f32>();
    for (var i = at.index; i < width; i += WORKGROUP) {
        let centred = x[start + i] - near;
        moments += vec2(centred, centred * centred);
    }
    moments = workgroup_sum(workgroup, at, moments) / f32(width);
    let mean = near + moments.x;
    let variance = moments.y - moments.x * moments.x;
    let factor = inverse_root(variance + sizes.eps);
    for (var i = at.index; i < width; i += WORKGROUP) {
        let normal = (x[start + i] - mean) * factor;
        output[start + i] = normal * (1.0 + scale[condition + i]) + shift[condition + i];
    }
}
