//! Scaled dot-product attention with grouped queries, causal or not.

#[cfg(feature = "gpu")]
mod launch;

use burn::backend::ops::AttentionModuleOptions;
use burn::backend::tensor::BoolTensor;

use crate::prelude::*;
use crate::rope_append::KeyValueCache;
use crate::to_f32;
#[cfg(feature = "gpu")]
use launch::{has_room, launch};

/// `softmax(q·kᵀ / sqrt(head_dim))·v`, each group of query heads with one head of keys and values.
///
/// With `causal`, the last query sees the whole context and every query before it one key less.
///
/// # Shapes
/// - q, output: `[batch, heads, seq, head_dim]`
/// - k, v: `[batch, key_value_heads, context, head_dim]`, `heads` a multiple of `key_value_heads`
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, causal: bool) -> Tensor<4> {
    let [_, _, context, _] = k.dims();
    // Numbers of 32 bits have no scales, and nobody looks at these.
    let scales = q.clone();
    grouped(q, k, v, scales, context, causal)
}

/// Causal [`attention`] over the first `context` keys and values of a cache that has room for more.
///
/// A cache that is cut off first would be copied wherever the device wants buffers to end at other places.
///
/// # Shapes
/// - q, output: `[1, heads, seq, head_dim]`
/// - cache: its capacity at least `context`, its heads as in [`attention`]
pub fn attention_over_cache(q: Tensor<4>, cache: &KeyValueCache, context: usize) -> Tensor<4> {
    let KeyValueCache { keys, values, scales } = cache.clone();
    grouped(q, keys, values, scales, context, true)
}

fn grouped(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    scales: Tensor<4>,
    context: usize,
    causal: bool,
) -> Tensor<4> {
    let [q, k, v, scales] = [q, k, v, scales].map(Tensor::into_dispatch);
    Tensor::from_dispatch(Dispatch::grouped_attention(q, k, v, scales, context, causal))
}

kernel! {
    trait GroupedAttention in attention {
        fn grouped_attention(
            q: FloatTensor<Self>,
            k: FloatTensor<Self>,
            v: FloatTensor<Self>,
            scales: FloatTensor<Self>,
            context: usize,
            causal: bool,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&q]) && cpu::are_floats(&[&k, &v]);
    gpu if gpu::are_f32(&[&q]) && gpu::are_caches(&k, &v) && has_room(&q, &k, context);
}

/// The first keys and values, in f32.
pub(crate) fn seen<B: Backend>(
    [keys, values]: [FloatTensor<B>; 2],
    scales: &FloatTensor<B>,
    context: usize,
) -> [FloatTensor<B>; 2] {
    let all = Slice::new(0, None, 1);
    let part = |start: usize, end: usize| Slice::new(start as isize, Some(end as isize), 1);
    let first = |x: FloatTensor<B>, which: usize| {
        let [_, _, capacity, _] = x.shape().dims();
        let is_half = x.dtype() == DType::F16;
        let x = if context < capacity { B::float_slice(x, &[all, all, part(0, context), all]) } else { x };
        if !is_half {
            return x;
        }
        let scales = B::float_slice(scales.clone(), &[part(which, which + 1), all, part(0, context), all]);
        to_f32::reference::<B>(x, scales)
    };
    [first(keys, 0), first(values, 1)]
}

fn reference<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    scales: FloatTensor<B>,
    context: usize,
    causal: bool,
) -> FloatTensor<B> {
    let [batch, heads, seq, head_dim] = q.shape().dims();
    let [_, key_value_heads, ..] = k.shape().dims::<4>();
    let [k, v] = seen::<B>([k, v], &scales, context);
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
