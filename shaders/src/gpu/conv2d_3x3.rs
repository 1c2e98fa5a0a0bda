//! Launch of `conv2d_3x3.wgsl`.

use burn::backend::TensorMetadata;
use burn::tensor::Shape;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous, strides};

/// As in the kernel: pixels along each side of a workgroup's tile, and its output channels.
const TILE: usize = 16;
const CHANNELS: usize = 32;

pub(super) fn conv2d_3x3(x: &CubeTensor, weight: CubeTensor, bias: CubeTensor, doubled: bool) -> CubeTensor {
    let [batch, inputs, height, width] = x.shape().dims();
    let [outputs, _, _, _] = weight.shape().dims();
    let shift = usize::from(doubled);
    let (height, width) = (height << shift, width << shift);
    let (weight, bias) = (into_contiguous(weight), into_contiguous(bias));
    let output = empty(x, Shape::from([batch, outputs, height, width]));
    let mut sizes = vec![batch, inputs, outputs, height, width, shift];
    sizes.extend(strides(x));
    let workgroups = batch * height.div_ceil(TILE) * width.div_ceil(TILE) * outputs.div_ceil(CHANNELS);
    let kernel = Wgsl::by_rows("conv2d_3x3", include_str!("../../wgsl/conv2d_3x3.wgsl"), Wgsl::ROW);
    kernel.launch(workgroups, &[x, &weight, &bias], &output, &sizes);
    output
}
