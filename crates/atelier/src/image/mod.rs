//! Pictures as bytes, and the numbers that the networks read from them and write to them.

mod resize;
mod source;

pub use source::{usable_size, usable_source, vae_size, vision_size};

use crate::error::{Error, Field, Result};
use crate::prompt::Grid;
use resize::Filter;

/// An 8-bit RGB picture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RgbImage {
    /// Pixels from left to right, at least 1.
    pub width: usize,
    /// Pixels from top to bottom, at least 1.
    pub height: usize,
    /// `[height, width, 3]`, row by row.
    pub pixels: Vec<u8>,
}

impl RgbImage {
    /// A picture from its bytes, `[height, width, 3]`.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] with field `image` when a side is 0 or the number of bytes is not `3 · width ·
    /// height`.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self> {
        let expected = width.checked_mul(height).and_then(|area| area.checked_mul(3));
        if width == 0 || height == 0 || expected != Some(pixels.len()) {
            let found = format!("{width}x{height} with {} bytes", pixels.len());
            return Err(Error::request(Field::Image, "sides of at least 1 and three bytes a pixel", found));
        }
        Ok(Self { width, height, pixels })
    }

    /// A picture from bytes with opacity, `[height, width, 4]`, not premultiplied: on white, like paper, for what a file has
    /// where nothing is to be seen is anything at all.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] with field `image` when a side is 0 or the number of bytes is not `4 · width ·
    /// height`.
    pub fn on_white(width: usize, height: usize, rgba: &[u8]) -> Result<Self> {
        let over = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            // Rounded to the nearest; at most 255.
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let (whole, rest) = rgba.as_chunks::<4>();
        if !rest.is_empty() {
            let found = format!("{width}x{height} with {} bytes", rgba.len());
            return Err(Error::request(Field::Image, "four bytes a pixel", found));
        }
        let pixels =
            whole.iter().flat_map(|&[red, green, blue, alpha]| [red, green, blue].map(|c| over(c, alpha)));
        Self::new(width, height, pixels.collect())
    }
}

/// A source image as the vision tower reads it (spec 5.1).
#[derive(Clone, Debug, PartialEq)]
pub struct VisionPatches {
    /// The grid of patches, which is the grid of visual tokens.
    pub grid: Grid,
    /// `[rows · columns, 3 · patch · patch]` in −1..=1: patches row by row, each as channel, row, column.
    pub pixels: Vec<f32>,
}

