//! Launch of `rms_norm.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous, rows};

pub(super) fn rms_norm(x: CubeTensor, weight: CubeTensor, eps: f32) -> CubeTensor {
    let (x, weight) = (into_contiguous(x), into_contiguous(weight));
    let width = weight.shape().num_elements();
    let rows = rows(&x, width);
    let output = empty(&x, x.shape());
    let kernel = Wgsl::by_rows_of(width, "rms_norm", include_str!("../../wgsl/rms_norm.wgsl"));
    kernel.launch_eps(rows, &[&x, &weight], &output, &[rows, width], eps);
    output
}
