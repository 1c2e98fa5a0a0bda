//! Twin of [`crate::multiply_add()`].

use burn_flex::FlexTensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{tensor, values};
use crate::multiply_add::SLOPE;

/// Vectors of each kind of number that are in work at once: with their sums they fill the sixteen registers of AVX2, and
/// enough are independent of each other to keep two multipliers busy.
const VECTORS: usize = 6;
/// Pairs of a task: vectors of any width come out even.
const TASK: usize = 48 * VECTORS * 16;

pub fn twin(x: FlexTensor, steps: usize) -> FlexTensor {
    let x = if x.is_contiguous() { x } else { x.to_contiguous() };
    let shape = x.layout().shape().clone();
    let mut pairs = values(&x).to_vec();
    let (a, b) = pairs.split_at_mut(x.layout().num_elements() / 2);
    a.par_chunks_mut(TASK).zip(b.par_chunks_mut(TASK)).for_each(|(a, b)| {
        pulp::Arch::new().dispatch(Turn { a, b, steps });
    });
    tensor(pairs, shape)
}

/// Turns pairs, as a task for `pulp`.
struct Turn<'a> {
    a: &'a mut [f32],
    b: &'a mut [f32],
    steps: usize,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, steps } = self;
        let (up, down) = (simd.splat_f32s(SLOPE), simd.splat_f32s(-SLOPE));
        let ((a, a_rest), (b, b_rest)) = (S::as_mut_simd_f32s(a), S::as_mut_simd_f32s(b));
        let ((a, a_more), (b, b_more)) = (a.as_chunks_mut::<VECTORS>(), b.as_chunks_mut::<VECTORS>());
        for (a, b) in a.iter_mut().zip(b) {
            let (mut of_a, mut of_b) = (*a, *b);
            for _ in 0..steps {
                for (a, b) in of_a.iter_mut().zip(&mut of_b) {
                    let turned = simd.mul_add_f32s(up, *b, *a);
                    *b = simd.mul_add_f32s(down, *a, *b);
                    *a = turned;
                }
            }
            (*a, *b) = (of_a, of_b);
        }
        for (a, b) in a_more.iter_mut().zip(b_more) {
            for _ in 0..steps {
                let turned = simd.mul_add_f32s(up, *b, *a);
                *b = simd.mul_add_f32s(down, *a, *b);
                *a = turned;
            }
        }
        for (a, b) in a_rest.iter_mut().zip(b_rest) {
            for _ in 0..steps {
                let turned = *a + SLOPE * *b;
                *b -= SLOPE * *a;
                *a = turned;
            }
        }
    }
}
