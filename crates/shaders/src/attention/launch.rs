//! Launch of `attention.wgsl`; for few queries over a long context, of `attention_split.wgsl` and `attention_merge.wgsl`.

use burn::backend::ops::FloatTensorOps;

use crate::prelude::*;
use crate::wgsl;

/// The most queries that are split: a token that is written, or a few.
const MAX_SPLIT_QUERIES: usize = 8;
/// Workgroups that keep a GPU busy. A split makes no more of them, since every one costs the merge a step.
const ENOUGH_WORKGROUPS: usize = 256;
/// The most invocations of a workgroup, by WebGPU's default limits.
const MAX_WORKGROUP: usize = 256;

/// Whether a kernel has room for heads as wide as these.
pub(super) fn has_room(q: &CubeTensor, k: &CubeTensor, context: usize) -> bool {
    let call = Call::of(q, k, context, false);
    call.head_dim <= wgsl::attention::MAX_DIM || (call.split().is_some() && call.head_dim <= MAX_WORKGROUP)
}

pub(super) fn launch(
    q: CubeTensor,
    k: CubeTensor,
    v: CubeTensor,
    scales: CubeTensor,
    context: usize,
    causal: bool,
) -> CubeTensor {
    let call = Call::of(&q, &k, context, causal);
    // One buffer must not be bound twice, and without scales it is the queries'.
    let scales = if k.dtype == DType::F16 { into_contiguous(scales) } else { empty(&q, [1; 4]) };
    // Tokens before heads, as the projection that follows wants them.
    let output = empty(&q, [call.batch, call.seq, call.heads, call.head_dim]);
    match call.split() {
        Some(split) if call.head_dim <= MAX_WORKGROUP => {
            call.launch_split(split, [&q, &k, &v, &scales], &output)
        }
        _ => call.launch_whole([&q, &k, &v, &scales], &output),
    }
    burn_cubecl::CubeBackend::float_swap_dims(output, 1, 2)
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

    /// A multiplication and an addition for each channel of each score, and the same of the values; as if all keys were seen.
    fn operations(&self) -> f64 {
        4.0 * (self.batch * self.heads * self.head_dim) as f64 * self.seq as f64 * self.context as f64
    }

    /// None where the blocks alone, or a context of one tile, leave nothing to share out.
    fn split(&self) -> Option<Split> {
        use wgsl::attention_split::{BAND, KEYS};
        // A row of invocations for each band, and one invocation at least for each channel.
        let wanted = (self.group_rows().div_ceil(BAND) * KEYS).max(self.head_dim);
        let workgroup = wanted.next_power_of_two().clamp(KEYS, MAX_WORKGROUP);
        let rows = workgroup / KEYS * BAND;
        let tiles = self.context.div_ceil(KEYS);
        let most = (ENOUGH_WORKGROUPS / self.blocks(rows).max(1)).min(tiles);
        if self.seq > MAX_SPLIT_QUERIES || most < 2 {
            return None;
        }
        let keys = tiles.div_ceil(most) * KEYS;
        Some(Split { workgroup: workgroup as u32, rows, splits: self.context.div_ceil(keys), keys })
    }

    fn launch_whole(&self, inputs: [&CubeTensor; 4], output: &CubeTensor) {
        use wgsl::attention::{ROWS, SOURCE, Sizes};
        let &Self { batch, heads, key_value_heads, seq, context, head_dim, causal } = self;
        let [q_strides, k_strides, v_strides, _] = inputs.map(strides);
        let [_, _, capacity, _] = inputs[3].shape().dims();
        let causal = usize::from(causal);
        let sizes = Sizes {
            batch,
            heads,
            key_value_heads,
            seq,
            context,
            head_dim,
            causal,
            q_strides,
            k_strides,
            v_strides,
            capacity,
            first_workgroup: 0,
        };
        let kernel = Kernel::new(&SOURCE).with_cache(inputs[1]).with_operations(self.operations());
        kernel.launch(self.blocks(ROWS), &inputs, output, sizes);
    }

    fn launch_split(&self, split: Split, inputs: [&CubeTensor; 4], output: &CubeTensor) {
        use wgsl::{attention_merge, attention_split};
        let &Self { batch, heads, key_value_heads, seq, context, head_dim, causal } = self;
        let [q_strides, k_strides, v_strides, _] = inputs.map(strides);
        let [_, _, capacity, _] = inputs[3].shape().dims();
        let Split { workgroup, rows, splits, keys } = split;
        let workgroups = self.blocks(rows) * splits;
        let partial = empty(inputs[0], [workgroups, rows, head_dim + 2]);
        let sizes = attention_split::Sizes {
            batch,
            heads,
            key_value_heads,
            seq,
            context,
            head_dim,
            causal: usize::from(causal),
            q_strides,
            k_strides,
            v_strides,
            capacity,
            splits,
            split_keys: keys,
        };
        let kernel = Kernel::new(&attention_split::SOURCE).set("WORKGROUP", workgroup);
        let kernel = kernel.with_operations(self.operations());
        kernel.with_cache(inputs[1]).launch(workgroups, &inputs, &partial, sizes);

        let sizes =
            attention_merge::Sizes { batch, heads, key_value_heads, seq, head_dim, splits, block_rows: rows };
        Kernel::new(&attention_merge::SOURCE).launch(batch * seq * heads, &[&partial], output, sizes);
    }
}
