//! Source images: files become RGB pixels.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use atelier::RgbImage;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::error::{Error, Result};

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 512 << 20;
/// The most pixels: more than any camera has; the model sees 4 million at most.
const MAX_PIXELS: u64 = 100_000_000;
/// What a decoder may allocate: 16 bits a channel, four channels, and as much again.
const MAX_ALLOC: u64 = MAX_PIXELS * 16;

/// A source image, and what was done to make one of its file.
#[derive(Debug)]
pub struct Picture {
    pub image: RgbImage,
    pub notes: Vec<&'static str>,
}

/// Reads a picture: upright, three channels of 8 bits, in sRGB, on white where it is transparent.
///
/// # Errors
/// Naming the file when it is no picture, is cut short, or is too large.
pub fn read(path: &Path) -> Result<Picture> {
    let problem = |problem: String| Error::input(path, problem);
    let mut bytes = read_bytes(path)?;
    let mut notes = Vec::new();
    let is_jpeg = image::guess_format(&bytes).is_ok_and(|format| format == ImageFormat::Jpeg);
    let is_whole = !is_jpeg || jpeg_is_whole(&bytes);
    if !is_whole && jpeg_lacks_only_its_end(&bytes) {
        bytes.extend(JPEG_END);
        notes.push("its end marker is missing");
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes));
    reader = reader.with_guessed_format().map_err(|error| Error::read(path, error))?;
    let format = reader.format();
    let Some(format) = format.filter(|format| format.reading_enabled()) else {
        let found = match (brand(&bytes), format) {
            (Some(brand), _) => format!("{brand}: save it as a JPEG or PNG first"),
            (None, Some(format)) => format!("{format:?}: save it as a PNG first"),
            (None, None) => "something else".into(),
        };
        return Err(problem(format!("expected a PNG, JPEG, WebP or BMP image, found {found}")));
    };
    if !is_whole && notes.is_empty() {
        return Err(problem(
            "expected a whole JPEG image, found one that is cut short: open it and save it anew".into(),
        ));
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
    // A profile that cannot even be unpacked is no reason to refuse the picture.
    let profile = decoder.icc_profile().unwrap_or_default();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(bad)?;
    picture.apply_orientation(orientation);
    if is_animated(format, &bytes) {
        notes.push("animated: its first picture is used");
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let image = if picture.color().has_alpha() {
        let mut rgba = picture.into_rgba8().into_raw();
        notes.extend(profile.and_then(|profile| to_srgb(&mut rgba, Layout::Rgba, &profile)));
        if rgba.iter().skip(3).step_by(4).any(|&alpha| alpha < u8::MAX) {
            notes.push("transparent: put on white");
        }
        RgbImage::on_white(width, height, &rgba)
    } else {
        let mut rgb = picture.into_rgb8().into_raw();
        notes.extend(profile.and_then(|profile| to_srgb(&mut rgb, Layout::Rgb, &profile)));
        RgbImage::new(width, height, rgb)
    };
    Ok(Picture { image: image.map_err(|error| problem(error.to_string()))?, notes })
}

/// Camera formats that are recognized by their first box, to name them in the error.
fn brand(bytes: &[u8]) -> Option<&'static str> {
    match (bytes.get(4..8)?, bytes.get(8..12)?) {
        (b"ftyp", b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1") => Some("HEIC"),
        (b"ftyp", b"avif" | b"avis") => Some("AVIF"),
        _ => None,
    }
}

/// Whether there are more pictures than the one that is read.
fn is_animated(format: ImageFormat, bytes: &[u8]) -> bool {
    let decoder = Cursor::new(bytes);
    match format {
        ImageFormat::Png => PngDecoder::new(decoder).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false)),
        ImageFormat::WebP => WebPDecoder::new(decoder).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}

