// h = x + post · y / sqrt(mean(y²) + eps); normal = next · h / sqrt(mean(h²) + eps) for each row.
//
// x, y, h, normal: [rows, width], row-major; post, next: [width]
// sizes: rows, width, eps of the first norm, of the second (bits of f32)
// One workgroup a row; rows beyond the x limit of a dispatch go on in y.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> post: array<f32>;
@group(0) @binding(3) var<storage, read_write> next: array<f32>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;
@group(0) @binding(5) var<storage, read_write> normal: array<f32>;
@group(0) @binding(6) var<storage, read> sizes: array<u32>;

@compute @workgroup_size({{ workgroup }})
fn main(group: Group, at: Lane) {
    let row = place(group);
    let width = sizes[1];
    if row >= sizes[0] {
        return;
    }
    let start = row * width;
    var square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = y[start + i];
        square += value * value;
    }
    let of_y = inverseSqrt(workgroup_sum(group, at, square) / f32(width) + bitcast<f32>(sizes[2]));
    square = 0.0;
    for (var i = at.index; i < width; i += WORKGROUP) {
        let value = x[start + i] + y[start + i] * of_y * post[i];
        h[start + i] = value;
        square += value * value;
    }
    let of_h = inverseSqrt(workgroup_sum(group, at, square) / f32(width) + bitcast<f32>(sizes[3]));
    // Every invocation reads back what it wrote itself.
    for (var i = at.index; i < width; i += WORKGROUP) {
        normal[start + i] = h[start + i] * of_h * next[i];
    }
}
