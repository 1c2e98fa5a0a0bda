// output[o, y, x] = bias[o] + Σ weight[o, i, dy, dx] · picture[i, y + dy - 1, x + dx - 1], zero outside of the picture.
//
// The picture is x, or with shift = 1 x at twice its size: each of its pixels read from half its place.
// x: [batch, in, height >> shift, width >> shift] with any strides; weight: [out, in, 3, 3], row-major; bias: [out]
// output: [batch, out, height, width], row-major
//
// A workgroup computes 32 output channels of a tile of 16 × 16 pixels, and goes through the input channels four at a time.
// An invocation has four pixels below each other and eight of the channels: 32 sums, and every number that it takes from
// workgroup memory serves four or eight of them.
// Workgroups: batch · tiles down · tiles across · blocks of channels; beyond the x limit they go on in y.

#import columns

const WORKGROUP: u32 = 256u;
const TILE: u32 = 16u;
const CHANNELS: u32 = 32u; // of the output
const QUADS: u32 = 8u; // CHANNELS / 4
const STEP: u32 = 4u; // channels of the input
const BORDERED: u32 = 18u; // TILE + 2
// The distance of the tile's rows: four rows of it lie 16 banks apart.
const ROW: u32 = 20u;

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    height: u32,
    width: u32,
    shift: u32, // 1 if the picture is x at twice its size
    x_strides: array<u32, 4>,
    first_workgroup: u32, // of a part of the dispatch
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: Sizes;

var<workgroup> pixels: array<f32, STEP * BORDERED * ROW>;
var<workgroup> weights: array<vec4<f32>, STEP * 9u * QUADS>;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let inputs = sizes.inputs;
    let outputs = sizes.outputs;
    let height = sizes.height;
    let width = sizes.width;
    let shift = sizes.shift;
    let blocks = (outputs + CHANNELS - 1u) / CHANNELS;
    let across = (width + TILE - 1u) / TILE;
    let down = (height + TILE - 1u) / TILE;
    let item = sizes.first_workgroup + group.y * groups.x + group.x;
    if item >= sizes.batch * down * across * blocks {
        return;
    }
    // Neighbours in time read the same pixels.
    let first_output = item % blocks * CHANNELS;
    let left = item / blocks % across * TILE;
    let top = item / blocks / across % down * TILE;
    let picture = item / blocks / across / down;

    let column = local % TILE;
    let first_row = local / TILE % 4u * 4u;
    let quad = local / 64u * 2u;
    // Two quads of channels; a column for each of four pixels.
    var upper = mat4x4<f32>();
    var lower = mat4x4<f32>();
    for (var first = 0u; first < inputs; first += STEP) {
        workgroupBarrier();
        for (var i = local; i < STEP * BORDERED * BORDERED; i += WORKGROUP) {
            let channel = i / (BORDERED * BORDERED);
            let row = i / BORDERED % BORDERED;
            // One less than the border wraps around, and is outside as well.
            let at_y = top + row - 1u;
            let at_x = left + i % BORDERED - 1u;
            var value = 0.0;
            if first + channel < inputs && at_y < height && at_x < width {
                value = x[picture * sizes.x_strides[0] + (first + channel) * sizes.x_strides[1] + (at_y >> shift) * sizes.x_strides[2]
                    + (at_x >> shift) * sizes.x_strides[3]];
            }
            pixels[(channel * BORDERED + row) * ROW + i % BORDERED] = value;
        }
        // The nine weights of four channels lie side by side.
        for (var i = local; i < STEP * 9u * QUADS; i += WORKGROUP) {
            let place = i % (STEP * 9u);
            let of_quad = i / (STEP * 9u);
            var values = vec4<f32>();
            for (var j = 0u; j < 4u; j++) {
                let channel = first_output + of_quad * 4u + j;
                if channel < outputs && first * 9u + place < inputs * 9u {
                    values[j] = weight[(channel * inputs + first) * 9u + place];
                }
            }
            weights[place * QUADS + of_quad] = values;
        }
        workgroupBarrier();
        // The last block may have fewer channels: whole groups of 64 invocations then rest.
        for (var channel = 0u; channel < STEP && first_output + quad * 4u < outputs; channel++) {
            for (var dx = 0u; dx < 3u; dx++) {
                let at = (channel * BORDERED + first_row) * ROW + column + dx;
                var values = vec4(pixels[at], pixels[at + ROW], pixels[at + 2u * ROW], pixels[at + 3u * ROW]);
                for (var dy = 0u; dy < 3u; dy++) {
                    if dy > 0u {
                        values = vec4(values.yzw, pixels[at + (dy + 3u) * ROW]);
                    }
                    let place = (channel * 9u + dy * 3u + dx) * QUADS + quad;
                    upper += outer(weights[place], values);
                    lower += outer(weights[place + 1u], values);
                }
            }
        }
    }

    if left + column >= width {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let row = top + first_row + i;
        for (var j = 0u; j < 8u; j++) {
            let channel = first_output + quad * 4u + j;
            if row < height && channel < outputs {
                let at = ((picture * outputs + channel) * height + row) * width + left + column;
                output[at] = select(lower[i][j % 4u], upper[i][j % 4u], j < 4u) + bias[channel];
            }
        }
    }
}
