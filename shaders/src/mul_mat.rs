//! Rows times a packed matrix.

use atelier_weights::Scheme;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch};
use burn::tensor::{Int, Shape, Tensor};

use crate::{Kernels, packed};

/// `x·Wᵀ + bias`, with `W` as a pack stores it ([`atelier_weights::Scheme`]); sums are f32.
///
/// # Shapes
/// - x: `[rows, columns]`, columns a multiple of 32
/// - codes, scales: the words of `W`, `[out, words]`; without scales anything
/// - bias: `[out]`
/// - output: `[rows, out]`
pub fn mul_mat(
    x: Tensor<2>,
    codes: Tensor<2, Int>,
    scales: Tensor<2, Int>,
    scheme: Scheme,
    bias: Tensor<1>,
) -> Tensor<2> {
    let (x, bias) = (x.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::mul_mat(x, codes.into_dispatch(), scales.into_dispatch(), scheme, bias))
}

pub(crate) fn reference<B: Backend>(
    x: FloatTensor<B>,
    codes: IntTensor<B>,
    scales: IntTensor<B>,
    scheme: Scheme,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    use burn::backend::TensorMetadata;
    let out = bias.shape().num_elements();
    let weights = packed::unpack::<B>(codes, scales, scheme);
    let product = B::float_matmul(x, B::float_transpose(weights));
    B::float_add(product, B::float_reshape(bias, Shape::from([1, out])))
}
