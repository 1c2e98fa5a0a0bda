//! Launch of `ada_layer_norm.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous};

pub(super) fn ada_layer_norm(x: CubeTensor, shift: CubeTensor, scale: CubeTensor, eps: f32) -> CubeTensor {
    let [batch, seq, width] = x.shape().dims();
    let (x, shift, scale) = (into_contiguous(x), into_contiguous(shift), into_contiguous(scale));
    // One row for each picture, or one for all.
    let [pictures, _, _] = shift.shape().dims();
    let tokens = if pictures == batch { seq } else { batch * seq };
    let output = empty(&x, x.shape());
    let kernel = Wgsl::by_rows_of(width, "ada_layer_norm", include_str!("../../wgsl/ada_layer_norm.wgsl"));
    let sizes = [batch * seq, width, tokens];
    kernel.launch_eps(batch * seq, &[&x, &shift, &scale], &output, &sizes, eps);
    output
}
