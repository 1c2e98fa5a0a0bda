//! Twin of [`crate::ada_layer_norm()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, map_rows, math, values};

pub fn twin(x: FlexTensor, shift: FlexTensor, scale: FlexTensor, eps: f64) -> FlexTensor {
    let [batch, seq, width] = x.shape().dims();
    let (shift, scale) = (shift.to_contiguous(), scale.to_contiguous());
    // One row for each picture, or one for all.
    let tokens = if values(&shift).len() == batch * width { seq } else { batch * seq };
    let (shift, scale) = (values(&shift), values(&scale));
    map_rows(x, width, &AdaLayerNorm { shift, scale, tokens, eps: eps as f32 })
}

struct AdaLayerNorm<'a> {
    shift: &'a [f32],
    scale: &'a [f32],
    /// Rows that share a shift and a scale.
    tokens: usize,
    eps: f32,
}

impl ChangeRow for AdaLayerNorm<'_> {
    #[inline(always)]
    fn change(&self, row: usize, x: &mut [f32]) {
        let at = row / self.tokens * x.len();
        let (mean, factor) = math::moments(x, self.eps);
        for ((x, &shift), &scale) in x.iter_mut().zip(&self.shift[at..]).zip(&self.scale[at..]) {
            *x = (*x - mean) * factor * (1.0 + scale) + shift;
        }
    }
}
