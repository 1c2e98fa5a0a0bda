//! Launch of `attention.wgsl`; for few queries over a long context, of `attention_split.wgsl` and `attention_merge.wgsl`.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::wgsl::{Variant, Wgsl};
use super::{empty, strides};

/// As in the kernel for many queries: rows of a workgroup, and the widest heads.
const ROWS: usize = 64;
const MAX_DIM: usize = 128;
/// As in the kernel for few: keys that are gone through at once, and rows that a workgroup scores them for side by side.
const SPLIT_TILE: usize = 64;
const BAND: usize = 4;
/// The most queries that are split: a token that is written, or a few.
const FEW: usize = 8;
/// Workgroups that keep a GPU busy. A split makes no more of them, since every one costs the merge a step.
const BUSY: usize = 256;

pub(super) fn attention(
    q: &CubeTensor,
    k: &CubeTensor,
    v: &CubeTensor,
    context: usize,
    causal: bool,
) -> Option<CubeTensor> {
    let call = Call::of(q, k, context, causal);
    // Tokens before heads, as the projection that follows wants them.
    let output = empty(q, Shape::from([call.batch, call.seq, call.heads, call.head_dim]));
    match call.split() {
        Some(split) if call.head_dim <= Wgsl::ROW as usize => call.launch_split(split, [q, k, v], &output),
        _ if call.head_dim <= MAX_DIM => call.launch_whole([q, k, v], &output),
        _ => return None,
    }
    Some(CubeBackend::float_swap_dims(output, 1, 2))
}

/// The sizes of one call.
struct Call {
    batch: usize,
    heads: usize,
    key_value_heads: usize,
    seq: usize,
    context: usize,
    head_dim: usize,
    causal: bool,
}

/// How the context is shared out.
struct Split {
    /// Invocations of a workgroup.
    workgroup: u32,
    /// Rows that a workgroup takes.
    rows: usize,
    splits: usize,
    /// Keys of each but the last.
    keys: usize,
}

impl Call {
    fn of(q: &CubeTensor, k: &CubeTensor, context: usize, causal: bool) -> Self {
        let [batch, heads, seq, head_dim] = q.shape().dims();
        let [_, key_value_heads, ..] = k.shape().dims::<4>();
        Self { batch, heads, key_value_heads, seq, context, head_dim, causal }
    }

    /// Rows that share a head of keys and values.
    fn group_rows(&self) -> usize {
        self.heads / self.key_value_heads.max(1) * self.seq
    }

    /// Blocks of so many rows, each with one head of keys and values.
    fn blocks(&self, rows: usize) -> usize {
        self.batch * self.key_value_heads * self.group_rows().div_ceil(rows)
    }

    /// None where the blocks alone, or a context of one tile, leave nothing to share out.
    fn split(&self) -> Option<Split> {
        // A row of invocations for each band, and one invocation at least for each channel.
        let wanted = (self.group_rows().div_ceil(BAND) * SPLIT_TILE).max(self.head_dim);
        let workgroup = wanted.next_power_of_two().clamp(SPLIT_TILE, Wgsl::ROW as usize);
        let rows = workgroup / SPLIT_TILE * BAND;
        let tiles = self.context.div_ceil(SPLIT_TILE);
        let most = (BUSY / self.blocks(rows).max(1)).min(tiles);
        if self.seq > FEW || most < 2 {
            return None;
        }
        let keys = tiles.div_ceil(most) * SPLIT_TILE;
        Some(Split { workgroup: workgroup as u32, rows, splits: self.context.div_ceil(keys), keys })
    }

    fn sizes(&self, inputs: [&CubeTensor; 3]) -> Vec<usize> {
        let sizes = [self.batch, self.heads, self.key_value_heads, self.seq, self.context, self.head_dim];
        let strides = inputs.into_iter().flat_map(strides);
        sizes.into_iter().chain([usize::from(self.causal)]).chain(strides).collect()
    }

    fn launch_whole(&self, inputs: [&CubeTensor; 3], output: &CubeTensor) {
        let kernel = Wgsl::by_rows("attention", include_str!("../../wgsl/attention.wgsl"), Wgsl::ROW);
        let kernel = Wgsl { variant: Variant::of_cache(inputs[1]), ..kernel };
        kernel.launch(self.blocks(ROWS), &inputs, output, &self.sizes(inputs));
    }

    fn launch_split(&self, split: Split, inputs: [&CubeTensor; 3], output: &CubeTensor) {
        let [like, ..] = inputs;
        let Split { workgroup, rows, splits, keys } = split;
        let workgroups = self.blocks(rows) * splits;
        let partial = empty(like, Shape::from([workgroups, rows, self.head_dim + 2]));
        let kernel =
            Wgsl::by_rows("attention_split", include_str!("../../wgsl/attention_split.wgsl"), workgroup);
        let kernel = Wgsl { variant: Variant::of_cache(inputs[1]), ..kernel };
        let sizes: Vec<usize> = self.sizes(inputs).into_iter().chain([splits, keys]).collect();
        kernel.launch(workgroups, &inputs, &partial, &sizes);

        let kernel =
            Wgsl::by_rows("attention_merge", include_str!("../../wgsl/attention_merge.wgsl"), Wgsl::HEAD);
        let sizes = [self.batch, self.heads, self.key_value_heads, self.seq, self.head_dim, splits, rows];
        kernel.launch(self.batch * self.seq * self.heads, &[&partial], output, &sizes);
    }
}
