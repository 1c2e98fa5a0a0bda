// Every head standardised if eps is not negative; then the first `rotary` channels of the tokens from `first` on rotated:
// channel i and i + rotary / 2 by (cos, sin).
//
// x: [batch, heads, seq, head_dim] with any strides; output: the same, row-major
// cos, sin: [angle_batch, seq - first, rotary], row-major
// A group (common/sum) takes a row, an item.

#import inverse_root
#import sum

const WORKGROUP: u32 = 64u;

alias Sum = vec2<f32>;

struct Sizes {
    rows: u32, // batch · heads · seq
    heads: u32,
    seq: u32,
    head_dim: u32,
    x_strides: array<u32, 4>,
    angle_batch: u32, // 1 or batch
    rotating: u32, // tokens that are rotated: seq - first
    rotary: u32, // channels that are rotated
    first: u32, // token that is rotated
    eps: f32, // negative: no norm
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(2) var<storage, read_write> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(workgroup: Workgroup, at: Invocation) {
    let rows = sizes.rows;
    let heads = sizes.heads;
    let seq = sizes.seq;
    let head_dim = sizes.head_dim;
    let step = sizes.x_strides[3];
    let rotary = sizes.rotary;
    let half = rotary / 2u;
    let first = sizes.first;
    let eps = sizes.eps;
    let first_row = workgroup_index(workgroup) * ITEMS;
    if first_row >= rows {
        return;
    }
    for (var next = 0u; next < ITEMS; next += groups(workgroup)) {
        // Where rows have run out the last is computed again: all stay together for the sums.
        let row = min(first_row + next + group(at), rows - 1u);
        let picture = row / seq / heads;
        let head = row / seq % heads;
        let token = row % seq;
        let start = picture * sizes.x_strides[0] + head * sizes.x_strides[1] + token * sizes.x_strides[2];

        var mean = 0.0;
        var factor = 1.0;
        if eps >= 0.0 {
            var sum = vec2<f32>();
            for (var i = lane(at); i < head_dim; i += lanes(workgroup)) {
                sum.x += x[start + i * step];
            }
            let near = group_sum(workgroup, at, sum).x / f32(head_dim);
            // What the rounding of a large mean has left is in these sums.
            var moments = vec2<f32>();
            for (var i = lane(at); i < head_dim; i += lanes(workgroup)) {
                let centred = x[start + i * step] - near;
                moments += vec2(centred, centred * centred);
            }
            moments = group_sum(workgroup, at, moments) / f32(head_dim);
            mean = near + moments.x;
            factor = inverse_root(moments.y - moments.x * moments.x + eps);
        }
        for (var i = lane(at); i < head_dim; i += lanes(workgroup)) {
            var value = (x[start + i * step] - mean) * factor;
            if token >= first && i < rotary {
                let angle = (picture % sizes.angle_batch * sizes.rotating + token - first) * rotary + i;
                let left = i < half;
                let partner = select(i - half, i + half, left);
                let other = (x[start + partner * step] - mean) * factor;
                value = value * cosines[angle] + select(other, -other, left) * sines[angle];
            }
            output[row * head_dim + i] = value;
        }
    }
}
