//! The last step of a group norm, and SiLU.

use crate::prelude::*;

/// `silu(w · (x - near - rest) · factor + b)` with near, rest and factor of each group of channels: a group norm whose moments are
/// known.
///
/// # Shapes
/// - x, output: `[batch, channels, height, width]`
/// - moments: `[batch, groups, 3]`, as [`crate::merge_moments`] makes them, `channels` a multiple of `groups`
/// - weight, bias: `[channels]`
pub fn normalise_silu(x: Tensor<4>, moments: Tensor<3>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<4> {
    let (x, moments) = (x.into_dispatch(), moments.into_dispatch());
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::normalise_silu(x, moments, weight, bias))
}

kernel! {
    trait NormaliseSilu in normalise_silu {
        fn normalise_silu(
            x: FloatTensor<Self>,
            moments: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &moments, &weight, &bias]);
    gpu if gpu::are_f32(&[&x, &moments, &weight, &bias]);
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    moments: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
) -> FloatTensor<B> {
    let [_, channels, _, _] = x.shape().dims::<4>();
    let [batch, groups, _] = moments.shape().dims();
    let all = Slice::new(0, None, 1);
    let of_channels = |place: isize| {
        let of_groups = B::float_slice(moments.clone(), &[all, all, Slice::new(place, Some(place + 1), 1)]);
        let each = B::float_expand(of_groups, Shape::from([batch, groups, channels / groups.max(1)]));
        B::float_reshape(each, Shape::from([batch, channels, 1, 1]))
    };
    let per_channel = |p| B::float_reshape(p, Shape::from([1, channels, 1, 1]));
    let centred = B::float_sub(B::float_sub(x, of_channels(0)), of_channels(1));
    let scale = B::float_mul(of_channels(2), per_channel(weight));
    let y = B::float_add(B::float_mul(centred, scale), per_channel(bias));
    B::float_mul(y.clone(), B::sigmoid(y))
}

#[cfg(feature = "gpu")]
pub(crate) fn launch(x: CubeTensor, moments: CubeTensor, weight: CubeTensor, bias: CubeTensor) -> CubeTensor {
    use crate::wgsl::normalise_silu::{PART, SOURCE, Sizes};
    let [batch, channels, height, width] = x.shape().dims();
    let [_, groups, _] = moments.shape().dims();
    let [moments, weight, bias] = [moments, weight, bias].map(into_contiguous);
    let output = empty(&x, x.shape());
    let (x, [picture_stride, channel_stride]) = gpu::of_channels(x);
    let (rows, each, pixels) = (batch * channels, channels / groups.max(1), height * width);
    let sizes = Sizes { rows, channels, each, pixels, picture_stride, channel_stride };
    let workgroups = rows * pixels.div_ceil(PART);
    Kernel::new(&SOURCE).launch(workgroups, &[&x, &moments, &weight, &bias], &output, sizes);
    output
}
