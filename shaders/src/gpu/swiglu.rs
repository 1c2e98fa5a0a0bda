//! Launch of `swiglu.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous};

pub(super) fn swiglu(gate_up: CubeTensor) -> CubeTensor {
    let mut shape = gate_up.shape();
    let last = shape.num_dims() - 1;
    let width = shape[last] / 2;
    shape[last] = width;
    let gate_up = into_contiguous(gate_up);
    let count = shape.num_elements();
    let output = empty(&gate_up, shape);
    let (kernel, workgroups) = Wgsl::by_numbers("swiglu", include_str!("../../wgsl/swiglu.wgsl"), count);
    kernel.launch(workgroups, &[&gate_up], &output, &[count, width]);
    output
}
