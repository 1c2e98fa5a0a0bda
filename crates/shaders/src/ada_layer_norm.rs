//! Layer norm without parameters of its own, then shift and scale from the conditioning.

use crate::prelude::*;

/// `(x - mean) / sqrt(var + eps) · (1 + scale) + shift` over the last dimension.
///
/// # Shapes
/// - x, output: `[batch, seq, width]`
/// - shift, scale: `[batch or 1, kinds, width]`: one kind for all tokens, or two: the first for the tokens from `first`
///   on, the second for those before
pub fn ada_layer_norm(x: Tensor<3>, shift: Tensor<3>, scale: Tensor<3>, first: usize, eps: f64) -> Tensor<3> {
    let (x, shift, scale) = (x.into_dispatch(), shift.into_dispatch(), scale.into_dispatch());
    Tensor::from_dispatch(Dispatch::ada_layer_norm(x, shift, scale, first, eps))
}

kernel! {
    trait AdaLayerNorm in ada_layer_norm {
        fn ada_layer_norm(
            x: FloatTensor<Self>,
            shift: FloatTensor<Self>,
            scale: FloatTensor<Self>,
            first: usize,
            eps: f64,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &shift, &scale]);
    gpu if gpu::are_f32(&[&x, &shift, &scale]);
}

pub(crate) fn reference<B: Backend>(
    x: FloatTensor<B>,
    shift: FloatTensor<B>,
    scale: FloatTensor<B>,
    first: usize,
    eps: f64,
) -> FloatTensor<B> {
    let [_, seq, _] = x.shape().dims();
    let [shift, scale] = [shift, scale].map(|condition| of_tokens::<B>(condition, first, seq));
    let normal = standardise::<B>(x, eps);
    B::float_add(B::float_mul(normal, B::float_add_scalar(scale, 1.0.into())), shift)
}

/// What shapes each token: as it is if there is one kind of tokens.
pub(crate) fn of_tokens<B: Backend>(condition: FloatTensor<B>, first: usize, seq: usize) -> FloatTensor<B> {
    let [pictures, kinds, width] = condition.shape().dims();
    if kinds == 1 {
        return condition;
    }
    let all = Slice::new(0, None, 1);
    let part = |kind: isize, tokens: usize| {
        let of_kind = B::float_slice(condition.clone(), &[all, Slice::new(kind, Some(kind + 1), 1), all]);
        (tokens > 0).then(|| B::float_expand(of_kind, Shape::from([pictures, tokens, width])))
    };
    B::float_cat([part(1, first), part(0, seq - first)].into_iter().flatten().collect(), 1)
}

/// `(x - mean) / sqrt(var + eps)` over the last dimension.
pub(crate) fn standardise<B: Backend>(x: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let last = x.shape().num_dims() - 1;
    let centred = B::float_sub(x.clone(), B::float_mean_dim(x, last));
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred.clone()), last);
    B::float_div(centred, root::<B>(B::float_add_scalar(variance, eps.into())))
}

/// The square root, and NaN where a sum of squares has overflowed: what is divided by an infinity would be zero and hide it.
pub(crate) fn root<B: Backend>(square: FloatTensor<B>) -> FloatTensor<B> {
    let nothing = B::float_mul_scalar(square.clone(), 0.0.into());
    B::float_add(B::float_sqrt(square), nothing)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, shift: CubeTensor, scale: CubeTensor, first: usize, eps: f64) -> CubeTensor {
    use crate::wgsl::ada_layer_norm::{SOURCE, Sizes};
    let [batch, seq, width] = x.shape().dims();
    let [x, shift, scale] = [x, shift, scale].map(into_contiguous);
    let [pictures, kinds, _] = shift.shape().dims();
    let first = if kinds == 1 { 0 } else { first };
    let rows = batch * seq;
    let output = empty(&x, x.shape());
    let sizes = Sizes { rows, width, seq, pictures, kinds, first, eps: eps as f32 };
    Kernel::row_reduce(&SOURCE, width).launch(rows, &[&x, &shift, &scale], &output, sizes);
    output
}
