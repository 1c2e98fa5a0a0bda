// Attention of few queries over part of a long context: the partial results that attention_merge.wgsl joins.
//
// q: [batch, heads, seq, head_dim]; k, v: [batch, key_value_heads, context, head_dim] (common/cache), each with any
// strides; scales: of the rows of k, then of v, [2, batch, key_value_heads, capacity] (common/cache)
// output: [batch · key_value_heads · blocks, splits, ROWS, head_dim + 2], row-major: for each row the values summed with
//         weights exp(score - peak), then the peak (its largest score), then the sum of the weights
//
// Rows are as in attention.wgsl: the query heads of a group below each other, ROWS to a block, in bands of four. A
// workgroup takes one block and one split of the keys, 64 keys at a time. First invocation (key, band) scores its key for
// the four rows of its band; then invocation (part, channel) sums that channel of every parts-th value for all rows.
// Workgroups: batch · key_value_heads · blocks · splits; beyond the x limit they go on in y.

#import cache

const WORKGROUP: u32 = 64u; // or 128, or 256, for more rows or channels
const BAND: u32 = 4u;
const KEYS: u32 = 64u;
const BANDS: u32 = WORKGROUP / KEYS;
const ROWS: u32 = BAND * BANDS;
// Channels of queries and keys that are loaded at once, and the distance of the keys' rows: odd, so that 32 rows lie in 32
// banks.
const PART: u32 = 32u;
const PART_STEP: u32 = 33u;
// Of the keys of a tile: each is gone through by one invocation, before all of them are.
const COLUMNS: u32 = 8u;
// Bands whose sums are joined at once, at the end.
const BANDS_AT_ONCE: u32 = min(BANDS, 2u);
const HIDDEN: f32 = -3.0e38;

struct Sizes {
    batch: u32,
    heads: u32,
    key_value_heads: u32,
    seq: u32,
    context: u32,
    head_dim: u32, // at most WORKGROUP
    causal: u32, // 0 or 1
    q_strides: array<u32, 4>,
    k_strides: array<u32, 4>,
    v_strides: array<u32, 4>,
    capacity: u32, // rows of a head that have scales
    splits: u32,
    split_keys: u32, // keys of a split, a multiple of KEYS
}

@group(0) @binding(0) var<storage, read_write> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> k: array<Stored>;
@group(0) @binding(2) var<storage, read_write> v: array<Stored>;
@group(0) @binding(3) var<storage, read_write> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> sizes: Sizes;

