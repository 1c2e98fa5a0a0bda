//! Root-mean-square norm.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata};
use burn::tensor::{Shape, Tensor};

use crate::Kernels;

/// `w · x / sqrt(mean(x²) + eps)` over the last dimension.
///
/// # Shapes
/// - x, output: `[..., width]`
/// - weight: `[width]`
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::rms_norm(x.into_dispatch(), weight.into_dispatch(), eps))
}

pub(crate) fn reference<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let rank = x.shape().num_dims();
    let mut shape = vec![1; rank];
    shape[rank - 1] = weight.shape().num_elements();
    let mean_square = B::float_mean_dim(B::float_mul(x.clone(), x.clone()), rank - 1);
    let normal = B::float_div(x, B::float_sqrt(B::float_add_scalar(mean_square, eps.into())));
    B::float_mul(normal, B::float_reshape(weight, Shape::from(shape)))
}