/// Converts colours from what a profile says to sRGB, and says so. Nothing changes where they are sRGB already, but for the
/// rounding of one writer or another.
fn to_srgb(pixels: &mut [u8], layout: Layout, profile: &[u8]) -> Option<&'static str> {
    const UNKNOWN: Option<&str> = Some("has a colour profile that is not understood: taken as sRGB");
    /// Grey levels.
    const ROUNDING: u8 = 3;
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return UNKNOWN };
    if profile.color_space == DataColorSpace::Gray {
        // Tones only; those of most are those of sRGB.
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform =
        |layout| profile.create_transform_8bit(layout, &srgb, layout, TransformOptions::default());
    let (Ok(transform), Ok(probe)) = (transform(layout), transform(Layout::Rgb)) else { return UNKNOWN };
    // Six levels of each colour.
    let probed: Vec<u8> =
        (0..216_u8).flat_map(|n| [n / 36, n / 6 % 6, n % 6].map(|level| level * 51)).collect();
    let mut converted = vec![0; probed.len()];
    if probe.transform(&probed, &mut converted).is_err() {
        return UNKNOWN;
    }
    if probed.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= ROUNDING) {
        return None;
    }
    let before = pixels.to_vec();
    match transform.transform(&before, pixels) {
        Ok(()) => Some("converted from its colour profile to sRGB"),
        Err(_) => {
            pixels.copy_from_slice(&before);
            UNKNOWN
        }
    }
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

/// The marker that ends a JPEG.
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// Whether all pixels are there, as in the files of some cameras that leave out the end marker: then what follows changes none.
fn jpeg_lacks_only_its_end(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    let followed_by = |fill: &[u8]| {
        let ended = [bytes, fill, &JPEG_END].concat();
        image::load_from_memory_with_format(&ended, ImageFormat::Jpeg).ok().map(DynamicImage::into_bytes)
    };
    let pixels = followed_by(&[]);
    pixels.is_some() && [0x55, 0xaa].iter().all(|&fill| followed_by(&[fill; 64]) == pixels)
}

