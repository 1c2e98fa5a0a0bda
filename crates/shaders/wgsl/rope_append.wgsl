// Queries and keys of new tokens rotated as in norm_rope.wgsl; keys and values written into their buffers.
//
// qkv: [seq, heads + 2 · key_value_heads, head_dim], row-major; cosines, sines: [seq, rotary], row-major
// keys, values: [key_value_heads, capacity, head_dim], row-major (common/cache); scales: of the rows of keys, then of values
// queries: [heads, seq, head_dim], row-major
// One workgroup a head of a token; what is beyond the x limit of a dispatch goes on in y.

#import cache
#import cache_row

const WORKGROUP: u32 = 64u;

struct Sizes {
    seq: u32,
    heads: u32,
    key_value_heads: u32,
    head_dim: u32,
    rotary: u32,
    capacity: u32, // tokens that a buffer has room for
    at: u32, // the first token's place in the buffers
}

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(2) var<storage, read_write> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<Stored>;
@group(0) @binding(4) var<storage, read_write> values: array<Stored>;
@group(0) @binding(5) var<storage, read_write> scales: array<f32>;
@group(0) @binding(6) var<storage, read_write> queries: array<f32>;
@group(0) @binding(7) var<storage, read> sizes: Sizes;

// Channel i of a head that begins at `start`, rotated if it is one of the first.
fn channel(start: u32, i: u32, rotary: u32, angles: u32) -> f32 {
    let value = qkv[start + i];
    if i >= rotary {
        return value;
    }
    let left = i < rotary / 2u;
    let other = qkv[start + select(i - rotary / 2u, i + rotary / 2u, left)];
    return value * cosines[angles + i] + select(other, -other, left) * sines[angles + i];
}

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let seq = sizes.seq;
    let heads = sizes.heads;
    let key_value_heads = sizes.key_value_heads;
    let head_dim = sizes.head_dim;
    let rotary = sizes.rotary;
    let slots = heads + 2u * key_value_heads;
    let row = group.y * groups.x + group.x;
    if row >= seq * slots {
        return;
    }
    let token = row / slots;
    let slot = row % slots;
    let start = row * head_dim;
    // Values are not rotated.
    let rotated = select(0u, rotary, slot < heads + key_value_heads);
    let angles = token * rotary;
    if slot < heads {
        for (var i = local; i < head_dim; i += WORKGROUP) {
            queries[(slot * seq + token) * head_dim + i] = channel(start, i, rotated, angles);
        }
        return;
    }
    // Keys, then values.
    let in_cache = (slot - heads) * sizes.capacity + sizes.at + token;
    var peak = 0u;
    for (var i = local; i < head_dim && PER_WORD == 2u; i += WORKGROUP) {
        peak = max(peak, bitcast<u32>(channel(start, i, rotated, angles)) & 0x7fffffffu);
    }
    let factor = row_factor(local, peak, in_cache);
    for (var word = local; word * PER_WORD < head_dim; word += WORKGROUP) {
        var numbers: vec2<f32>;
        for (var part = 0u; part < PER_WORD; part++) {
            numbers[part] = factor * channel(start, word * PER_WORD + part, rotated, angles);
        }
        if slot < heads + key_value_heads {
            keys[in_cache * head_dim / PER_WORD + word] = store(numbers);
        } else {
            values[(in_cache - key_value_heads * sizes.capacity) * head_dim / PER_WORD + word] = store(numbers);
        }
    }
}
