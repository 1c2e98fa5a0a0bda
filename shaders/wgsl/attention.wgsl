// output = softmax(q·kᵀ / sqrt(head_dim))·v with a running softmax: no seq × context buffer exists.
//
// q: [batch, heads, seq, head_dim]; k, v: [batch, key_value_heads, context, head_dim] (common/cache/…), each with any
// strides; output: [batch, seq, heads, head_dim], row-major. head_dim is at most 128.
// sizes: batch, heads, key_value_heads, seq, context, head_dim, causal (0 or 1), strides of q, of k, of v (four each)
//
// The query heads of a group become further rows of their one head of keys and values. A workgroup takes 16 of these
// rows and goes through the keys in tiles of 16: invocation (x, y) scores key x for row y, then sums the values of row
// y into the channels x, x + 16, … Workgroups: batch · key_value_heads · row blocks; beyond the x limit they go on in y.

const TILE: u32 = 16u;
const MAX_DIM: u32 = 128u;
// Channels of the keys that are held at once, and the distance of their rows: odd, so that 16 rows lie in 16 banks.
const PART: u32 = 64u;
const PART_STEP: u32 = 65u;
const HIDDEN: f32 = -3.0e38;

@group(0) @binding(0) var<storage, read_write> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> k: array<Stored>;
@group(0) @binding(2) var<storage, read_write> v: array<Stored>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<storage, read> sizes: array<u32>;

var<workgroup> queries: array<f32, 2048>; // TILE · MAX_DIM
var<workgroup> keys: array<f32, 1040>; // TILE · PART_STEP
var<workgroup> weights: array<f32, 256>; // TILE · TILE

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let heads = sizes[1];
    let key_value_heads = sizes[2];
    let seq = sizes[3];
    let context = sizes[4];
    let head_dim = sizes[5];
    let causal = sizes[6] == 1u;
    let group_rows = heads / key_value_heads * seq;
    let blocks = (group_rows + TILE - 1u) / TILE;
    let item = group.y * groups.x + group.x;
    if item >= sizes[0] * key_value_heads * blocks {
        return;
    }
    let picture = item / blocks / key_value_heads;
    let key_value_head = item / blocks % key_value_heads;
    let first_row = item % blocks * TILE;
    let last_row = min(first_row + TILE, group_rows) - 1u;

    let row = first_row + local.y;
    let head = key_value_head * (heads / key_value_heads) + row / seq;
    let token = row % seq;
    // How many keys this row sees, and how many any row of the workgroup does.
    var seen = 0u;
    if row < group_rows {
        seen = select(context, context - seq + token + 1u, causal);
    }
    let last_token = select(seq - 1u, last_row % seq, first_row / seq == last_row / seq);
    let most_seen = select(context, context - seq + last_token + 1u, causal);

    let q_start = picture * sizes[7] + head * sizes[8] + token * sizes[9];
    let k_start = picture * sizes[11] + key_value_head * sizes[12];
    let v_start = picture * sizes[15] + key_value_head * sizes[16];
    let scale = inverseSqrt(f32(head_dim));
    for (var channel = local.x; channel < head_dim; channel += TILE) {
        var value = 0.0;
        if row < group_rows {
            value = q[q_start + channel * sizes[10]] * scale;
        }
        queries[local.y * MAX_DIM + channel] = value;
    }

    var sums: array<f32, 8>; // MAX_DIM / TILE
    var peak = HIDDEN;
    var total = 0.0;
    for (var start = 0u; start < most_seen; start += TILE) {
        var score = 0.0;
        for (var part = 0u; part < head_dim; part += PART) {
            let count = min(PART, head_dim - part);
            workgroupBarrier();
            for (var channel = local.x; channel < count; channel += TILE) {
                var value = 0.0;
                if start + local.y < context {
                    let at = k_start + (start + local.y) * sizes[13] + (part + channel) * sizes[14];
                    value = unstore(k[at / PER_WORD], at);
                }
                keys[local.y * PART_STEP + channel] = value;
            }
            workgroupBarrier();
            for (var channel = 0u; channel < count; channel++) {
                score += queries[local.y * MAX_DIM + part + channel] * keys[local.x * PART_STEP + channel];
            }
        }
        let visible = start + local.x < seen;
        weights[local.y * TILE + local.x] = select(HIDDEN, score, visible);
        workgroupBarrier();
        var highest = peak;
        for (var i = 0u; i < TILE; i++) {
            highest = max(highest, weights[local.y * TILE + i]);
        }
        workgroupBarrier();
        weights[local.y * TILE + local.x] = select(0.0, exp(score - highest), visible);
        workgroupBarrier();

        let fade = exp(peak - highest);
        peak = highest;
        total *= fade;
        for (var i = 0u; i < 8u; i++) {
            sums[i] *= fade;
        }
        for (var i = 0u; i < min(TILE, context - start); i++) {
            let weight = weights[local.y * TILE + i];
            total += weight;
            let at = v_start + (start + i) * sizes[17];
            for (var part = 0u; part < 8u; part++) {
                let channel = part * TILE + local.x;
                if channel < head_dim {
                    let place = at + channel * sizes[18];
                    sums[part] += weight * unstore(v[place / PER_WORD], place);
                }
            }
        }
    }

    if row < group_rows {
        let at = ((picture * seq + token) * heads + head) * head_dim;
        for (var part = 0u; part < 8u; part++) {
            let channel = part * TILE + local.x;
            if channel < head_dim {
                output[at + channel] = sums[part] / total;
            }
        }
    }
}
