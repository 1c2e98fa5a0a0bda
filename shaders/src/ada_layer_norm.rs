//! Layer norm without parameters of its own, then shift and scale from the conditioning.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata};
use burn::tensor::Tensor;

use crate::Kernels;

/// `(x - mean) / sqrt(var + eps) · (1 + scale) + shift` over the last dimension.
///
/// # Shapes
/// - x, output: `[batch, seq, width]`
/// - shift, scale: `[batch, 1, width]`
pub fn ada_layer_norm(x: Tensor<3>, shift: Tensor<3>, scale: Tensor<3>, eps: f64) -> Tensor<3> {
    let (x, shift, scale) = (x.into_dispatch(), shift.into_dispatch(), scale.into_dispatch());
    Tensor::from_dispatch(Dispatch::ada_layer_norm(x, shift, scale, eps))
}

pub(crate) fn reference<B: Backend>(
    x: FloatTensor<B>,
    shift: FloatTensor<B>,
    scale: FloatTensor<B>,
    eps: f64,
) -> FloatTensor<B> {
    let normal = standardise::<B>(x, eps);
    B::float_add(B::float_mul(normal, B::float_add_scalar(scale, 1.0.into())), shift)
}

/// `(x - mean) / sqrt(var + eps)` over the last dimension.
pub(crate) fn standardise<B: Backend>(x: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let last = x.shape().num_dims() - 1;
    let centred = B::float_sub(x.clone(), B::float_mean_dim(x, last));
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred.clone()), last);
    B::float_div(centred, B::float_sqrt(B::float_add_scalar(variance, eps.into())))
}
