//! Twin of [`crate::rms_norm()`].

use burn_flex::FlexTensor;

use super::{ChangeRow, map_rows, math, values};

pub fn twin(x: FlexTensor, weight: FlexTensor, eps: f64) -> FlexTensor {
    let weight = weight.to_contiguous();
    let weight = values(&weight);
    map_rows(x, weight.len(), &RmsNorm { weight, eps: eps as f32 })
}

struct RmsNorm<'a> {
    weight: &'a [f32],
    eps: f32,
}

impl ChangeRow for RmsNorm<'_> {
    #[inline(always)]
    fn change(&self, _: usize, x: &mut [f32]) {
        let mean_square = math::sum(x, |x| x * x) / x.len() as f32;
        let factor = math::inverse_root(mean_square + self.eps);
        for (x, &weight) in x.iter_mut().zip(self.weight) {
            *x = *x * factor * weight;
        }
    }
}