/// Shrinks a source image to [`vision_size`] (bicubic, antialiased) and cuts it into patches (spec 5.1).
///
/// `patch`, `min_pixels` and `max_pixels` are those of `preprocessor_config.json`.
///
/// # Errors
///
/// Those of [`vision_size`].
pub fn vision_patches(
    image: &RgbImage,
    patch: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<VisionPatches> {
    let (height, width) = vision_size(image.width, image.height, patch, min_pixels, max_pixels)?;
    let small = resize::resized(image, width, height, Filter::Bicubic)?;
    let grid = Grid { rows: height / patch, columns: width / patch };
    let mut pixels = Vec::with_capacity(small.pixels.len());
    for patch_row in small.pixels.chunks_exact(patch * width * 3) {
        for column in 0..grid.columns {
            for channel in 0..3 {
                for row in patch_row.chunks_exact(width * 3) {
                    let row = &row[column * patch * 3..(column + 1) * patch * 3];
                    pixels.extend(row.iter().skip(channel).step_by(3).map(|&value| signed(value)));
                }
            }
        }
    }
    Ok(VisionPatches { grid, pixels })
}

/// A source image as the VAE encoder reads it: floored to [`vae_size`] (Lanczos) where needed (spec 10).
///
/// # Shapes
///
/// `[3, height, width]` in −1..=1.
///
/// # Errors
///
/// [`Error::Request`] with field `image` when a side is under 16.
pub fn vae_pixels(image: &RgbImage) -> Result<Vec<f32>> {
    let (height, width) = vae_size(image.width, image.height);
    if height == 0 || width == 0 {
        let found = format!("{}x{}", image.width, image.height);
        return Err(Error::request(Field::Image, "sides of at least 16 pixels", found));
    }
    let image = resize::resized(image, width, height, Filter::Lanczos)?;
    let channel = |channel| image.pixels.iter().skip(channel).step_by(3).map(|&value| signed(value));
    Ok((0..3).flat_map(channel).collect())
}

/// 0..=255 to −1..=1.
fn signed(value: u8) -> f32 {
    2.0 * (f32::from(value) / 255.0) - 1.0
}

/// Values further out than this are counted: clamping them is more than rounding.
const FAR: f32 = 2.0;

/// The VAE decoder's output as a picture: −1..=1 to 0..=255, clamped, ties to even (spec 10); and how many pixels have a value
/// beyond ±2.
///
/// # Shapes
///
/// `planar` `[3, height, width]`.
///
/// # Errors
///
/// [`Error::Compute`] when the number of values is wrong, [`Error::NotFinite`] when one is not finite.
pub fn to_rgb8(planar: &[f32], width: usize, height: usize) -> Result<(RgbImage, usize)> {
    let area = width.saturating_mul(height);
    if area == 0 || planar.len() != area.saturating_mul(3) {
        let found = planar.len();
        return Err(Error::Compute(format!(
            "expected a picture of 3x{height}x{width} values, found {found}"
        )));
    }
    if !planar.iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite { place: "the picture".to_owned() });
    }
    // The cast clamps.
    let level = |value: f32| ((value / 2.0 + 0.5) * 255.0).round_ties_even() as u8;
    let (red, rest) = planar.split_at(area);
    let (green, blue) = rest.split_at(area);
    let pixels = red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| [r, g, b]);
    let far = pixels.clone().filter(|pixel| pixel.iter().any(|value| value.abs() > FAR)).count();
    let levels = pixels.flat_map(|pixel| pixel.map(level));
    Ok((RgbImage::new(width, height, levels.collect())?, far))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel tells its place: red its column, green its row.
    fn ramp(width: usize, height: usize) -> RgbImage {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7]));
        RgbImage::new(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn what_cannot_be_seen_is_white() {
        let rgba = [200, 100, 50, 0, 200, 100, 50, 255, 0, 255, 100, 128];
        let picture = RgbImage::on_white(3, 1, &rgba).unwrap();
        assert_eq!(picture.pixels, [255, 255, 255, 200, 100, 50, 127, 255, 177]);
        for bytes in [11, 13, 16] {
            assert!(RgbImage::on_white(3, 1, &vec![0; bytes]).is_err(), "{bytes}");
        }
    }

    #[test]
    fn pictures_need_three_bytes_a_pixel() {
        assert!(RgbImage::new(2, 1, vec![0; 6]).is_ok());
        for (width, height, bytes) in [(2, 1, 5), (0, 0, 0), (0, 5, 0), (usize::MAX, usize::MAX, 3)] {
            let picture = RgbImage::new(width, height, vec![0; bytes]);
            assert!(matches!(picture, Err(Error::Request { field: Field::Image, .. })), "{picture:?}");
        }
    }

    #[test]
    fn planes_come_one_after_another() {
        let values = vae_pixels(&ramp(32, 16)).unwrap();
        assert_eq!(values.len(), 3 * 16 * 32);
        assert_eq!(values[5], signed(5));
        assert_eq!(values[16 * 32 + 3 * 32 + 5], signed(3));
        assert_eq!(values[2 * 16 * 32], signed(7));
        assert!(vae_pixels(&ramp(15, 16)).is_err());
    }

    #[test]
    fn patches_are_channel_row_column() {
        // 4:3 at half size: 128x96 becomes 64x48.
        let patches = vision_patches(&ramp(128, 96), 16, 64 * 64, 512 * 512).unwrap();
        assert_eq!(patches.grid, Grid { rows: 3, columns: 4 });
        assert_eq!(patches.pixels.len(), 12 * 768);
        let level = |index: usize| (patches.pixels[index] * 0.5 + 0.5) * 255.0;
        // Patch (1, 2), row 3, column 4 of the small picture is at x = 36, y = 19: red about 72.5, green
        // about 38.5.
        let at = (4 + 2) * 768 + 3 * 16 + 4;
        assert!((level(at) - 72.5).abs() < 1.0, "{}", level(at));
        assert!((level(at + 256) - 38.5).abs() < 1.0, "{}", level(at + 256));
        assert!((level(at + 512) - 7.0).abs() < 1e-3, "{}", level(at + 512));
    }

    #[test]
    fn levels_are_clamped_and_ties_go_to_even() {
        // (0.5 / 255) · 2 − 1 stands on the tie between 0 and 1.
        let tie = |level: f32| level / 255.0 * 2.0 - 1.0;
        let (picture, far) = to_rgb8(&[-2.0, -1.0, 1.0, 3.0, 0.0, tie(0.25)], 2, 1).unwrap();
        assert_eq!(far, 1);
        assert_eq!(picture.pixels, [0, 255, 128, 0, 255, 0]);
        assert!(to_rgb8(&[0.0; 5], 2, 1).is_err());
        assert!(to_rgb8(&[], 0, 0).is_err());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(to_rgb8(&[bad, 0.0, 0.0], 1, 1), Err(Error::NotFinite { .. })));
        }
    }

    #[test]
    fn levels_survive_the_way_there_and_back() {
        let levels: Vec<u8> = (0..=255).collect();
        let planar: Vec<f32> = (0..3).flat_map(|_| levels.iter().map(|&level| signed(level))).collect();
        let back = to_rgb8(&planar, 256, 1).unwrap();
        assert!(back.0.pixels.chunks(3).zip(levels).all(|(pixel, level)| pixel == [level; 3]));
    }
}
