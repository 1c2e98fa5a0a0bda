//! Numbers of 16 bits for what is kept long and read seldom.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata};
use burn::tensor::{DType, FloatDType, Tensor};

use crate::Kernels;

/// `x` in f16, also on a device whose kernels cannot compute in it; beyond the largest f16 that one.
///
/// # Shapes
/// - x, output: any, the same
pub fn to_f16<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::to_f16(x.into_dispatch()))
}

/// The inverse of [`to_f16`].
///
/// # Shapes
/// - x, output: any, the same
pub fn to_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::to_f32(x.into_dispatch()))
}

const LARGEST: f32 = 65_504.0;

pub(crate) fn to_f16_reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(B::float_clamp(x, (-LARGEST).into(), LARGEST.into()), FloatDType::F16)
}

pub(crate) fn to_f32_reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(x, FloatDType::F32)
}

/// In f32 what may be in f16.
pub(crate) fn widened<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    if x.dtype() == DType::F16 { to_f32_reference::<B>(x) } else { x }
}
