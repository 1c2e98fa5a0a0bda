// output = softmax(q·kᵀ / sqrt(head_dim))·v with a running softmax: no seq × context buffer exists.
//
// q: [batch, heads, seq, head_dim]; k, v: [batch, key_value_heads, context, head_dim] (common/cache), each with any
// strides; scales: of the rows of k, then of v, [2, batch, key_value_heads, capacity] (common/cache)
// output: [batch, seq, heads, head_dim], row-major.
//
// The query heads of a group become further rows of their one head of keys and values. A workgroup takes ROWS of these
// rows, in bands of four, and goes through the keys in tiles of 32. Invocation (x, y) scores the rows of band y for the
// keys x and x + 16, then sums the values of all keys for these rows in the channels from 4 x on and from 4 (x + 16) on.
// Workgroups: batch · key_value_heads · row blocks; beyond the x limit they go on in y.

#import cache
#import columns

const WORKGROUP: u32 = 256u; // LANES · ROWS / BAND
const ROWS: u32 = 64u;
const KEYS: u32 = 32u;
const BAND: u32 = 4u;
const LANES: u32 = 16u; // invocations of a band
const MAX_DIM: u32 = 128u; // 8 · LANES: channels that an invocation has room to sum
// Quads of channels of queries and keys that are loaded at once; of values there are as many keys as have room then.
const PART: u32 = 4u;
const TILE: u32 = PART * ROWS;
const HIDDEN: f32 = -3.0e38;

struct Sizes {
    batch: u32,
    heads: u32,
    key_value_heads: u32,
    seq: u32,
    context: u32,
    head_dim: u32, // at most MAX_DIM
    causal: u32, // 0 or 1
    q_strides: array<u32, 4>,
    k_strides: array<u32, 4>,
    v_strides: array<u32, 4>,
    capacity: u32, // rows of a head that have scales
    first_workgroup: u32, // of a part of the dispatch
}

@group(0) @binding(0) var<storage, read_write> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> k: array<Stored>;
@group(0) @binding(2) var<storage, read_write> v: array<Stored>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: Sizes;

