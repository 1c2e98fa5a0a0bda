//! Source images: files become RGB pixels.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use atelier::RgbImage;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::error::{Error, Result};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 512 << 20;
/// The most pixels: more than any camera has; the model sees 4 million at most.
const MAX_PIXELS: u64 = 100_000_000;
/// What a decoder may allocate: 16 bits a channel, four channels, and as much again.
const MAX_ALLOC: u64 = MAX_PIXELS * 16;

/// Reads a picture as the reference does: upright, three channels of 8 bits, alpha dropped.
///
/// # Errors
/// Naming the file when it is no picture, is cut short, or is too large.
pub fn read(path: &Path) -> Result<RgbImage> {
    let problem = |problem: String| Error::input(path, problem);
    let bytes = read_bytes(path)?;
    let mut reader = ImageReader::new(Cursor::new(&bytes));
    reader = reader.with_guessed_format().map_err(|error| Error::read(path, error))?;
    let format = reader.format();
    let expected = "expected a PNG, JPEG, WebP or BMP image";
    let Some(format) = format.filter(|format| format.reading_enabled()) else {
        let found = format.map_or("something else".into(), |format| format!("{format:?}"));
        return Err(problem(format!("{expected}, found {found}")));
    };
    if format == ImageFormat::Jpeg && !jpeg_is_whole(&bytes) {
        return Err(problem("expected a whole JPEG image, found one that is cut short".into()));
    }
    let bad =
        |error: image::ImageError| problem(format!("expected a whole {format:?} image, found: {error}"));
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let limit = MAX_PIXELS / 1_000_000;
        return Err(problem(format!("expected at most {limit} million pixels, found {width}x{height}")));
    }
    limits.reserve(decoder.total_bytes()).map_err(bad)?;
    decoder.set_limits(limits).map_err(bad)?;
    let orientation = decoder.orientation().map_err(bad)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(bad)?;
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    let (width, height) = rgb.dimensions();
    RgbImage::new(width as usize, height as usize, rgb.into_raw()).map_err(|error| problem(error.to_string()))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(Error::read(path, error)),
        Ok(read) if read as u64 > MAX_FILE => Err(Error::input(
            path,
            format!("expected an image file of at most {} MiB, found more", MAX_FILE >> 20),
        )),
        Ok(_) => Ok(bytes),
    }
}

/// Whether the end marker is reached: the decoder fills what is missing with grey and says nothing.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let mut at = 2;
    while let Some(&marker) = bytes.get(at + 1) {
        if bytes[at] != 0xff {
            // Between a scan's header and the next marker stand its data.
            at += 1;
            continue;
        }
        match marker {
            END => return true,
            // Padding; a data byte of 0xff; restarts inside a scan.
            0xff => at += 1,
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let Some(length) = bytes.get(at + 2..at + 4) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    use super::*;

    fn jpeg() -> Vec<u8> {
        let picture = image::RgbImage::from_fn(48, 40, |x, y| image::Rgb([(x * 5) as u8, (y * 6) as u8, 99]));
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn a_jpeg_cut_short_anywhere_is_noticed() {
        let whole = jpeg();
        assert!(jpeg_is_whole(&whole));
        for length in 0..whole.len() {
            assert!(!jpeg_is_whole(&whole[..length]), "{length}");
        }
        let mut followed = whole;
        followed.extend([0; 9]);
        assert!(jpeg_is_whole(&followed));
    }

    #[test]
    fn alpha_is_dropped_and_not_blended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        image::RgbaImage::from_pixel(20, 16, image::Rgba([200, 100, 50, 0])).save(&path).unwrap();
        let picture = read(&path).unwrap();
        assert_eq!((picture.width, picture.height), (20, 16));
        assert!(picture.pixels.chunks(3).all(|pixel| pixel == [200, 100, 50]));
    }

    #[test]
    fn pictures_stand_upright() {
        // Orientation 6: the camera was turned; rows become columns.
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut bytes = jpeg();
        let segment = [&[0xff, 0xe1, 0, (exif.len() + 2) as u8], &exif[..]].concat();
        bytes.splice(2..2, segment);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        std::fs::write(&path, bytes).unwrap();
        let picture = read(&path).unwrap();
        assert_eq!((picture.width, picture.height), (40, 48));
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bmp");
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(2, 2).write_to(&mut bytes, ImageFormat::Bmp).unwrap();
        let mut bytes = bytes.into_inner();
        bytes[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
        bytes[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("a.bmp") && error.contains("60000x60000"), "{error}");
    }
}
