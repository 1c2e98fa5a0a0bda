//! Twin of [`crate::residual_norm()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{GRAIN, math, tensor, values, values_range};

pub fn twin(
    x: FlexTensor,
    y: FlexTensor,
    post: FlexTensor,
    next: FlexTensor,
    eps: [f64; 2],
) -> (FlexTensor, FlexTensor) {
    let [y, post, next] = [y, post, next].map(|x| x.to_contiguous());
    let (post, next) = (values(&post), values(&next));
    let (width, eps) = (post.len(), eps.map(|eps| eps as f32));
    let shape = x.shape();
    // The sum takes the place of `x` where nobody else holds it.
    let mut sum = if x.is_contiguous() { x } else { x.to_contiguous() };
    let mut normal = vec![0.0; shape.num_elements()];
    let chunk = (GRAIN / width.max(1)).max(1) * width.max(1);
    let range = values_range(&sum);
    let sums = &mut sum.storage_mut::<f32>()[range];
    let chunks =
        sums.par_chunks_mut(chunk).zip(values(&y).par_chunks(chunk)).zip(normal.par_chunks_mut(chunk));
    chunks.for_each(|((sum, y), normal)| {
        pulp::Arch::new().dispatch(ResidualNorm { sum, y, post, next, eps, normal });
    });
    (sum, tensor(normal, shape))
}

/// Some rows.
struct ResidualNorm<'a> {
    /// `x` before, `h` after.
    sum: &'a mut [f32],
    y: &'a [f32],
    post: &'a [f32],
    next: &'a [f32],
    eps: [f32; 2],
    normal: &'a mut [f32],
}

impl NullaryFnOnce for ResidualNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.post.len().max(1);
        let factor =
            |row: &[f32], eps: f32| math::inverse_root(math::sum(row, |x| x * x) / width as f32 + eps);
        let rows = self.sum.chunks_exact_mut(width).zip(self.y.chunks_exact(width));
        for ((sum, y), normal) in rows.zip(self.normal.chunks_exact_mut(width)) {
            let of_y = factor(y, self.eps[0]);
            for ((sum, y), weight) in sum.iter_mut().zip(y).zip(self.post) {
                *sum += y * of_y * weight;
            }
            let of_sum = factor(sum, self.eps[1]);
            for ((normal, sum), weight) in normal.iter_mut().zip(sum).zip(self.next) {
                *normal = *sum * of_sum * weight;
            }
        }
    }
}
