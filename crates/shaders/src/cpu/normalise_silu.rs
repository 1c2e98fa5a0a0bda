//! Twin of [`crate::normalise_silu()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, map_rows, math, values};

pub fn twin(x: FlexTensor, moments: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
    let [_, channels, height, width] = x.shape().dims();
    let [_, groups, _] = moments.shape().dims();
    let [moments, weight, bias] = [moments, weight, bias].map(|x| x.to_contiguous());
    let (moments, _) = values(&moments).as_chunks::<3>();
    let (weight, bias) = (values(&weight), values(&bias));
    let change = NormaliseSilu { moments, weight, bias, each: (channels / groups.max(1)).max(1) };
    map_rows(x, height * width, &change)
}

struct NormaliseSilu<'a> {
    moments: &'a [[f32; 3]],
    weight: &'a [f32],
    bias: &'a [f32],
    /// Channels of a group.
    each: usize,
}

impl ChangeRow for NormaliseSilu<'_> {
    #[inline(always)]
    fn change(&self, row: usize, x: &mut [f32]) {
        // Channels of a group lie together, in every picture.
        let [near, rest, factor] = self.moments[row / self.each];
        let channel = row % self.weight.len();
        let (factor, bias) = (factor * self.weight[channel], self.bias[channel]);
        for x in x {
            *x = math::silu((*x - near - rest) * factor + bias);
        }
    }
}
