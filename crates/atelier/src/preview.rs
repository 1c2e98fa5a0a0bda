//! A small picture of what is being painted, without the decoder: each latent cell as one pixel.
//!
//! Red, green and blue of a cell are nearly a linear function of its latent channels. A checkpoint may bring that function
//! (`latent_rgb_factors` of the VAE's configuration); otherwise it is fitted to the first picture that was decoded.

use crate::config::VaeConfig;
use crate::image::RgbImage;
use crate::latents::Latents;

/// Added to the diagonal of the normal equations, in parts of a cell: channels that never vary must not matter.
const RIDGE: f64 = 1e-3;

/// Latent channels to red, green and blue in 0..=255.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Of each latent channel.
    factors: Vec<[f32; 3]>,
    bias: [f32; 3],
}

impl Preview {
    /// The function that the checkpoint brings, if it does.
    pub fn of(config: &VaeConfig) -> Option<Self> {
        let factors = config.latent_rgb_factors.clone()?;
        let bias = config.latent_rgb_factors_bias?;
        (factors.len() == config.latent_channels).then_some(Self { factors, bias })
    }

    /// The function that comes closest to these pictures in the least-squares sense; `None` without any cell, or where a
    /// picture is not a whole number of times its latents' size.
    pub fn fit<'a>(samples: impl IntoIterator<Item = (&'a Latents, &'a RgbImage)>) -> Option<Self> {
        let mut equations: Option<Equations> = None;
        for (latents, image) in samples {
            let equations = equations.get_or_insert_with(|| Equations::new(latents.channels));
            equations.add(latents, image)?;
        }
        equations?.solve()
    }

    /// Red, green and blue for every channel, then what is added: as `latent_rgb_factors` and
    /// `latent_rgb_factors_bias` note them.
    pub fn factors(&self) -> (&[[f32; 3]], [f32; 3]) {
        (&self.factors, self.bias)
    }

    /// The picture of `latents`, a pixel for each cell; `None` where they have other channels.
    pub fn picture(&self, latents: &Latents) -> Option<RgbImage> {
        let cells = latents.height.checked_mul(latents.width)?;
        if latents.channels != self.factors.len() || latents.values.len() != cells * latents.channels {
            return None;
        }
        let mut pixels = vec![self.bias; cells];
        for (channel, factors) in latents.values.chunks(cells.max(1)).zip(&self.factors) {
            for (pixel, value) in pixels.iter_mut().zip(channel) {
                for (colour, factor) in pixel.iter_mut().zip(factors) {
                    *colour += value * factor;
                }
            }
        }
        let pixels = pixels.into_iter().flatten().map(|colour| colour.round().clamp(0.0, 255.0) as u8);
        RgbImage::new(latents.width, latents.height, pixels.collect()).ok()
    }
}

/// The normal equations of a fit, in the channels and a constant.
struct Equations {
    size: usize,
    /// `[size, size]`.
    left: Vec<f64>,
    /// `[size, 3]`.
    right: Vec<[f64; 3]>,
    cells: usize,
}

impl Equations {
    fn new(channels: usize) -> Self {
        let size = channels + 1;
        Self { size, left: vec![0.0; size * size], right: vec![[0.0; 3]; size], cells: 0 }
    }

    fn add(&mut self, latents: &Latents, image: &RgbImage) -> Option<()> {
        let cells = latents.height.checked_mul(latents.width)?;
        let side = image.width.checked_div(latents.width)?;
        let fits = latents.channels + 1 == self.size
            && latents.values.len() == cells * latents.channels
            && (image.width, image.height) == (side * latents.width, side * latents.height);
        if !fits {
            return None;
        }
        for cell in 0..cells {
            let (row, column) = (cell / latents.width, cell % latents.width);
            let mut colour = [0.0; 3];
            for y in row * side..(row + 1) * side {
                let start = 3 * (y * image.width + column * side);
                for pixel in image.pixels[start..start + 3 * side].chunks(3) {
                    for (sum, value) in colour.iter_mut().zip(pixel) {
                        *sum += f64::from(*value) / (side * side) as f64;
                    }
                }
            }
            let channels =
                (0..latents.channels).map(|channel| f64::from(latents.values[channel * cells + cell]));
            let inputs: Vec<f64> = channels.chain([1.0]).collect();
            for (i, a) in inputs.iter().enumerate() {
                for (sum, b) in self.left[i * self.size..].iter_mut().zip(&inputs) {
                    *sum += a * b;
                }
                for (sum, value) in self.right[i].iter_mut().zip(colour) {
                    *sum += a * value;
                }
            }
        }
        self.cells += cells;
        Some(())
    }

