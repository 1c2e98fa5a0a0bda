//! The sum after a branch of the architect, with the norm before it and the norm after it.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch};
use burn::tensor::Tensor;

use crate::{Kernels, rms_norm};

/// `h = x + norm(y)` and the norm of `h`: two root-mean-square norms with a sum between them.
///
/// # Shapes
/// - x, y, both outputs: `[..., width]`
/// - post, next: weights of the norms, `[width]`; eps: theirs
pub fn residual_norm<const D: usize>(
    x: Tensor<D>,
    y: Tensor<D>,
    post: Tensor<1>,
    next: Tensor<1>,
    eps: [f64; 2],
) -> (Tensor<D>, Tensor<D>) {
    let (x, y) = (x.into_dispatch(), y.into_dispatch());
    let (h, normal) = Dispatch::residual_norm(x, y, post.into_dispatch(), next.into_dispatch(), eps);
    (Tensor::from_dispatch(h), Tensor::from_dispatch(normal))
}

pub(crate) fn reference<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    post: FloatTensor<B>,
    next: FloatTensor<B>,
    [post_eps, next_eps]: [f64; 2],
) -> (FloatTensor<B>, FloatTensor<B>) {
    let h = B::float_add(x, rms_norm::reference::<B>(y, post, post_eps));
    (h.clone(), rms_norm::reference::<B>(h, next, next_eps))
}
