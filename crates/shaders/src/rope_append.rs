//! New tokens of the architect: queries and keys rotated, keys and values put into their cache.

use crate::prelude::*;
use crate::{norm_rope, to_f16};

/// Rotates the queries and keys of new tokens as [`crate::norm_rope()`] does, without a norm, and writes keys and values into
/// their buffers from token `at` on: in place where nobody else holds the buffers.
///
/// # Shapes
/// - qkv: `[1, seq, (heads + 2 * key_value_heads) * head_dim]`: queries, keys, values
/// - cos, sin: `[1, 1, seq, rotary_dim]`
/// - keys, values: `[1, key_value_heads, capacity, head_dim]`, with `at + seq` at most `capacity`; f32, or f16, to which
///   they are rounded
/// - output: queries `[1, heads, seq, head_dim]`, and the buffers
pub fn rope_append(
    qkv: Tensor<3>,
    cos: Tensor<4>,
    sin: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    at: usize,
) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
    let (qkv, cos, sin) = (qkv.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    let (q, keys, values) =
        Dispatch::rope_append(qkv, cos, sin, keys.into_dispatch(), values.into_dispatch(), at);
    (Tensor::from_dispatch(q), Tensor::from_dispatch(keys), Tensor::from_dispatch(values))
}

kernel! {
    trait RopeAppend in rope_append {
        fn rope_append(
            qkv: FloatTensor<Self>,
            cos: FloatTensor<Self>,
            sin: FloatTensor<Self>,
            keys: FloatTensor<Self>,
            values: FloatTensor<Self>,
            at: usize,
        ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    }
    cpu if cpu::are_f32(&[&qkv, &cos, &sin, &keys, &values]) && keys.is_contiguous() && values.is_contiguous();
    gpu if gpu::are_f32(&[&qkv, &cos, &sin]) && gpu::are_caches(&keys, &values) && in_place(&[&keys, &values]);
}

fn reference<B: Backend>(
    qkv: FloatTensor<B>,
    cos: FloatTensor<B>,
    sin: FloatTensor<B>,
    keys: FloatTensor<B>,
    values: FloatTensor<B>,
    at: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [_, seq, width] = qkv.shape().dims();
    let [_, key_value_heads, _, head_dim] = keys.shape().dims();
    let slots = width / head_dim;
    let heads = slots - 2 * key_value_heads;
    let qkv = B::float_swap_dims(B::float_reshape(qkv, Shape::from([1, seq, slots, head_dim])), 1, 2);
    let range = |start: usize, end: usize| Slice::new(start as isize, Some(end as isize), 1);
    let part = |start: usize, end: usize| {
        B::float_slice(qkv.clone(), &[range(0, 1), range(start, end), range(0, seq), range(0, head_dim)])
    };
    let rotated = |x| norm_rope::reference::<B>(x, cos.clone(), sin.clone(), 0, None);
    let place = [range(0, 1), range(0, key_value_heads), range(at, at + seq), range(0, head_dim)];
    let stored = |x, like: &FloatTensor<B>| {
        if like.dtype() == DType::F16 { to_f16::reference::<B>(x) } else { x }
    };
    let new = stored(rotated(part(heads, heads + key_value_heads)), &keys);
    let keys = B::float_slice_assign(keys, &place, new);
    let new = stored(part(heads + key_value_heads, slots), &values);
    let values = B::float_slice_assign(values, &place, new);
    (rotated(part(0, heads)), keys, values)
}

/// Whether the buffers can be written in place: they lie as they were made, and nobody else holds them.
#[cfg(feature = "gpu")]
fn in_place(buffers: &[&CubeTensor]) -> bool {
    buffers.iter().all(|buffer| buffer.can_mut() && buffer.is_contiguous())
}

#[cfg(feature = "gpu")]
fn launch(
    qkv: CubeTensor,
    cos: CubeTensor,
    sin: CubeTensor,
    keys: CubeTensor,
    values: CubeTensor,
    at: usize,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    use crate::wgsl::rope_append::{SOURCE, Sizes};
    let [qkv, cos, sin] = [qkv, cos, sin].map(into_contiguous);
    let [_, seq, width] = qkv.shape().dims();
    let [_, key_value_heads, capacity, head_dim] = keys.shape().dims();
    let [_, _, _, rotary] = cos.shape().dims();
    let slots = width / head_dim;
    let heads = slots - 2 * key_value_heads;
    let q = empty(&qkv, [1, heads, seq, head_dim]);
    let sizes = Sizes { seq, heads, key_value_heads, head_dim, rotary, capacity, at };
    let kernel = Kernel::new(&SOURCE).with_cache(&keys);
    kernel.launch(seq * slots, &[&qkv, &cos, &sin, &keys, &values], &q, sizes);
    (q, keys, values)
}
