//! Launch of `group_norm_silu.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous};

pub(super) fn group_norm_silu(
    x: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    groups: usize,
    eps: f32,
) -> CubeTensor {
    let [batch, channels, height, width] = x.shape().dims();
    let (x, weight, bias) = (into_contiguous(x), into_contiguous(weight), into_contiguous(bias));
    let output = empty(&x, x.shape());
    let kernel = Wgsl::by_rows("group_norm_silu", include_str!("../../wgsl/group_norm_silu.wgsl"), Wgsl::ROW);
    let sizes = [batch * groups, groups, channels / groups.max(1), height * width];
    kernel.launch_eps(batch * groups, &[&x, &weight, &bias], &output, &sizes, eps);
    output
}
