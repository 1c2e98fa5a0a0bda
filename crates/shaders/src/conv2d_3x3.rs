//! Convolution with a side of 3, if wanted on the picture at twice its size.

use burn::tensor::ops::ConvOptions;

use crate::prelude::*;

/// Convolves with a side of 3, stride 1 and a border of one zero, then adds `bias`.
///
/// With `doubled`, as if every pixel of `x` were four (nearest-neighbour upsampling), without making that picture where a
/// device can do without.
///
/// # Shapes
/// - x: `[batch, in, height, width]`
/// - weight: `[out, in, 3, 3]`; bias: `[out]`
/// - output: `[batch, out, height, width]`, `doubled` twice the height and width
pub fn conv2d_3x3(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, doubled: bool) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv2d_3x3(x, weight, bias, doubled))
}

kernel! {
    trait Conv2d3x3 in conv2d_3x3 {
        fn conv2d_3x3(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            doubled: bool,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &weight, &bias]);
    gpu if gpu::are_f32(&[&x, &weight, &bias]);
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    doubled: bool,
) -> FloatTensor<B> {
    let x = if doubled { double::<B>(x) } else { x };
    let options = ConvOptions::new_with_padding([1; 2], [(1, 1); 2], [1; 2], 1);
    B::conv2d(x, weight, Some(bias), options)
}

fn double<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let x = B::float_reshape(x, Shape::from([batch, channels, height, 1, width, 1]));
    let x = B::float_expand(x, Shape::from([batch, channels, height, 2, width, 2]));
    B::float_reshape(x, Shape::from([batch, channels, height * 2, width * 2]))
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, weight: CubeTensor, bias: CubeTensor, doubled: bool) -> CubeTensor {
    use crate::wgsl::conv2d_3x3::{CHANNELS, SOURCE, Sizes, TILE};
    let [batch, inputs, height, width] = x.shape().dims();
    let [outputs, _, _, _] = weight.shape().dims();
    let shift = usize::from(doubled);
    let (height, width) = (height << shift, width << shift);
    let [weight, bias] = [weight, bias].map(into_contiguous);
    let output = empty(&x, [batch, outputs, height, width]);
    let tiles = height.div_ceil(TILE) * width.div_ceil(TILE);
    let workgroups = batch * tiles * outputs.div_ceil(CHANNELS);
    let sizes =
        Sizes { batch, inputs, outputs, height, width, shift, x_strides: strides(&x), first_workgroup: 0 };
    let operations = 18.0 * (batch * inputs * outputs) as f64 * (height * width) as f64;
    Kernel::new(&SOURCE).with_operations(operations).launch(
        workgroups,
        &[&x, &weight, &bias],
        &output,
        sizes,
    );
    output
}
