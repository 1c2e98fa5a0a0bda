//! Twin of [`crate::group_norm_silu()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::group_moments::of_part;
use super::merge_moments::merge;
use super::{ChangeRow, map_rows, math, values};
use crate::group_moments::PART;

pub fn twin(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, groups: usize, eps: f64) -> FlexTensor {
    let [_, channels, height, width] = x.shape().dims();
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let (each, pixels) = (channels / groups.max(1), height * width);
    let (weight, bias) = (values(&weight), values(&bias));
    let change = GroupNormSilu { weight, bias, groups, each, pixels, eps };
    map_rows(x, each * pixels, &change)
}

struct GroupNormSilu<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    groups: usize,
    /// Channels of a group.
    each: usize,
    pixels: usize,
    eps: f64,
}

impl ChangeRow for GroupNormSilu<'_> {
    #[inline(always)]
    fn change(&self, group: usize, x: &mut [f32]) {
        // In parts, since millions of numbers are too many for one sum of 32 bits.
        let mut parts = Vec::with_capacity(x.len().div_ceil(PART));
        for x in x.chunks(PART) {
            parts.push(of_part(x));
        }
        let [near, rest, factor] = merge(&parts, self.eps);
        let first = group % self.groups * self.each;
        for (channel, x) in (first..).zip(x.chunks_exact_mut(self.pixels)) {
            let (weight, bias) = (self.weight[channel] * factor, self.bias[channel]);
            for x in x {
                *x = math::silu((*x - near - rest) * weight + bias);
            }
        }
    }
}
