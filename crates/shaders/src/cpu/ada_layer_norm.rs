//! Twin of [`crate::ada_layer_norm()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, map_rows, math, values};

pub fn twin(x: FlexTensor, shift: FlexTensor, scale: FlexTensor, first: usize, eps: f64) -> FlexTensor {
    let [_, seq, width] = x.shape().dims();
    let conditions = Conditions::new(&shift, first, seq);
    let (shift, scale) = (shift.to_contiguous(), scale.to_contiguous());
    let (shift, scale) = (values(&shift), values(&scale));
    map_rows(x, width, &AdaLayerNorm { shift, scale, conditions, eps: eps as f32 })
}

/// Where what shapes a token stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions {
    seq: usize,
    /// Pictures with conditions of their own.
    pictures: usize,
    /// One or two kinds of tokens.
    kinds: usize,
    /// The first token of the first kind; 0 where there is one kind.
    first: usize,
}

impl Conditions {
    /// For sequences of `seq` tokens, from one of the tensors `[batch or 1, kinds, width]`.
    pub(super) fn new(condition: &FlexTensor, first: usize, seq: usize) -> Self {
        let [pictures, kinds, _] = condition.shape().dims();
        Self { seq: seq.max(1), pictures: pictures.max(1), kinds, first: if kinds == 1 { 0 } else { first } }
    }

    /// The row for the token in row `row` of the sequences.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> usize {
        let kind = usize::from(row % self.seq < self.first);
        row / self.seq % self.pictures * self.kinds + kind
    }
}

struct AdaLayerNorm<'a> {
    shift: &'a [f32],
    scale: &'a [f32],
    conditions: Conditions,
    eps: f32,
}

impl ChangeRow for AdaLayerNorm<'_> {
    #[inline(always)]
    fn change(&self, row: usize, x: &mut [f32]) {
        let at = self.conditions.row(row) * x.len();
        let (mean, factor) = math::moments(x, self.eps);
        for ((x, &shift), &scale) in x.iter_mut().zip(&self.shift[at..]).zip(&self.scale[at..]) {
            *x = (*x - mean) * factor * (1.0 + scale) + shift;
        }
    }
}
