// Queries and keys of new tokens rotated as in norm_rope.wgsl; keys and values written into their buffers.
//
// qkv: [seq, heads + 2 · key_value_heads, head_dim], row-major; cosines, sines: [seq, rotary], row-major
// keys, values: [key_value_heads, capacity, head_dim], row-major (common/cache); queries: [heads, seq, head_dim],
// row-major
// One workgroup a head of a token; what is beyond the x limit of a dispatch goes on in y.

#import cache

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
@group(0) @binding(5) var<storage, read_write> queries: array<f32>;
@group(0) @binding(6) var<storage, read> sizes: Sizes;

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
    let rotated = slot < heads + key_value_heads;
    let in_cache = sizes.at + token;
    for (var word = local; word * PER_WORD < head_dim; word += WORKGROUP) {
        var numbers: vec2<f32>;
        for (var part = 0u; part < PER_WORD; part++) {
            let i = word * PER_WORD + part;
            var value = qkv[start + i];
            if rotated && i < rotary {
                let left = i < rotary / 2u;
                let other = qkv[start + select(i - rotary / 2u, i + rotary / 2u, left)];
                let angle = token * rotary + i;
                value = value * cosines[angle] + select(other, -other, left) * sines[angle];
            }
            if slot < heads {
                queries[(slot * seq + token) * head_dim + i] = value;
            }
            numbers[part] = value;
        }
        if slot >= heads + key_value_heads {
            let head = slot - heads - key_value_heads;
            values[(head * sizes.capacity + in_cache) * head_dim / PER_WORD + word] = store(numbers);
        } else if slot >= heads {
            keys[((slot - heads) * sizes.capacity + in_cache) * head_dim / PER_WORD + word] = store(numbers);
        }
    }
}
