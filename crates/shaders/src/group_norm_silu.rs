//! Group norm, then SiLU: in three kernels on a GPU, where a group has more numbers than a workgroup should read.

use crate::ada_layer_norm::standardise;
use crate::prelude::*;
#[cfg(feature = "gpu")]
use crate::{group_moments, merge_moments, normalise_silu};

/// Normalises groups of channels over all their pixels, then `w · x + b` for each channel, then SiLU.
///
/// # Shapes
/// - x, output: `[batch, channels, height, width]`, `channels` a multiple of `groups`
/// - weight, bias: `[channels]`
pub fn group_norm_silu(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    eps: f64,
) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::group_norm_silu(x, weight, bias, groups, eps))
}

kernel! {
    trait GroupNormSilu in group_norm_silu {
        fn group_norm_silu(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            groups: usize,
            eps: f64,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &weight, &bias]);
    gpu if gpu::are_f32(&[&x, &weight, &bias]);
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    groups: usize,
    eps: f64,
) -> FloatTensor<B> {
    let shape = x.shape();
    let [batch, channels, height, width] = shape.dims();
    let grouped = Shape::from([batch, groups, channels / groups.max(1) * height * width]);
    let normal = B::float_reshape(standardise::<B>(B::float_reshape(x, grouped), eps), shape);
    let per_channel = |p| B::float_reshape(p, Shape::from([1, channels, 1, 1]));
    let y = B::float_add(B::float_mul(normal, per_channel(weight)), per_channel(bias));
    B::float_mul(y.clone(), B::sigmoid(y))
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, groups: usize, eps: f64) -> CubeTensor {
    let moments = merge_moments::launch(group_moments::launch(x.clone(), groups), eps);
    normalise_silu::launch(x, moments, weight, bias)
}
