//! Twin of [`crate::group_moments()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{GRAIN, math, tensor, values};
use crate::group_moments::PART;

pub fn twin(x: FlexTensor, groups: usize) -> FlexTensor {
    let [batch, channels, height, width] = x.shape().dims();
    let x = if x.is_contiguous() { x } else { x.to_contiguous() };
    let count = channels / groups.max(1) * height * width;
    let parts = count.div_ceil(PART);
    let mut moments = vec![[0.0; 3]; batch * groups * parts];
    let rows = values(&x).par_chunks(count.max(1)).zip(moments.par_chunks_mut(parts.max(1)));
    rows.for_each(|(x, moments)| {
        let some = GRAIN / PART;
        x.par_chunks(some * PART).zip(moments.par_chunks_mut(some)).for_each(|(x, moments)| {
            pulp::Arch::new().dispatch(Moments { x, moments });
        });
    });
    tensor(moments.into_flattened(), [batch, groups, parts, 3])
}

/// Those of some parts.
struct Moments<'a> {
    x: &'a [f32],
    moments: &'a mut [[f32; 3]],
}

impl NullaryFnOnce for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (x, moments) in self.x.chunks(PART).zip(self.moments) {
            *moments = of_part(x);
        }
    }
}

/// Count, mean and squares.
#[inline(always)]
pub(super) fn of_part(x: &[f32]) -> [f32; 3] {
    let (near, rest, squares) = math::centred(x);
    let count = x.len() as f32;
    [count, near + rest, squares - count * (rest * rest)]
}
