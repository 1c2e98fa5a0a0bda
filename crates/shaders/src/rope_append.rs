//! New tokens of the architect: queries and keys rotated, keys and values put into their cache.

use burn::tensor::Device;

use crate::prelude::*;
use crate::{norm_rope, to_f16};

/// Keys and values of the tokens that were seen, and room for more.
#[derive(Debug, Clone)]
pub struct KeyValueCache {
    /// `[1, key_value_heads, capacity, head_dim]`, in f32 or f16.
    pub keys: Tensor<4>,
    /// As the keys.
    pub values: Tensor<4>,
    /// What the numbers of each row are multiplied by, of keys and then of values: `[2, key_value_heads, capacity, 1]`. Nobody
    /// looks at it in a cache of f32.
    pub scales: Tensor<4>,
}

impl KeyValueCache {
    /// Room for `capacity` tokens, in f32 or f16. What is not written yet is never read.
    pub fn empty([heads, capacity, head_dim]: [usize; 3], dtype: DType, device: &Device) -> Self {
        let buffer = || Tensor::empty([1, heads, capacity, head_dim], (device, dtype));
        let scales = if dtype == DType::F16 { [2, heads, capacity, 1] } else { [1; 4] };
        Self { keys: buffer(), values: buffer(), scales: Tensor::empty(scales, (device, DType::F32)) }
    }
}

/// Rotates the queries and keys of new tokens as [`crate::norm_rope()`] does, without a norm, and writes keys and values into
/// their cache from token `at` on: in place where nobody else holds its buffers. In a cache of f16 they are rounded as
/// [`crate::to_f16()`] does.
///
/// # Shapes
/// - qkv: `[1, seq, (heads + 2 * key_value_heads) * head_dim]`: queries, keys, values
/// - cos, sin: `[1, 1, seq, rotary_dim]`
/// - cache: with `at + seq` at most its capacity
/// - output: queries `[1, heads, seq, head_dim]`, and the cache
pub fn rope_append(
    qkv: Tensor<3>,
    cos: Tensor<4>,
    sin: Tensor<4>,
    cache: KeyValueCache,
    at: usize,
) -> (Tensor<4>, KeyValueCache) {
    let (qkv, cos, sin) = (qkv.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    let KeyValueCache { keys, values, scales } = cache;
    let [keys, values, scales] = [keys, values, scales].map(Tensor::into_dispatch);
    let (q, keys, values, scales) = Dispatch::rope_append(qkv, cos, sin, keys, values, scales, at);
    let [keys, values, scales] = [keys, values, scales].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(q), KeyValueCache { keys, values, scales })
}

kernel! {
    trait RopeAppend in rope_append {
        fn rope_append(
            qkv: FloatTensor<Self>,
            cos: FloatTensor<Self>,
            sin: FloatTensor<Self>,
            keys: FloatTensor<Self>,
            values: FloatTensor<Self>,
            scales: FloatTensor<Self>,
            at: usize,
        ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    }
    cpu if cpu::are_f32(&[&qkv, &cos, &sin, &keys, &values]) && keys.is_contiguous() && values.is_contiguous();
    gpu if gpu::are_f32(&[&qkv, &cos, &sin]) && gpu::are_caches(&keys, &values) && in_place(&[&keys, &values, &scales]);
}

fn reference<B: Backend>(
    qkv: FloatTensor<B>,
    cos: FloatTensor<B>,
    sin: FloatTensor<B>,
    keys: FloatTensor<B>,
    values: FloatTensor<B>,
    mut scales: FloatTensor<B>,
    at: usize,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
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
    let mut put = |buffer: FloatTensor<B>, which: usize, new: FloatTensor<B>| {
        let place = |first: usize, last: FloatTensor<B>| {
            let [_, _, _, width] = last.shape().dims();
            [range(first, first + 1), range(0, key_value_heads), range(at, at + seq), range(0, width)]
        };
        if buffer.dtype() != DType::F16 {
            return B::float_slice_assign(buffer, &place(0, new.clone()), new);
        }
        let (numbers, of_rows) = to_f16::reference::<B>(new);
        let all = scales.clone();
        scales = B::float_slice_assign(all, &place(which, of_rows.clone()), of_rows);
        B::float_slice_assign(buffer, &place(0, numbers.clone()), numbers)
    };
    let keys = put(keys, 0, rotated(part(heads, heads + key_value_heads)));
    let values = put(values, 1, part(heads + key_value_heads, slots));
    (rotated(part(0, heads)), keys, values, scales)
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
    scales: CubeTensor,
    at: usize,
) -> (CubeTensor, CubeTensor, CubeTensor, CubeTensor) {
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
    kernel.launch(seq * slots, &[&qkv, &cos, &sin, &keys, &values, &scales], &q, sizes);
    (q, keys, values, scales)
}
