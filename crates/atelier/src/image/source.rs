//! Which size a source image is read at: by the vision tower, by the VAE, and so that both agree (spec 5.1,
//! 10, 11).

use super::RgbImage;
use super::resize::{Filter, resized};
use crate::error::{Error, Field, Result};
use crate::geometry::PATCH_PIXELS;

/// The shortest side of a source image, in pixels.
const MIN_SIDE: usize = 16;
/// The largest ratio of the longer side to the shorter one.
const MAX_ASPECT: usize = 4;

/// The `(height, width)` that the vision tower sees: about half the size, multiples of `patch` (spec 5.1).
///
/// `patch`, `min_pixels` and `max_pixels` are those of `preprocessor_config.json`; `patch` is at least 1.
///
/// # Errors
///
/// [`Error::Request`] with field `image` when a side is under 16 pixels or one is more than four times the
/// other.
pub fn vision_size(
    width: usize,
    height: usize,
    patch: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<(usize, usize)> {
    if let Some(expected) = refusal(width, height) {
        return Err(Error::request(Field::Image, expected, format!("{width}x{height}")));
    }
    let (shortest, longest) = side_range(min_pixels, max_pixels);
    let (min, max) = (width.min(height) as f64, width.max(height) as f64);
    let mut scale = if min < shortest { shortest / min } else { 1.0 };
    if max * scale > longest {
        scale = longest / max;
    }
    let patch_side = patch as f64;
    // The order of operations is that of the reference: sides close to a tie depend on it.
    let halved = |side: usize| {
        (((side / 2) as f64 * scale / patch_side).round_ties_even() as usize * patch).max(patch)
    };
    let (height, width) = (halved(height), halved(width));
    let excess = height.max(width) as f64 / longest;
    if excess <= 1.0 {
        return Ok((height, width));
    }
    let floored = |side: usize| ((side as f64 / excess / patch_side).floor() as usize * patch).max(patch);
    Ok((floored(height), floored(width)))
}

/// The `(height, width)` that the VAE sees: floored to multiples of 16 (spec 10).
pub fn vae_size(width: usize, height: usize) -> (usize, usize) {
    (height / PATCH_PIXELS * PATCH_PIXELS, width / PATCH_PIXELS * PATCH_PIXELS)
}

/// The `(width, height)` to resize a source image to, so that its visual tokens and its latent cover the same
/// grid.
///
/// That is its own size where they already do. Where the two roundings differ the reference fails (spec 11);
/// here it is the size of whole tokens, within the model's range of sides, that distorts the picture least,
/// and of those the nearest.
///
/// # Errors
///
/// As [`vision_size`]; also when the range is so narrow that no size fits.
pub fn usable_size(
    width: usize,
    height: usize,
    patch: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<(usize, usize)> {
    let agrees = |width, height| -> Result<bool> {
        let (rows, columns) = vision_size(width, height, patch, min_pixels, max_pixels)?;
        Ok((2 * rows, 2 * columns) == vae_size(width, height))
    };
    if agrees(width, height)? {
        return Ok((width, height));
    }
    let token = (2 * patch) as f64;
    let (shortest, longest) = side_range(min_pixels, max_pixels);
    let (shortest, longest) = ((shortest / token).ceil(), (longest / token).floor());
    // In tokens. Scaled into the range, then to whole tokens in both directions.
    let (w, h) = (width as f64 / token, height as f64 / token);
    let scale = (shortest / w.min(h)).max(1.0).min(longest / w.max(h));
    let mut best: Option<((f64, f64), (usize, usize))> = None;
    for columns in [(w * scale).floor(), (w * scale).ceil()] {
        for rows in [(h * scale).floor(), (h * scale).ceil()] {
            let (columns, rows) = (columns.max(shortest).min(longest), rows.max(shortest).min(longest));
            let size = (columns as usize * 2 * patch, rows as usize * 2 * patch);
            if !agrees(size.0, size.1).unwrap_or(false) {
                continue;
            }
            // Cross products, not a logarithm: proportional sizes get exactly 0.
            let distortion = (columns * h - rows * w).abs() / (columns * h).min(rows * w);
            let distance = (columns - w * scale).abs() + (rows - h * scale).abs();
            let cost = (distortion, distance);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, size));
            }
        }
    }
    best.map(|(_, size)| size).ok_or_else(|| {
        let expected = format!("a size between {min_pixels} and {max_pixels} pixels of whole tokens");
        Error::request(Field::Image, expected, format!("{width}x{height}"))
    })
}

