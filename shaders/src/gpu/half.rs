//! Launches of `to_f16.wgsl` and `to_f32.wgsl`.

use burn::backend::TensorMetadata;
use burn::tensor::DType;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, into_contiguous};

/// Whether its numbers fill whole words.
pub(super) fn fits(x: &CubeTensor) -> bool {
    x.shape().num_elements().is_multiple_of(2)
}

pub(super) fn to_f16(x: CubeTensor) -> CubeTensor {
    convert("to_f16", include_str!("../../wgsl/to_f16.wgsl"), into_contiguous(x), DType::F16)
}

/// `x` must be contiguous: burn cannot copy f16 on a device without.
pub(super) fn to_f32(x: CubeTensor) -> CubeTensor {
    convert("to_f32", include_str!("../../wgsl/to_f32.wgsl"), x, DType::F32)
}

fn convert(name: &'static str, source: &'static str, x: CubeTensor, dtype: DType) -> CubeTensor {
    let output = empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), x.shape(), dtype);
    let words = x.shape().num_elements() / 2;
    let (kernel, workgroups) = Wgsl::by_numbers(name, source, words);
    kernel.launch(workgroups, &[&x], &output, &[words]);
    output
}
