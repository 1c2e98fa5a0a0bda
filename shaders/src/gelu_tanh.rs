//! GELU in its tanh form.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch};
use burn::tensor::Tensor;

use crate::Kernels;

/// `sqrt(2 / π)`.
pub(crate) const SLOPE: f32 = 0.797_884_6;
pub(crate) const CUBIC: f32 = 0.044_715;

/// `x/2 · (1 + tanh(sqrt(2/π)·(x + 0.044715·x³)))`.
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::gelu_tanh(x.into_dispatch()))
}

pub(crate) fn reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let cube = B::float_mul(B::float_mul(x.clone(), x.clone()), x.clone());
    let inner = B::float_add(x.clone(), B::float_mul_scalar(cube, CUBIC.into()));
    let tanh = B::float_tanh(B::float_mul_scalar(inner, SLOPE.into()));
    B::float_mul_scalar(B::float_mul(x, B::float_add_scalar(tanh, 1.0.into())), 0.5.into())
}
