//! Twin of [`crate::group_norm_silu()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, map_rows, math, values};

pub fn twin(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, groups: usize, eps: f64) -> FlexTensor {
    let [_, channels, height, width] = x.shape().dims();
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let (each, pixels) = (channels / groups.max(1), height * width);
    let (weight, bias) = (values(&weight), values(&bias));
    let change = GroupNormSilu { weight, bias, groups, each, pixels, eps: eps as f32 };
    map_rows(x, each * pixels, &change)
}

struct GroupNormSilu<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    groups: usize,
    /// Channels of a group.
    each: usize,
    pixels: usize,
    eps: f32,
}

impl ChangeRow for GroupNormSilu<'_> {
    #[inline(always)]
    fn change(&self, group: usize, x: &mut [f32]) {
        let (mean, factor) = math::moments(x, self.eps);
        let first = group % self.groups * self.each;
        for (channel, x) in (first..).zip(x.chunks_exact_mut(self.pixels)) {
            let (weight, bias) = (self.weight[channel] * factor, self.bias[channel]);
            for x in x {
                *x = math::silu((*x - mean) * weight + bias);
            }
        }
    }
}
