//! The sum after a branch of the architect, with the norm before it and the norm after it.

use crate::prelude::*;
use crate::rms_norm;

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

kernel! {
    trait ResidualNorm in residual_norm {
        fn residual_norm(
            x: FloatTensor<Self>,
            y: FloatTensor<Self>,
            post: FloatTensor<Self>,
            next: FloatTensor<Self>,
            eps: [f64; 2],
        ) -> (FloatTensor<Self>, FloatTensor<Self>);
    }
    cpu if cpu::are_f32(&[&x, &y, &post, &next]);
    gpu if gpu::are_f32(&[&x, &y, &post, &next]);
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    post: FloatTensor<B>,
    next: FloatTensor<B>,
    [post_eps, next_eps]: [f64; 2],
) -> (FloatTensor<B>, FloatTensor<B>) {
    let h = B::float_add(x, rms_norm::reference::<B>(y, post, post_eps));
    (h.clone(), rms_norm::reference::<B>(h, next, next_eps))
}

#[cfg(feature = "gpu")]
fn launch(
    x: CubeTensor,
    y: CubeTensor,
    post: CubeTensor,
    next: CubeTensor,
    eps: [f64; 2],
) -> (CubeTensor, CubeTensor) {
    use crate::wgsl::residual_norm::{SOURCE, Sizes};
    let [x, y, post, next] = [x, y, post, next].map(into_contiguous);
    let width = post.shape().num_elements();
    let rows = rows(&x, width);
    let (h, normal) = (empty(&x, x.shape()), empty(&x, x.shape()));
    let [post_eps, next_eps] = eps.map(|eps| eps as f32);
    let sizes = Sizes { rows, width, post_eps, next_eps };
    Kernel::row_reduce(&SOURCE, width).launch(rows, &[&x, &y, &post, &next, &h], &normal, sizes);
    (h, normal)
}
