// The splits of attention_split.wgsl joined: output = Σ sums · exp(peak - highest) / Σ totals · exp(peak - highest).
//
// x: [batch · key_value_heads · blocks, splits, rows, head_dim + 2] as it is written there
// output: [batch, seq, heads, head_dim], row-major
// One workgroup a row of the output; rows beyond the x limit of a dispatch go on in y.

const WORKGROUP: u32 = 64u;

struct Sizes {
    batch: u32,
    heads: u32,
    key_value_heads: u32,
    seq: u32,
    head_dim: u32,
    splits: u32,
    block_rows: u32, // rows of a block
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> sizes: Sizes;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = group.y * groups.x + group.x;
    let heads = sizes.heads;
    let key_value_heads = sizes.key_value_heads;
    let seq = sizes.seq;
    let head_dim = sizes.head_dim;
    let splits = sizes.splits;
    let block_rows = sizes.block_rows;
    if row >= sizes.batch * seq * heads {
        return;
    }
    let head = row % heads;
    let token = row / heads % seq;
    let picture = row / heads / seq;
    let of_group = heads / key_value_heads;
    let group_row = head % of_group * seq + token;
    let blocks = (of_group * seq + block_rows - 1u) / block_rows;
    let block = (picture * key_value_heads + head / of_group) * blocks + group_row / block_rows;
    let width = head_dim + 2u;
    let step = block_rows * width;
    let first = block * splits * step + group_row % block_rows * width;

    var highest = x[first + head_dim];
    for (var split = 1u; split < splits; split++) {
        highest = max(highest, x[first + split * step + head_dim]);
    }
    for (var channel = local; channel < head_dim; channel += WORKGROUP) {
        var sum = 0.0;
        var total = 0.0;
        for (var split = 0u; split < splits; split++) {
            let at = first + split * step;
            let fade = exp(x[at + head_dim] - highest);
            sum += x[at + channel] * fade;
            total += x[at + head_dim + 1u] * fade;
        }
        output[row * head_dim + channel] = sum / total;
    }
}