/// A source image that can be used as it is, or a copy resized (Lanczos) to [`usable_size`].
///
/// `index` is its place among the source images, for messages.
///
/// # Errors
///
/// [`Error::SourceImage`] when a side is under 16 pixels or one is more than four times the other, or no size
/// fits; [`Error::Compute`] when there is no memory.
pub fn usable_source(
    image: RgbImage,
    index: usize,
    patch: usize,
    min_pixels: usize,
    max_pixels: usize,
) -> Result<RgbImage> {
    let size = usable_size(image.width, image.height, patch, min_pixels, max_pixels);
    let (width, height) = size.map_err(|error| match error {
        Error::Request { expected, found, .. } => Error::SourceImage { index, expected, found },
        other => other,
    })?;
    if (width, height) == (image.width, image.height) {
        return Ok(image);
    }
    resized(&image, width, height, Filter::Lanczos)
}

/// Why a source image cannot be used, as the limit that it breaks.
fn refusal(width: usize, height: usize) -> Option<String> {
    let (min, max) = (width.min(height), width.max(height));
    if min < MIN_SIDE {
        Some(format!("sides of at least {MIN_SIDE} pixels"))
    } else if max > min.saturating_mul(MAX_ASPECT) {
        Some(format!("a longer side of at most {MAX_ASPECT} times the shorter one"))
    } else {
        None
    }
}

/// The shortest and the longest side that the two areas stand for.
fn side_range(min_pixels: usize, max_pixels: usize) -> (f64, f64) {
    let side = |pixels: usize| (pixels as f64).sqrt().round_ties_even();
    (side(min_pixels), side(max_pixels))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: (usize, usize) = (512 * 512, 2048 * 2048);
    const TINY: (usize, usize) = (64 * 64, 512 * 512);

    fn agree(width: usize, height: usize, (min, max): (usize, usize)) -> bool {
        let (h, w) = vision_size(width, height, 16, min, max).unwrap();
        (2 * (h / 16), 2 * (w / 16)) == (height / 16, width / 16)
    }

    #[test]
    fn the_tower_sees_half_the_size() {
        assert_eq!(vision_size(1024, 768, 16, FULL.0, FULL.1).unwrap(), (384, 512));
        assert_eq!(vision_size(132, 100, 16, TINY.0, TINY.1).unwrap(), (48, 64));
    }

    #[test]
    fn small_and_long_sources_are_refused_by_place() {
        for (width, height) in [(15, 16), (16, 15), (16, 65), (401, 100), (0, 0)] {
            assert!(vision_size(width, height, 16, FULL.0, FULL.1).is_err(), "{width}x{height}");
        }
        let image = RgbImage::new(401, 100, vec![0; 401 * 100 * 3]).unwrap();
        let error = usable_source(image, 3, 16, FULL.0, FULL.1).unwrap_err();
        let expected =
            "source image 3: expected a longer side of at most 4 times the shorter one, found 401x100";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_sizes_that_the_specification_names() {
        let usable = |width, height| usable_size(width, height, 16, FULL.0, FULL.1).unwrap();
        assert_eq!(usable(1024, 768), (1024, 768));
        assert_eq!(usable(1008, 1008), (992, 992));
        assert_eq!(usable(256, 256), (512, 512));
        assert_eq!(usable(4096, 4096), (2048, 2048));
        assert_eq!(usable(400, 100), (2048, 512));
        // 31.4 by 40.6 tokens: 31 by 41 is nearer than 31 by 40, but stretched.
        assert_eq!(usable(1005, 1299), (992, 1280));
    }

    #[test]
    fn a_range_without_whole_tokens_is_an_error() {
        assert!(usable_size(100, 100, 16, 16 * 16, 20 * 20).is_err());
    }

    #[test]
    fn sources_are_resized_only_where_the_grids_differ() {
        let image =
            |width: usize, height: usize| RgbImage::new(width, height, vec![9; width * height * 3]).unwrap();
        let kept = usable_source(image(130, 97), 0, 16, TINY.0, TINY.1).unwrap();
        assert_eq!(kept, image(130, 97));
        let changed = usable_source(image(112, 112), 0, 16, TINY.0, TINY.1).unwrap();
        assert_eq!((changed.width, changed.height), (96, 96));
        assert!(changed.pixels.iter().all(|&value| value == 9));
    }

    fn sizes() -> impl Strategy<Value = (usize, usize)> {
        (16_usize..=5000)
            .prop_flat_map(|width| (Just(width), width.div_ceil(4).max(16)..=(4 * width).min(5000)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn grids_agree_afterwards((width, height) in sizes()) {
            for range in [FULL, TINY] {
                let (w, h) = usable_size(width, height, 16, range.0, range.1).unwrap();
                prop_assert!(agree(w, h, range), "{}x{}", w, h);
                if agree(width, height, range) {
                    prop_assert_eq!((w, h), (width, height));
                } else {
                    let stretch = (w * height) as f64 / (h * width) as f64;
                    prop_assert!((0.5..2.0).contains(&stretch), "{}x{}: {}", w, h, stretch);
                }
            }
        }
    }
}
