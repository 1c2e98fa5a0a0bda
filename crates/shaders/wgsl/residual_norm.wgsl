// h = x + post · y / sqrt(mean(y²) + eps); normal = next · h / sqrt(mean(h²) + eps) for each row.
//
// x, y, h, normal: [rows, width], row-major; post, next: [width]
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

#import inverse_root
#import sum

const WORKGROUP: u32 = 256u;

alias Sum = f32;

struct Sizes {
    rows: u32,
    width: u32,
    post_eps: f32,
    next_eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> post: array<f32>;
@group(0) @binding(3) var<storage, read_write> next: array<f32>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;
@group(0) @binding(5) var<storage, read_write> normal: array<f32>;
@group(0) @binding(6) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let row = workgroup_index(workgroup);
    let width = sizes.width;
    if row >= sizes.rows {
        return;
    }
    let start = row * width;
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = y[start + i];
        square += value * value;
    }
    let of_y = inverse_root(workgroup_sum(workgroup, at, square) / f32(width) + sizes.post_eps);
    square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = x[start + i] + y[start + i] * of_y * post[i];
        h[start + i] = value;
        square += value * value;
    }
    let of_h = inverse_root(workgroup_sum(workgroup, at, square) / f32(width) + sizes.next_eps);
    // Every invocation reads back what it wrote itself.
    for (var i = at.index; i < width; i += WORKGROUP) {
        normal[start + i] = h[start + i] * of_h * next[i];
    }
}
