//! One row of `x` times quantized rows, block by block as they lie in memory: what is unpacked never leaves the registers.
//!
//! Bytes hold numbers in the order of a little-endian machine, which all are that this program runs on.

use atelier_weights::{BLOCK, Scheme};
use pulp::NullaryFnOnce;

use super::packed::Matrix;

/// Whether a scheme is multiplied in this way.
pub fn takes(scheme: Scheme) -> bool {
    cfg!(target_endian = "little") && scheme.is_quantized()
}

/// A row of `x` in the order of codes: of four bits first those at even places of a block, then those at odd ones.
pub fn in_order_of_codes(x: &[f32], scheme: Scheme) -> Vec<f32> {
    if scheme == Scheme::Q8 {
        return x.to_vec();
    }
    let blocks = x.as_chunks::<BLOCK>().0.iter();
    blocks
        .flat_map(|block| [0, 1].into_iter().flat_map(|odd| block.iter().skip(odd).step_by(2)))
        .copied()
        .collect()
}

/// Consecutive rows of a matrix times a row of `x`, as a task for `pulp`.
pub struct BlockDots<'a> {
    pub weights: &'a Matrix,
    /// The first of them.
    pub first: usize,
    /// As [`in_order_of_codes`] gives it.
    pub x: &'a [f32],
    pub bias: &'a [f32],
    /// Every so many numbers one result, beginning with the first.
    pub output: &'a mut [f32],
    pub step: usize,
    /// Room for the scales of a row.
    pub scales: &'a mut Vec<f32>,
}

impl NullaryFnOnce for BlockDots<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { weights, first, x, bias, output, step, scales } = self;
        let blocks = weights.columns / BLOCK;
        let halves = if weights.scheme == Scheme::Q4Offset { 2 * blocks } else { blocks };
        scales.resize(halves, 0.0);
        for ((row, bias), output) in (first..).zip(bias).zip(output.iter_mut().step_by(step)) {
            weights.halves(row, scales);
            let codes = weights.bytes(row);
            *output = bias
                + match weights.scheme {
                    Scheme::Q8 => of_bytes(codes, scales, x),
                    Scheme::Q4Offset => of_nibbles_with_offset(codes, scales, x),
                    _ => of_nibbles(codes, scales, x),
                };
        }
    }
}

/// Numbers that are summed side by side.
const LANES: usize = BLOCK / 2;

#[inline(always)]
fn of_bytes(codes: &[u8], scales: &[f32], x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; BLOCK];
    let blocks = codes.as_chunks::<BLOCK>().0.iter().zip(x.as_chunks::<BLOCK>().0);
    for ((codes, x), scale) in blocks.zip(scales) {
        for ((sum, &code), x) in sums.iter_mut().zip(codes).zip(x) {
            *sum += scale * f32::from(code.cast_signed()) * x;
        }
    }
    sums.iter().sum()
}

#[inline(always)]
fn of_nibbles(codes: &[u8], scales: &[f32], x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let blocks = codes.as_chunks::<LANES>().0.iter().zip(x.as_chunks::<BLOCK>().0);
    for ((codes, x), scale) in blocks.zip(scales) {
        let (even, odd) = x.split_at(LANES);
        for (((sum, &code), even), odd) in sums.iter_mut().zip(codes).zip(even).zip(odd) {
            let (low, high) = (i32::from(code & 15) - 8, i32::from(code >> 4) - 8);
            *sum += scale * (low as f32 * even + high as f32 * odd);
        }
    }
    sums.iter().sum()
}

/// Offset and scale make each weight before it is multiplied: added up apart, both parts may be large and nearly cancel.
#[inline(always)]
fn of_nibbles_with_offset(codes: &[u8], scales: &[f32], x: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let blocks = codes.as_chunks::<LANES>().0.iter().zip(x.as_chunks::<BLOCK>().0);
    for ((codes, x), [scale, offset]) in blocks.zip(scales.as_chunks::<2>().0) {
        let (even, odd) = x.split_at(LANES);
        for (((sum, &code), even), odd) in sums.iter_mut().zip(codes).zip(even).zip(odd) {
            let (low, high) = (f32::from(code & 15), f32::from(code >> 4));
            *sum += (scale * low + offset) * even + (scale * high + offset) * odd;
        }
    }
    sums.iter().sum()
}