var<workgroup> queries: array<vec4<f32>, PART * BANDS>; // bands side by side
var<workgroup> keys: array<f32, KEYS * PART_STEP>;
var<workgroup> weights: array<vec4<f32>, WORKGROUP>; // by bands
var<workgroup> fades: array<vec4<f32>, BANDS>;

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
    let splits = sizes.splits;
    let split_keys = sizes.split_keys;
    let group_rows = heads / key_value_heads * seq;
    let blocks = (group_rows + ROWS - 1u) / ROWS;
    let item = group.y * groups.x + group.x;
    if item >= sizes.batch * key_value_heads * blocks * splits {
        return;
    }
    let block = item / splits;
    let picture = block / blocks / key_value_heads;
    let key_value_head = block / blocks % key_value_heads;
    let first_row = block % blocks * ROWS;
    // Bands that have rows.
    let bands = (min(group_rows - first_row, ROWS) + 3u) / 4u;
    let first_head = key_value_head * (heads / key_value_heads);
    let first_key = item % splits * split_keys;
    let end_key = min(first_key + split_keys, context);
    let k_start = picture * sizes.k_strides[0] + key_value_head * sizes.k_strides[1];
    let v_start = picture * sizes.v_strides[0] + key_value_head * sizes.v_strides[1];
    let k_row = (picture * key_value_heads + key_value_head) * sizes.capacity;
    let v_row = k_row + sizes.batch * key_value_heads * sizes.capacity;
    let scale = inverseSqrt(f32(head_dim));

    let key = local % KEYS;
    let band = local / KEYS;
    // How many keys each row of the band sees.
    var seen = vec4<u32>();
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + band * 4u + i;
        if row < group_rows {
            seen[i] = select(context, context - seq + row % seq + 1u, causal);
        }
    }
    let parts = WORKGROUP / head_dim;
    let part = local / head_dim;
    let channel = local % head_dim;

    var peak = vec4(HIDDEN);
    var total = vec4<f32>(); // of this key's column
    var sums: array<vec4<f32>, 4>;
    for (var start = first_key; start < end_key; start += KEYS) {
        var scores = vec4<f32>();
        for (var loaded = 0u; loaded < head_dim; loaded += PART) {
            workgroupBarrier();
            for (var i = local; i < KEYS * PART; i += WORKGROUP) {
                let at = start + i / PART;
                let column = loaded + i % PART;
                var value = 0.0;
                if at < end_key && column < head_dim {
                    let place = k_start + at * sizes.k_strides[2] + column * sizes.k_strides[3];
                    value = unstore(k[place / PER_WORD], place) * row_scale(k_row + at);
                }
                keys[i / PART * PART_STEP + i % PART] = value;
            }
            if local < PART * BANDS {
                let column = loaded + local / BANDS;
                var values = vec4<f32>();
                for (var i = 0u; i < 4u; i++) {
                    let row = first_row + local % BANDS * 4u + i;
                    if row < group_rows && column < head_dim {
                        let head = first_head + row / seq;
                        let at = picture * sizes.q_strides[0] + head * sizes.q_strides[1] + row % seq * sizes.q_strides[2] + column * sizes.q_strides[3];
                        values[i] = q[at] * scale;
                    }
                }
                queries[local] = values;
            }
            workgroupBarrier();
            if band < bands {
                for (var i = 0u; i < PART; i++) {
                    scores += queries[i * BANDS + band] * keys[key * PART_STEP + i];
                }
            }
        }
        let visible = vec4(start + key) < min(seen, vec4(end_key));
        scores = select(vec4(HIDDEN), scores, visible);
        weights[local] = scores;
        workgroupBarrier();
        if key < COLUMNS {
            var column = scores;
            for (var other = key + COLUMNS; other < KEYS; other += COLUMNS) {
                column = max(column, weights[band * KEYS + other]);
            }
            weights[local] = column;
        }
        workgroupBarrier();
        var highest = peak;
        for (var column = 0u; column < COLUMNS; column++) {
            highest = max(highest, weights[band * KEYS + column]);
        }
        workgroupBarrier();
        let weight = select(vec4<f32>(), exp(scores - highest), visible);
        let fade = exp(peak - highest);
        weights[local] = weight;
        if key == 0u {
            fades[band] = fade;
        }
        total = total * fade + weight;
        peak = highest;
        workgroupBarrier();

        for (var i = 0u; i < bands; i++) {
            sums[i] *= fades[i];
        }
        if part < parts {
            for (var i = part; i < min(KEYS, end_key - start); i += parts) {
                let place = v_start + (start + i) * sizes.v_strides[2] + channel * sizes.v_strides[3];
                let value = unstore(v[place / PER_WORD], place) * row_scale(v_row + start + i);
                for (var j = 0u; j < bands; j++) {
                    sums[j] += weights[j * KEYS + i] * value;
                }
            }
        }
    }

    let width = head_dim + 2u;
    let first = item * ROWS * width;
    workgroupBarrier();
    weights[local] = total;
    // As many bands at a time as have room where the keys were.
    for (var low = 0u; low < bands; low += BANDS_AT_ONCE) {
        for (var row = 0u; row < 4u * BANDS_AT_ONCE; row++) {
            keys[row * WORKGROUP + local] = sums[low + row / 4u][row % 4u];
        }
        workgroupBarrier();
        for (var i = local; i < 4u * BANDS_AT_ONCE * head_dim; i += WORKGROUP) {
            let row = i / head_dim;
            var sum = 0.0;
            for (var other = 0u; other < parts; other++) {
                sum += keys[row * WORKGROUP + other * head_dim + i % head_dim];
            }
            output[first + (low * 4u + row) * width + i % head_dim] = sum;
        }
        workgroupBarrier();
    }
    if key < 4u {
        var sum = 0.0;
        for (var other = 0u; other < KEYS; other++) {
            sum += weights[band * KEYS + other][key];
        }
        let at = first + (band * 4u + key) * width + head_dim;
        output[at] = peak[key];
        output[at + 1u] = sum;
    }
}
