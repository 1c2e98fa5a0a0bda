//! Norm and rotary embedding of queries and keys in one pass.

use crate::ada_layer_norm::standardise;
use crate::prelude::*;

/// Standardises every head if `eps` is given, then rotates the first `rotary_dim` channels of the tokens from `first` on.
/// Channel `i` pairs with `i + rotary_dim / 2`.
///
/// # Shapes
/// - x, output: `[batch, heads, seq, head_dim]`
/// - cos, sin: `[batch or 1, 1, seq - first, rotary_dim]`
pub fn norm_rope(x: Tensor<4>, cos: Tensor<4>, sin: Tensor<4>, first: usize, eps: Option<f64>) -> Tensor<4> {
    let (x, cos, sin) = (x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch());
    Tensor::from_dispatch(Dispatch::norm_rope(x, cos, sin, first, eps))
}

kernel! {
    trait NormRope in norm_rope {
        fn norm_rope(
            x: FloatTensor<Self>,
            cos: FloatTensor<Self>,
            sin: FloatTensor<Self>,
            first: usize,
            eps: Option<f64>,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &cos, &sin]);
    gpu if gpu::are_f32(&[&x, &cos, &sin]);
}

pub(crate) fn reference<B: Backend>(
    x: FloatTensor<B>,
    cos: FloatTensor<B>,
    sin: FloatTensor<B>,
    first: usize,
    eps: Option<f64>,
) -> FloatTensor<B> {
    let [_, _, seq, head_dim] = x.shape().dims();
    let [_, _, _, rotary_dim] = cos.shape().dims();
    let x = match eps {
        Some(eps) => standardise::<B>(x, eps),
        None => x,
    };
    let rotating = narrow::<B>(&narrow::<B>(&x, 2, first, seq), 3, 0, rotary_dim);
    let (left, right) =
        (narrow::<B>(&rotating, 3, 0, rotary_dim / 2), narrow::<B>(&rotating, 3, rotary_dim / 2, rotary_dim));
    let crossed = B::float_cat(vec![B::float_neg(right), left], 3);
    let mut rotated = B::float_add(B::float_mul(rotating, cos), B::float_mul(crossed, sin));
    if rotary_dim < head_dim {
        let rest = narrow::<B>(&narrow::<B>(&x, 2, first, seq), 3, rotary_dim, head_dim);
        rotated = B::float_cat(vec![rotated, rest], 3);
    }
    if first == 0 {
        return rotated;
    }
    B::float_cat(vec![narrow::<B>(&x, 2, 0, first), rotated], 2)
}

fn narrow<B: Backend>(x: &FloatTensor<B>, dim: usize, start: usize, end: usize) -> FloatTensor<B> {
    let mut slices = [Slice::new(0, None, 1); 4];
    slices[dim] = Slice::new(start as isize, Some(end as isize), 1);
    B::float_slice(x.clone(), &slices)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, cos: CubeTensor, sin: CubeTensor, first: usize, eps: Option<f64>) -> CubeTensor {
    use crate::wgsl::norm_rope::{SOURCE, Sizes};
    let [batch, heads, seq, head_dim] = x.shape().dims();
    let [angle_batch, _, rotating, rotary] = cos.shape().dims();
    let [cos, sin] = [cos, sin].map(into_contiguous);
    let rows = batch * heads * seq;
    let output = empty(&x, x.shape());
    let sizes = Sizes {
        rows,
        heads,
        seq,
        head_dim,
        x_strides: strides(&x),
        angle_batch,
        rotating,
        rotary,
        first,
        eps: eps.map_or(-1.0, |eps| eps as f32),
    };
    Kernel::new(&SOURCE).launch_items(rows, &[&x, &cos, &sin], &output, sizes);
    output
}