/// Whether the end marker is reached: the decoder fills what is missing with grey and says nothing.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&marker) = bytes.get(at + 1) {
        if bytes[at] != 0xff {
            // Between a scan's header and the next marker stand its data.
            at += 1;
            continue;
        }
        match marker {
            _ if marker == JPEG_END[1] => return true,
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
    fn a_jpeg_without_its_end_marker_is_read_and_one_with_less_is_not() {
        let whole = jpeg();
        let wanted = read_bytes_as("a.jpg", &whole);
        for missing in 1..=2 {
            let read = read_bytes_as("a.jpg", &whole[..whole.len() - missing]);
            assert_eq!(read.image, wanted.image);
            assert_eq!(read.notes, ["its end marker is missing"]);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        for missing in 4..whole.len() - 4 {
            std::fs::write(&path, &whole[..whole.len() - missing]).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains("whole J"), "{missing}");
        }
    }

    fn read_bytes_as(name: &str, bytes: impl AsRef<[u8]>) -> Picture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap()
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn transparent_pictures_stand_on_white_and_that_is_said() {
        let hidden =
            image::RgbaImage::from_fn(20, 16, |x, _| image::Rgba([200, 100, 50, [0, 255][x as usize % 2]]));
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let picture = read_bytes_as("a", encoded(&hidden.clone().into(), format));
            assert_eq!((picture.image.width, picture.image.height), (20, 16));
            assert!(
                picture.image.pixels.chunks(6).all(|pair| pair == [255, 255, 255, 200, 100, 50]),
                "{format:?}"
            );
            assert_eq!(picture.notes, ["transparent: put on white"], "{format:?}");
        }
        let solid = image::RgbaImage::from_pixel(20, 16, image::Rgba([200, 100, 50, 255]));
        let picture = read_bytes_as("a.png", encoded(&solid.into(), ImageFormat::Png));
        assert!(
            picture.image.pixels.chunks(3).all(|pixel| pixel == [200, 100, 50]) && picture.notes.is_empty()
        );
    }

    #[test]
    fn sixteen_bits_palettes_and_greys_are_read_as_they_look() {
        let deep = image::ImageBuffer::from_pixel(20, 16, image::Rgb([200 * 257_u16, 100 * 257, 50 * 257]));
        let picture = read_bytes_as("a.png", encoded(&deep.into(), ImageFormat::Png));
        assert!(picture.image.pixels.chunks(3).all(|pixel| pixel == [200, 100, 50]));
        let grey = image::GrayAlphaImage::from_pixel(20, 16, image::LumaA([90, 0]));
        let picture = read_bytes_as("a.png", encoded(&grey.into(), ImageFormat::Png));
        assert!(picture.image.pixels.iter().all(|&value| value == 255) && picture.notes.len() == 1);
        let mut bytes = Vec::new();
        let mut palette = png::Encoder::new(&mut bytes, 20, 16);
        palette.set_color(png::ColorType::Indexed);
        palette.set_depth(png::BitDepth::Two);
        palette.set_palette(vec![9, 9, 9, 200, 100, 50, 7, 7, 7]);
        palette.set_trns(vec![255, 255, 0]);
        // Colours 1 and 2 in turn.
        palette.write_header().unwrap().write_image_data(&[0b0110_0110; 5 * 16]).unwrap();
        let picture = read_bytes_as("a.png", bytes);
        assert!(picture.image.pixels.chunks(6).all(|pair| pair == [200, 100, 50, 255, 255, 255]));
    }

    #[test]
    fn of_an_animation_the_first_picture_is_read_and_that_is_said() {
        let mut bytes = Vec::new();
        let mut film = png::Encoder::new(&mut bytes, 20, 16);
        film.set_color(png::ColorType::Rgb);
        film.set_animated(2, 0).unwrap();
        let mut writer = film.write_header().unwrap();
        writer.write_image_data(&[9; 20 * 16 * 3]).unwrap();
        writer.write_image_data(&[200; 20 * 16 * 3]).unwrap();
        writer.finish().unwrap();
        let picture = read_bytes_as("a.png", bytes);
        assert!(picture.image.pixels.iter().all(|&value| value == 9));
        assert_eq!(picture.notes, ["animated: its first picture is used"]);
    }

    #[test]
    fn colours_of_another_space_are_converted_and_that_is_said() {
        let with = |profile: &ColorProfile| {
            let mut bytes = Vec::new();
            let mut info = png::Info::with_size(20, 16);
            info.color_type = png::ColorType::Rgb;
            info.bit_depth = png::BitDepth::Eight;
            info.icc_profile = Some(profile.encode().unwrap().into());
            let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
            encoder.write_header().unwrap().write_image_data(&[200, 100, 50].repeat(20 * 16)).unwrap();
            read_bytes_as("a.png", bytes)
        };
        let wide = with(&ColorProfile::new_display_p3());
        assert_eq!(wide.notes, ["converted from its colour profile to sRGB"]);
        // P3's colours are stronger than sRGB's of the same numbers.
        let [red, green, blue] = [wide.image.pixels[0], wide.image.pixels[1], wide.image.pixels[2]];
        assert!(red > 205 && green < 100 && blue < 45, "{red} {green} {blue}");
        let plain = with(&ColorProfile::new_srgb());
        assert!(plain.notes.is_empty() && plain.image.pixels[..3] == [200, 100, 50], "{:?}", plain.notes);
    }

    /// An orange of 0, 128, 255 and 32 parts ink, as the two kinds of CMYK that are about.
    #[test]
    fn inks_become_the_colours_that_are_seen() {
        for (name, bytes) in [
            ("cmyk", &include_bytes!("../../tests/data/cmyk.jpg")[..]),
            ("ycck", &include_bytes!("../../tests/data/ycck.jpg")[..]),
        ] {
            let picture = read_bytes_as("a.jpg", bytes);
            let [red, green, blue] = [0, 1, 2].map(|at| i32::from(picture.image.pixels[at]));
            let near = |value: i32, wanted: i32| (value - wanted).abs() < 8;
            assert!(near(red, 223) && near(green, 111) && near(blue, 0), "{name}: {red} {green} {blue}");
        }
    }

    #[test]
    fn what_telephones_take_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        for (brand, name) in [("heic", "HEIC"), ("mif1", "HEIC"), ("avif", "AVIF")] {
            let path = folder.path().join("a.heic");
            std::fs::write(&path, [b"\0\0\0\x18ftyp", brand.as_bytes(), &[0; 40]].concat()).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("found {name}: save it as a JPEG or PNG first")), "{error}");
        }
    }

    #[test]
    fn a_damaged_orientation_is_no_reason_to_refuse() {
        for exif in [&b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"[..], b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff"] {
            let mut bytes = jpeg();
            bytes.splice(2..2, [&[0xff, 0xe1, 0, (exif.len() + 2) as u8], exif].concat());
            assert_eq!(read_bytes_as("a.jpg", bytes).image.width, 48);
        }
    }

    #[test]
    fn pictures_stand_upright() {
        // Orientation 6: the camera was turned; rows become columns.
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut bytes = jpeg();
        let segment = [&[0xff, 0xe1, 0, (exif.len() + 2) as u8], &exif[..]].concat();
        bytes.splice(2..2, segment);
        let picture = read_bytes_as("a.jpg", bytes).image;
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