// Four channels together: queries by quad and row, or values by key and quad.
var<workgroup> tile: array<vec4<f32>, TILE>;
var<workgroup> keys: array<vec4<f32>, PART * KEYS>; // by quad and key
var<workgroup> weights: array<vec4<f32>, ROWS / BAND * KEYS>; // the rows of a band together, by band and key

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let heads = sizes.heads;
    let key_value_heads = sizes.key_value_heads;
    let seq = sizes.seq;
    let context = sizes.context;
    let head_dim = sizes.head_dim;
    let causal = sizes.causal == 1u;
    let of_group = heads / key_value_heads;
    let group_rows = of_group * seq;
    let blocks = (group_rows + ROWS - 1u) / ROWS;
    let item = sizes.first_workgroup + group.y * groups.x + group.x;
    if item >= sizes.batch * key_value_heads * blocks {
        return;
    }
    let picture = item / blocks / key_value_heads;
    let key_value_head = item / blocks % key_value_heads;
    let first_row = item % blocks * ROWS;
    let last_row = min(first_row + ROWS, group_rows) - 1u;
    let last_token = select(seq - 1u, last_row % seq, first_row / seq == last_row / seq);
    let most_seen = select(context, context - seq + last_token + 1u, causal);

    let x = local % LANES;
    let band = local / LANES;
    // The last block may have fewer rows.
    let has_rows = first_row + band * BAND < group_rows;
    // How many keys each row of the band sees.
    var seen = vec4<u32>();
    for (var i = 0u; i < BAND; i++) {
        let row = first_row + band * BAND + i;
        if row < group_rows {
            seen[i] = select(context, context - seq + row % seq + 1u, causal);
        }
    }

    // What it fetches: neighbours fetch neighbouring channels.
    let fetched = local / PART;
    let quad = local % PART;
    let fetched_row = min(first_row + fetched, last_row);
    let fetched_head = key_value_head * of_group + fetched_row / seq;
    let q_start = picture * sizes.q_strides[0] + fetched_head * sizes.q_strides[1] + fetched_row % seq * sizes.q_strides[2];
    let k_start = picture * sizes.k_strides[0] + key_value_head * sizes.k_strides[1];
    let v_start = picture * sizes.v_strides[0] + key_value_head * sizes.v_strides[1];
    let k_row = (picture * key_value_heads + key_value_head) * sizes.capacity;
    let v_row = k_row + sizes.batch * key_value_heads * sizes.capacity;
    let scale = inverseSqrt(f32(head_dim));
    let quads = (head_dim + 3u) / 4u;
    let value_keys = min(TILE / quads, KEYS);
    // Which channels it sums: where they have run out the last ones once more.
    let near_quad = min(x, quads - 1u);
    let far_quad = min(x + LANES, quads - 1u);

    // Of the near and of the far channels; a column for each row.
    var near_sums = mat4x4<f32>();
    var far_sums = mat4x4<f32>();
    var peak = vec4(HIDDEN);
    var total = vec4<f32>(); // of this invocation's keys
    for (var start = 0u; start < most_seen; start += KEYS) {
        var near = vec4<f32>();
        var far = vec4<f32>();
        for (var part = 0u; part < quads; part += PART) {
            let channel = (part + quad) * 4u;
            workgroupBarrier();
            var values = vec4<f32>();
            for (var i = 0u; i < 4u; i++) {
                if channel + i < head_dim {
                    values[i] = q[q_start + (channel + i) * sizes.q_strides[3]] * scale;
                }
            }
            tile[quad * ROWS + fetched] = values;
            if fetched < KEYS {
                values = vec4<f32>();
                for (var i = 0u; i < 4u; i++) {
                    if start + fetched < context && channel + i < head_dim {
                        let at = k_start + (start + fetched) * sizes.k_strides[2] + (channel + i) * sizes.k_strides[3];
                        values[i] = unstore(k[at / PER_WORD], at) * row_scale(k_row + start + fetched);
                    }
                }
                keys[quad * KEYS + fetched] = values;
            }
            workgroupBarrier();
            for (var i = 0u; i < PART && has_rows; i++) {
                let at = i * ROWS + band * BAND;
                let rows = mat4x4(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]);
                near += keys[i * KEYS + x] * rows;
                far += keys[i * KEYS + x + LANES] * rows;
            }
        }
        let near_visible = vec4(start + x) < seen;
        let far_visible = vec4(start + x + LANES) < seen;
        near = select(vec4(HIDDEN), near, near_visible);
        far = select(vec4(HIDDEN), far, far_visible);
        weights[local] = max(near, far);
        workgroupBarrier();
        var highest = peak;
        for (var i = 0u; i < LANES; i++) {
            highest = max(highest, weights[band * LANES + i]);
        }
        workgroupBarrier();
        near = select(vec4<f32>(), exp(near - highest), near_visible);
        far = select(vec4<f32>(), exp(far - highest), far_visible);
        weights[band * KEYS + x] = near;
        weights[band * KEYS + x + LANES] = far;
        let fade = exp(peak - highest);
        peak = highest;
        total = total * fade + near + far;
        near_sums = scaled(near_sums, fade);
        far_sums = scaled(far_sums, fade);

        let end = min(KEYS, most_seen - start);
        for (var first = 0u; first < end; first += value_keys) {
            workgroupBarrier();
            for (var i = local; i < value_keys * quads; i += WORKGROUP) {
                let at = start + first + i / quads;
                let channel = i % quads * 4u;
                var values = vec4<f32>();
                for (var j = 0u; j < 4u; j++) {
                    if at < context && channel + j < head_dim {
                        let place = v_start + at * sizes.v_strides[2] + (channel + j) * sizes.v_strides[3];
                        values[j] = unstore(v[place / PER_WORD], place) * row_scale(v_row + at);
                    }
                }
                tile[i] = values;
            }
            workgroupBarrier();
            let count = select(0u, min(value_keys, end - first), has_rows);
            for (var key = 0u; key < count; key++) {
                let weight = weights[band * KEYS + first + key];
                near_sums += outer(tile[key * quads + near_quad], weight);
                if quads > LANES {
                    far_sums += outer(tile[key * quads + far_quad], weight);
                }
            }
        }
    }

    workgroupBarrier();
    weights[local] = total;
    workgroupBarrier();
    total = vec4<f32>();
    for (var i = 0u; i < LANES; i++) {
        total += weights[band * LANES + i];
    }
    for (var i = 0u; i < BAND; i++) {
        let row = first_row + band * BAND + i;
        if row < group_rows {
            let head = key_value_head * of_group + row / seq;
            let at = ((picture * seq + row % seq) * heads + head) * head_dim;
            for (var j = 0u; j < 8u; j++) {
                let channel = (x + j / 4u * LANES) * 4u + j % 4u;
                if channel < head_dim {
                    output[at + channel] = select(far_sums[i][j % 4u], near_sums[i][j % 4u], j < 4u) / total[i];
                }
            }
        }
    }
}
