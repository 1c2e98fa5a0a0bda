//! Root-mean-square norm.

use crate::ada_layer_norm::root;
use crate::prelude::*;

/// `w · x / sqrt(mean(x²) + eps)` over the last dimension.
///
/// # Shapes
/// - x, output: `[..., width]`
/// - weight: `[width]`
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::rms_norm(x.into_dispatch(), weight.into_dispatch(), eps))
}

kernel! {
    trait RmsNorm in rms_norm {
        fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &weight]);
    gpu if gpu::are_f32(&[&x, &weight]);
}

pub(crate) fn reference<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let rank = x.shape().num_dims();
    let mut shape = vec![1; rank];
    shape[rank - 1] = weight.shape().num_elements();
    let mean_square = B::float_mean_dim(B::float_mul(x.clone(), x.clone()), rank - 1);
    let normal = B::float_div(x, root::<B>(B::float_add_scalar(mean_square, eps.into())));
    B::float_mul(normal, B::float_reshape(weight, Shape::from(shape)))
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, weight: CubeTensor, eps: f64) -> CubeTensor {
    use crate::wgsl::rms_norm::{SOURCE, Sizes};
    let [x, weight] = [x, weight].map(into_contiguous);
    let width = weight.shape().num_elements();
    let rows = rows(&x, width);
    let output = empty(&x, x.shape());
    let sizes = Sizes { rows, width, eps: eps as f32 };
    Kernel::row_reduce(&SOURCE, width).launch(rows, &[&x, &weight], &output, sizes);
    output
}
