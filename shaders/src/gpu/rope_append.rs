//! Launch of `rope_append.wgsl`.

use burn::backend::TensorMetadata;
use burn::tensor::Shape;
use burn_cubecl::tensor::CubeTensor;

use super::wgsl::{Variant, Wgsl};
use super::{empty, into_contiguous};

/// Whether the buffers can be written in place: they lie as they were made, and nobody else holds them.
pub(super) fn fits(keys: &CubeTensor, values: &CubeTensor) -> bool {
    [keys, values].iter().all(|buffer| buffer.can_mut() && buffer.is_contiguous())
}

pub(super) fn rope_append(
    qkv: CubeTensor,
    cos: CubeTensor,
    sin: CubeTensor,
    keys: CubeTensor,
    values: CubeTensor,
    at: usize,
) -> (CubeTensor, CubeTensor, CubeTensor) {
    let [qkv, cos, sin] = [qkv, cos, sin].map(into_contiguous);
    let [_, seq, width] = qkv.shape().dims();
    let [_, key_value_heads, capacity, head_dim] = keys.shape().dims();
    let [_, _, _, rotary] = cos.shape().dims();
    let slots = width / head_dim;
    let heads = slots - 2 * key_value_heads;
    let q = empty(&qkv, Shape::from([1, heads, seq, head_dim]));
    let kernel = Wgsl::by_rows("rope_append", include_str!("../../wgsl/rope_append.wgsl"), Wgsl::HEAD);
    let kernel = Wgsl { variant: Variant::of_cache(&keys), ..kernel };
    let sizes = [seq, heads, key_value_heads, head_dim, rotary, capacity, at];
    kernel.launch(seq * slots, &[&qkv, &cos, &sin, &keys, &values], &q, &sizes);
    (q, keys, values)
}
