//! Twin of [`crate::conv2d_3x3()`]: bands of rows, each a matrix product of the weights with the neighbourhoods of its
//! pixels.

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::{tensor, values};

/// Pixels that a band should at least have.
const MIN_BAND_PIXELS: usize = 1024;
/// Numbers of their neighbourhoods at once: these stay in the second-level cache.
const MAX_NEIGHBOURS: usize = 1 << 17;

pub fn twin(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, doubled: bool) -> FlexTensor {
    let [batch, inputs, height, width] = x.shape().dims();
    let [outputs, _, _, _] = weight.shape().dims();
    let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
    let shift = usize::from(doubled);
    let convolution = Convolution {
        x: values(&x),
        weight: values(&weight),
        bias: values(&bias),
        inputs,
        height: height << shift,
        width: width << shift,
        shift,
    };
    let (height, width) = (convolution.height, convolution.width);
    let mut output = vec![0.0; batch * outputs * height * width];
    if output.is_empty() {
        return tensor(output, [batch, outputs, height, width]);
    }
    // What a band writes are parts of all output channels.
    let rows = MIN_BAND_PIXELS.div_ceil(width);
    let bands = height.div_ceil(rows);
    let mut parts: Vec<Vec<&mut [f32]>> = (0..batch * bands).map(|_| Vec::with_capacity(outputs)).collect();
    for (plane, values) in output.chunks_exact_mut(height * width).enumerate() {
        for (band, part) in values.chunks_mut(rows * width).enumerate() {
            parts[plane / outputs * bands + band].push(part);
        }
    }
    parts.into_par_iter().enumerate().for_each(|(item, mut part)| {
        convolution.band(item / bands, item % bands * rows, &mut part);
    });
    tensor(output, [batch, outputs, height, width])
}

struct Convolution<'a> {
    /// `[batch, inputs, height >> shift, width >> shift]`.
    x: &'a [f32],
    /// `[outputs, inputs, 3, 3]`.
    weight: &'a [f32],
    bias: &'a [f32],
    inputs: usize,
    /// Of the output.
    height: usize,
    width: usize,
    /// 1 if the picture is doubled.
    shift: usize,
}

impl Convolution<'_> {
    /// The rows from `top` on of every output channel of one picture.
    fn band(&self, picture: usize, top: usize, output: &mut [&mut [f32]]) {
        let pixels = output.first().map_or(0, |part| part.len());
        let mut sums: Vec<f32> =
            self.bias.iter().flat_map(|&bias| std::iter::repeat_n(bias, pixels)).collect();
        let step = (MAX_NEIGHBOURS / (9 * pixels)).clamp(1, self.inputs.max(1));
        let mut near = vec![0.0; 9 * step * pixels];
        for first in (0..self.inputs).step_by(step) {
            let channels = step.min(self.inputs - first);
            for (channel, near) in (first..first + channels).zip(near.chunks_exact_mut(9 * pixels)) {
                self.neighbourhoods(picture * self.inputs + channel, top, near);
            }
            let weight = Matrix {
                values: self.weight,
                start: 9 * first,
                rows: output.len(),
                columns: 9 * channels,
                strides: [9 * self.inputs, 1],
            };
            let near =
                Matrix { values: &near, start: 0, rows: 9 * channels, columns: pixels, strides: [pixels, 1] };
            multiply(&mut sums, 1.0, &weight, &near, 1.0);
        }
        for (part, sums) in output.iter_mut().zip(sums.chunks_exact(pixels)) {
            part.copy_from_slice(sums);
        }
    }

    /// The picture around each pixel of the rows from `top` on: `[3, 3, pixels]`, the neighbours' places in front.
    fn neighbourhoods(&self, plane: usize, top: usize, near: &mut [f32]) {
        let stored = self.width >> self.shift;
        let plane = &self.x[plane * (self.height >> self.shift) * stored..];
        for (place, near) in near.chunks_exact_mut(near.len() / 9).enumerate() {
            for (row, near) in (top + place / 3..).zip(near.chunks_exact_mut(self.width)) {
                // The border is row 0 of the picture and column 0 of a row.
                if row == 0 || row > self.height {
                    near.fill(0.0);
                    continue;
                }
                let row = &plane[((row - 1) >> self.shift) * stored..][..stored];
                let from = place % 3;
                let (start, end) = (1_usize.saturating_sub(from), self.width - from.saturating_sub(1));
                near[..start].fill(0.0);
                near[end..].fill(0.0);
                let inside = &mut near[start..end];
                let first = start + from - 1;
                if self.shift == 0 {
                    inside.copy_from_slice(&row[first..first + inside.len()]);
                } else {
                    for (column, near) in (first..).zip(inside) {
                        *near = row[column >> 1];
                    }
                }
            }
        }
    }
}
