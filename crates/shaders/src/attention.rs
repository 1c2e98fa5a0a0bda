//! Scaled dot-product attention with grouped queries, causal or not.

#[cfg(feature = "gpu")]
mod launch;
#[cfg(any(feature = "autodiff", feature = "libtorch"))]
mod training;

use burn::backend::ops::AttentionModuleOptions;
use burn::backend::tensor::BoolTensor;

use crate::prelude::*;
use crate::to_f32::widened;
#[cfg(feature = "gpu")]
use launch::{has_room, launch};

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