    /// By Gauss and Jordan: the matrix is positive definite, so that the diagonal serves as pivots.
    fn solve(mut self) -> Option<Preview> {
        let size = self.size;
        for i in 0..size {
            self.left[i * size + i] += RIDGE * self.cells as f64;
        }
        for pivot in 0..size {
            let diagonal = self.left[pivot * size + pivot];
            if diagonal <= 0.0 || !diagonal.is_finite() {
                return None;
            }
            let row: Vec<f64> =
                self.left[pivot * size..(pivot + 1) * size].iter().map(|value| value / diagonal).collect();
            let right = self.right[pivot].map(|value| value / diagonal);
            for other in 0..size {
                let factor = if other == pivot { 0.0 } else { self.left[other * size + pivot] };
                for (value, subtracted) in self.left[other * size..].iter_mut().zip(&row) {
                    *value -= factor * subtracted;
                }
                for (value, subtracted) in self.right[other].iter_mut().zip(right) {
                    *value -= factor * subtracted;
                }
            }
            self.left[pivot * size..(pivot + 1) * size].copy_from_slice(&row);
            self.right[pivot] = right;
        }
        let mut factors: Vec<[f32; 3]> =
            self.right.into_iter().map(|colour| colour.map(|value| value as f32)).collect();
        let bias = factors.pop()?;
        Some(Preview { factors, bias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Latents of two channels, and the picture in which red is the first, green the second and blue neither.
    fn sample() -> (Latents, RgbImage) {
        let (height, width) = (4, 6);
        let red = |cell: usize| (cell * 37 % 200) as f32;
        let green = |cell: usize| (cell * 53 % 190) as f32;
        let cells = height * width;
        let values =
            (0..cells).map(|cell| red(cell) / 100.0).chain((0..cells).map(|cell| green(cell) / -50.0));
        let latents = Latents { channels: 2, height, width, values: values.collect() };
        let mut pixels = Vec::new();
        for y in 0..height * 8 {
            for x in 0..width * 8 {
                let cell = y / 8 * width + x / 8;
                // The mean of a cell counts, not where in the cell it is bright.
                let bump = if x % 2 == 0 { 5 } else { -5 };
                pixels.extend([(red(cell) as i32 + 20 + bump) as u8, green(cell) as u8 + 7, 90]);
            }
        }
        (latents, RgbImage::new(width * 8, height * 8, pixels).unwrap())
    }

    #[test]
    fn a_linear_decoder_is_found() {
        let (latents, image) = sample();
        let preview = Preview::fit([(&latents, &image)]).unwrap();
        let small = preview.picture(&latents).unwrap();
        assert_eq!((small.width, small.height), (6, 4));
        for (cell, pixel) in small.pixels.chunks(3).enumerate() {
            let wanted = [(cell * 37 % 200) as i32 + 20, (cell * 53 % 190) as i32 + 7, 90];
            for (found, wanted) in pixel.iter().zip(wanted) {
                assert!((i32::from(*found) - wanted).abs() <= 2, "cell {cell}: {pixel:?}, {wanted:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (latents, image) = sample();
        assert_eq!(Preview::fit([]), None);
        let cut = RgbImage::new(6, 4, image.pixels[..72].to_vec()).unwrap();
        let wide = Latents { width: 5, ..latents.clone() };
        assert_eq!(Preview::fit([(&wide, &cut)]), None);
        let preview = Preview::fit([(&latents, &image)]).unwrap();
        assert_eq!(preview.picture(&Latents { channels: 1, ..latents }), None);
    }
}
