//! Antialiased resampling of 8-bit pictures, value for value as Pillow does it for the reference (spec 5.1, 10).
//!
//! The codes of a source image hang on these values, so "nearly the same" from a general library is not enough: what counts
//! is that rows are resampled before columns, that the result is clipped to 8 bits in between, and that weights are
//! fixed-point numbers of 22 bits.

use std::f64::consts::PI;

use super::RgbImage;
use crate::error::Result;

/// Fraction bits of a weight: what 8-bit values leave free in 32 bits, less two for sums beyond the range.
const WEIGHT_BITS: u32 = 22;

/// A resampling kernel, widened when shrinking.
#[derive(Clone, Copy)]
pub(super) enum Filter {
    /// Cubic with a = −0.5, Pillow's BICUBIC.
    Bicubic,
    /// Lanczos with three lobes, Pillow's LANCZOS.
    Lanczos,
}

impl Filter {
    /// Half the width of the kernel, in source pixels when nothing shrinks.
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn value(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::sin(x * PI) / (x * PI) }
}

/// The picture at another size; a copy when the size is the same.
pub(super) fn resized(image: &RgbImage, width: usize, height: usize, filter: Filter) -> Result<RgbImage> {
    // First along every row: pixels are 3 values apart, rows `width` pixels.
    let narrow = if width == image.width {
        image.pixels.clone()
    } else {
        let contributions = contributions(image.width, width, filter);
        let mut out = Vec::with_capacity(width * image.height * 3);
        for row in image.pixels.chunks_exact(image.width * 3) {
            for from in &contributions {
                for channel in 0..3 {
                    let values = row.iter().skip(from.first * 3 + channel).step_by(3);
                    out.push(weighted(values, &from.weights));
                }
            }
        }
        out
    };
    // Then along every column.
    let stride = width * 3;
    let pixels = if height == image.height {
        narrow
    } else {
        let contributions = contributions(image.height, height, filter);
        let mut out = Vec::with_capacity(stride * height);
        for from in &contributions {
            for column in 0..stride {
                let values = narrow.iter().skip(from.first * stride + column).step_by(stride);
                out.push(weighted(values, &from.weights));
            }
        }
        out
    };
    RgbImage::new(width, height, pixels)
}

/// The source pixels that make up one target pixel along an axis.
struct Contribution {
    first: usize,
    weights: Vec<i32>,
}

fn contributions(from: usize, to: usize, filter: Filter) -> Vec<Contribution> {
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let support = filter.support() * widening;
    (0..to)
        .map(|target| {
            let centre = (target as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weights: Vec<f64> = (first..end)
                .map(|source| filter.value((source as f64 - centre + 0.5) * (1.0 / widening)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let normal = if sum == 0.0 { 1.0 } else { 1.0 / sum };
            Contribution {
                first,
                weights: weights.iter().map(|weight| fixed_point(weight * normal)).collect(),
            }
        })
        .collect()
}

/// Rounds half away from zero.
fn fixed_point(weight: f64) -> i32 {
    (weight * f64::from(1 << WEIGHT_BITS)).round() as i32
}

fn weighted<'a>(values: impl Iterator<Item = &'a u8>, weights: &[i32]) -> u8 {
    let half = 1i64 << (WEIGHT_BITS - 1);
    let sum =
        values.zip(weights).fold(half, |sum, (&value, &weight)| sum + i64::from(value) * i64::from(weight));
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_picture_stays_plain() {
        let plain = RgbImage::new(50, 31, [7, 130, 255].repeat(50 * 31)).unwrap();
        for filter in [Filter::Bicubic, Filter::Lanczos] {
            for (width, height) in [(16, 16), (50, 16), (97, 64)] {
                let resized = resized(&plain, width, height, filter).unwrap();
                assert_eq!(resized.pixels, [7, 130, 255].repeat(width * height));
            }
        }
    }
}
