//! Twin of [`crate::gated_norm()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::ada_layer_norm::Conditions;
use super::{GRAIN, math, tensor, values, values_range};

pub fn twin(
    x: FlexTensor,
    y: FlexTensor,
    gate: FlexTensor,
    shift: FlexTensor,
    scale: FlexTensor,
    first: usize,
    eps: f64,
) -> (FlexTensor, FlexTensor) {
    let shape = x.shape();
    let [_, seq, width] = shape.dims();
    let conditions = Conditions::new(&gate, first, seq);
    let [y, gate, shift, scale] = [y, gate, shift, scale].map(|x| x.to_contiguous());
    let [gate, shift, scale] = [&gate, &shift, &scale].map(values);
    // The sum takes the place of `x` where nobody else holds it.
    let mut sum = if x.is_contiguous() { x } else { x.to_contiguous() };
    let mut normal = vec![0.0; shape.num_elements()];
    let rows = (GRAIN / width.max(1)).max(1);
    let chunk = rows * width.max(1);
    let range = values_range(&sum);
    let sums = &mut sum.storage_mut::<f32>()[range];
    let chunks =
        sums.par_chunks_mut(chunk).zip(values(&y).par_chunks(chunk)).zip(normal.par_chunks_mut(chunk));
    chunks.enumerate().for_each(|(chunk, ((sum, y), normal))| {
        let first = chunk * rows;
        let eps = eps as f32;
        pulp::Arch::new().dispatch(GatedNorm {
            first,
            width,
            sum,
            y,
            gate,
            shift,
            scale,
            conditions,
            eps,
            normal,
        });
    });
    (sum, tensor(normal, shape))
}

/// Some rows.
struct GatedNorm<'a> {
    /// The first of them.
    first: usize,
    width: usize,
    /// `x` before, `h` after.
    sum: &'a mut [f32],
    y: &'a [f32],
    gate: &'a [f32],
    shift: &'a [f32],
    scale: &'a [f32],
    conditions: Conditions,
    eps: f32,
    normal: &'a mut [f32],
}

impl NullaryFnOnce for GatedNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.width.max(1);
        let rows = self.sum.chunks_exact_mut(width).zip(self.y.chunks_exact(width));
        for (row, ((sum, y), normal)) in rows.zip(self.normal.chunks_exact_mut(width)).enumerate() {
            let at = self.conditions.row(self.first + row) * width;
            for ((sum, &y), &gate) in sum.iter_mut().zip(y).zip(&self.gate[at..]) {
                *sum += y * gate;
            }
            let (mean, factor) = math::moments(sum, self.eps);
            let conditions = self.shift[at..].iter().zip(&self.scale[at..]);
            for ((normal, &sum), (&shift, &scale)) in normal.iter_mut().zip(&*sum).zip(conditions) {
                *normal = (sum - mean) * factor * (1.0 + scale) + shift;
            }
        }
    }
}
