//! Convolution with a side of 3, if wanted on the picture at twice its size.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, Tensor};

use crate::Kernels;

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

pub(crate) fn reference<B: Backend>(
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
