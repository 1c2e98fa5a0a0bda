//! Scaled dot-product attention with grouped queries, causal or not.

#[cfg(any(feature = "autodiff", feature = "libtorch"))]
mod training;

use burn::backend::ops::AttentionModuleOptions;
use burn::backend::tensor::{BoolTensor, FloatTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, get_or_init_device_settings};
use burn::tensor::{DType, Slice, Tensor, TensorData};

#[cfg(feature = "cpu")]
use crate::cpu;
#[cfg(feature = "gpu")]
use crate::gpu::{self, CubeTensor, Kernel, empty, strides};
use crate::kernel::kernel;
use crate::to_f32::widened;
#[cfg(feature = "gpu")]
use crate::wgsl;

/// `softmax(q·kᵀ / sqrt(head_dim))·v`, each group of query heads with one head of keys and values.
///
/// With `causal`, the last query sees the whole context and every query before it one key less.
///
/// # Shapes
/// - q, output: `[batch, heads, seq, head_dim]`
/// - k, v: `[batch, key_value_heads, context, head_dim]`, `heads` a multiple of `key_value_heads`; f32, or f16 as a cache
///   may hold them
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, causal: bool) -> Tensor<4> {
    let [_, _, context, _] = k.dims();
    grouped(q, k, v, context, causal)
}

/// Causal [`attention`] over the first `context` keys and values of a cache that has room for more.
///
/// A cache that is cut off first would be copied wherever the device wants buffers to end at other places.
///
/// # Shapes
/// - q, output: `[batch, heads, seq, head_dim]`
/// - keys, values: `[batch, key_value_heads, capacity, head_dim]`, as in [`attention`]; `capacity` at least `context`
pub fn attention_over_cache(q: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, context: usize) -> Tensor<4> {
    grouped(q, keys, values, context, true)
}

fn grouped(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, context: usize, causal: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::grouped_attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        context,
        causal,
    ))
}

kernel! {
    trait GroupedAttention in attention {
        fn grouped_attention(
            q: FloatTensor<Self>,
            k: FloatTensor<Self>,
            v: FloatTensor<Self>,
            context: usize,
            causal: bool,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&q]) && cpu::are_floats(&[&k, &v]);
    gpu if gpu::are_f32(&[&q]) && gpu::are_caches(&k, &v) && has_room(&q, &k, context);
    training custom;
}

/// The first keys or values.
pub(crate) fn first<B: Backend>(x: FloatTensor<B>, context: usize) -> FloatTensor<B> {
    let [_, _, capacity, _] = x.shape().dims();
    let (all, seen) = (Slice::new(0, None, 1), Slice::new(0, Some(context as isize), 1));
    if context < capacity { B::float_slice(x, &[all, all, seen, all]) } else { x }
}

fn reference<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    context: usize,
    causal: bool,
) -> FloatTensor<B> {
    let [batch, heads, seq, head_dim] = q.shape().dims();
    let [_, key_value_heads, ..] = k.shape().dims::<4>();
    let [k, v] = [k, v].map(|x| widened::<B>(first::<B>(x, context)));
    // The query heads of a group become further rows of their one key/value head, so keys and values are never repeated
    // in memory. Which rows see which keys then no longer is a triangle.
    let group = heads / key_value_heads.max(1);
    let rows = |x, rows| B::float_reshape(x, [batch, key_value_heads, rows, head_dim].into());
    let options = AttentionModuleOptions::default();
    let mask = (causal && seq > 1).then(|| {
        let hidden = hidden::<B>(&q, seq, context);
        let hidden = B::bool_reshape(hidden, [1, 1, 1, seq, context].into());
        let hidden = B::bool_expand(hidden, [batch, key_value_heads, group, seq, context].into());
        B::bool_reshape(hidden, [batch, key_value_heads, group * seq, context].into())
    });
    let output = B::attention(rows(q, group * seq), k, v, mask, None, options);
    B::float_reshape(output, [batch, heads, seq, head_dim].into())
}

