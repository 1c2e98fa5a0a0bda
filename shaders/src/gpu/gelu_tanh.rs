//! Launch of `gelu_tanh.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous};

pub(super) fn gelu_tanh(x: CubeTensor) -> CubeTensor {
    let x = into_contiguous(x);
    let count = x.shape().num_elements();
    let output = empty(&x, x.shape());
    let (kernel, workgroups) =
        Wgsl::by_numbers("gelu_tanh", include_str!("../../wgsl/gelu_tanh.wgsl"), count);
    kernel.launch(workgroups, &[&x], &output, &[count]);
    output
}
