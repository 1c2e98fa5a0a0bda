//! What the file of an operation needs.

pub(crate) use burn::backend::tensor::{FloatTensor, IntTensor};
pub(crate) use burn::backend::{
    Backend, DType, Dispatch, ExtensionType, TensorMetadata, get_or_init_device_settings,
};
pub(crate) use burn::tensor::{FloatDType, Int, Shape, Slice, Tensor, TensorData};

#[cfg(feature = "cpu")]
pub(crate) use crate::cpu;
#[cfg(feature = "gpu")]
pub(crate) use crate::gpu::{self, CubeTensor, Kernel, empty, empty_of, into_contiguous, rows, strides};
pub(crate) use crate::kernel::kernel;