/// `[seq, context]`, true where a query must not look: at what comes after it.
fn hidden<B: Backend>(like: &FloatTensor<B>, seq: usize, context: usize) -> BoolTensor<B> {
    let before = context - seq;
    let hidden: Vec<bool> =
        (0..seq).flat_map(|query| (0..context).map(move |key| key > before + query)).collect();
    let settings = get_or_init_device_settings::<B>(&like.device());
    let hidden = TensorData::new(hidden, [seq, context]).convert_dtype(DType::from(settings.bool_dtype));
    B::bool_from_data(hidden, &like.device())
}

/// The most queries that are split: a token that is written, or a few.
#[cfg(feature = "gpu")]
const MAX_SPLIT_QUERIES: usize = 8;
/// Workgroups that keep a GPU busy. A split makes no more of them, since every one costs the merge a step.
#[cfg(feature = "gpu")]
const ENOUGH_WORKGROUPS: usize = 256;
/// The most invocations of a workgroup, by WebGPU's default limits.
#[cfg(feature = "gpu")]
const MAX_WORKGROUP: usize = 256;

/// Whether a kernel has room for heads as wide as these.
#[cfg(feature = "gpu")]
fn has_room(q: &CubeTensor, k: &CubeTensor, context: usize) -> bool {
    let call = Call::of(q, k, context, false);
    call.head_dim <= wgsl::attention::MAX_DIM || (call.split().is_some() && call.head_dim <= MAX_WORKGROUP)
}

/// For few queries over a long context the context is split; otherwise one kernel does all.
#[cfg(feature = "gpu")]
fn launch(q: CubeTensor, k: CubeTensor, v: CubeTensor, context: usize, causal: bool) -> CubeTensor {
    use burn::backend::ops::FloatTensorOps;
    let call = Call::of(&q, &k, context, causal);
    // Tokens before heads, as the projection that follows wants them.
    let output = empty(&q, [call.batch, call.seq, call.heads, call.head_dim]);
    match call.split() {
        Some(split) if call.head_dim <= MAX_WORKGROUP => call.launch_split(split, [&q, &k, &v], &output),
        _ => call.launch_whole([&q, &k, &v], &output),
    }
    burn_cubecl::CubeBackend::float_swap_dims(output, 1, 2)
}

/// The sizes of one call.
#[cfg(feature = "gpu")]
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
#[cfg(feature = "gpu")]
struct Split {
    /// Invocations of a workgroup.
    workgroup: u32,
    /// Rows that a workgroup takes.
    rows: usize,
    splits: usize,
    /// Keys of each but the last.
    keys: usize,
}

#[cfg(feature = "gpu")]
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

    fn launch_whole(&self, inputs: [&CubeTensor; 3], output: &CubeTensor) {
        use wgsl::attention::{ROWS, SOURCE, Sizes};
        let &Self { batch, heads, key_value_heads, seq, context, head_dim, causal } = self;
        let [q_strides, k_strides, v_strides] = inputs.map(strides);
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
        };
        Kernel::new(&SOURCE).with_cache(inputs[1]).launch(self.blocks(ROWS), &inputs, output, sizes);
    }

    fn launch_split(&self, split: Split, inputs: [&CubeTensor; 3], output: &CubeTensor) {
        use wgsl::{attention_merge, attention_split};
        let &Self { batch, heads, key_value_heads, seq, context, head_dim, causal } = self;
        let [q_strides, k_strides, v_strides] = inputs.map(strides);
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
            splits,
            split_keys: keys,
        };
        let kernel = Kernel::new(&attention_split::SOURCE).set("WORKGROUP", workgroup);
        kernel.with_cache(inputs[1]).launch(workgroups, &inputs, &partial, sizes);

        let sizes =
            attention_merge::Sizes { batch, heads, key_value_heads, seq, head_dim, splits, block_rows: rows };
        Kernel::new(&attention_merge::SOURCE).launch(batch * seq * heads, &[&partial], output, sizes);
    }
}
