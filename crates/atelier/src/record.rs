//! What a PNG notes about the run that made it: a chunk for other programs and one for ours.

use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Decoder, DecodingError, Encoder, Info};
use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::device::DeviceReport;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::pipeline::{PaintOptions, Picture, Request};

/// The `format` of the chunk that this version writes and reads.
pub const RUN_FORMAT: &str = "atelier-run/1";
/// Keyword of the chunk that diffusion tools know.
const PARAMETERS: &str = "parameters";
/// Keyword of our own chunk.
const ATELIER: &str = "atelier";
/// The longest note that is decompressed, in bytes.
pub const MAX_NOTE: usize = 16 << 20;

/// Everything needed to paint a picture again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct RunRecord {
    /// [`RUN_FORMAT`].
    #[cfg_attr(test, ts(type = "typeof RUN_FORMAT"))]
    pub format: String,
    /// Version of the program.
    pub version: String,
    /// The model as given: its folder or address, or `mini`, the built-in one.
    pub model: String,
    /// See [`device_name`].
    pub device: String,
    /// What was painted.
    pub blueprint: Blueprint,
    /// How it was painted.
    pub paint: PaintOptions,
    /// Which picture of the run it is, counted from 0.
    pub image: usize,
    /// Pictures of the run.
    pub images: usize,
    /// The source images' files, as given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>"))]
    pub sources: Vec<String>,
    /// Only where noise was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latents: Option<LatentsRecord>,
}

/// What is noted about noise that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LatentsRecord {
    /// SHA-256 of the tensor's little-endian bytes, in hexadecimal.
    pub sha256: String,
    /// Which picture of the tensor it was, counted from 0.
    pub index: usize,
}

/// What a record says beside the picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordContext {
    /// Version of the program.
    pub version: String,
    /// The model, as [`RunRecord::model`] has it.
    pub model: String,
    /// See [`device_name`].
    pub device: String,
    /// The source images' files.
    pub sources: Vec<String>,
    /// Where noise was given: what is noted of it for the run's first picture.
    pub latents: Option<LatentsRecord>,
}

impl Picture {
    /// What its PNG notes.
    pub fn record(&self, context: &RecordContext) -> RunRecord {
        let RecordContext { version, model, device, sources, latents } = context.clone();
        RunRecord {
            format: RUN_FORMAT.to_owned(),
            version,
            model,
            device,
            blueprint: Blueprint::clone(&self.blueprint),
            paint: self.options,
            image: self.index,
            images: self.images,
            sources,
            latents: latents.map(|first| LatentsRecord { index: first.index + self.index, ..first }),
        }
    }
}

impl RunRecord {
    /// The request that paints the picture again, but for its source images and noise, which a record only names.
    pub fn request(&self) -> Request {
        self.paint.request(self.blueprint.clone())
    }

    /// The text that other tools show: prompt, then settings. `model` is the model's name without its place.
    fn parameters(&self, model: &str) -> String {
        let Blueprint { prompt, width, height, model: fingerprint, .. } = &self.blueprint;
        let PaintOptions { steps, guidance, seed, .. } = self.paint;
        // A picture that shares the blueprint of another one has its own seed and that one's.
        let shared = self.blueprint.seed;
        let shared = if shared == seed { String::new() } else { format!(", Blueprint seed: {shared}") };
        let hash: String = fingerprint.chars().take(10).collect();
        let version = &self.version;
        format!(
            "{prompt}\nSteps: {steps}, Sampler: Euler flow match, CFG scale: {guidance}, Seed: {seed}{shared}, \
             Size: {width}x{height}, Model: {model}, Model hash: {hash}, Version: atelier {version}"
        )
    }
}

/// The device as a PNG notes it: what pixels may depend on, and no more.
pub fn device_name(device: &DeviceReport) -> String {
    match device {
        DeviceReport::Cpu { .. } => "CPU".into(),
        gpu @ DeviceReport::Gpu(_) => gpu.to_string(),
    }
}

/// The picture as the bytes of a PNG file, with the run that made it and the name of its model, if they are to be noted.
///
/// # Errors
/// The picture is larger than a PNG can be.
pub fn encode_png(image: &RgbImage, note: Option<(&RunRecord, &str)>) -> Result<Vec<u8>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::Png(format!("expected to encode one, found: {error}"));
    let side = |side: usize| u32::try_from(side).map_err(|error| failed(&error));
    let mut info = Info::with_size(side(image.width)?, side(image.height)?);
    info.color_type = ColorType::Rgb;
    info.bit_depth = BitDepth::Eight;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::with_info(&mut bytes, info).map_err(|error| failed(&error))?;
    if let Some((run, model)) = note {
        let json = serde_json::to_string(run).map_err(|error| failed(&error))?;
        for (keyword, text) in [(PARAMETERS, run.parameters(model)), (ATELIER, json)] {
            // A chunk cannot hold NUL. Latin-1 is what every reader knows.
            let text = text.replace('\0', " ");
            let latin1 = text.chars().all(|c| u32::from(c) < 256);
            let added = if latin1 {
                encoder.add_text_chunk(keyword.into(), text)
            } else {
                encoder.add_itxt_chunk(keyword.into(), text)
            };
            added.map_err(|error| failed(&error))?;
        }
    }
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(&image.pixels).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// The run that a PNG notes.
///
/// # Errors
/// [`Error::Png`] when it is no PNG, is damaged, or was not made by this program.
pub fn read_png(bytes: impl BufRead + Seek) -> Result<RunRecord> {
    let bad = |error: DecodingError| Error::Png(format!("expected a PNG image, found: {error}"));
    let mut reader = Decoder::new(bytes).read_info().map_err(bad)?;
    let mut text = find(reader.info());
    if text.is_none() {
        // Other programs put chunks behind the pixels.
        reader.finish().map_err(bad)?;
        text = find(reader.info());
    }
    let Some(text) = text else {
        let problem = "expected a picture with an 'atelier' chunk, found none: another program made it, or it was \
                       made with --no-metadata";
        return Err(Error::Png(problem.into()));
    };
    let damaged = |problem: &dyn std::fmt::Display| Error::Png(format!("chunk 'atelier': {problem}"));
    // The format first: another version's fields would only confuse.
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
    match value["format"].as_str() {
        Some(RUN_FORMAT) => serde_json::from_value(value).map_err(|error| damaged(&error)),
        found => {
            let found = found.unwrap_or("none");
            Err(damaged(&format_args!("format: expected {RUN_FORMAT}, found {found}")))
        }
    }
}

fn find(info: &Info<'_>) -> Option<String> {
    let plain = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == ATELIER);
    if let Some(chunk) = plain {
        return Some(chunk.text.clone());
    }
    if let Some(chunk) = info.utf8_text.iter().find(|chunk| chunk.keyword == ATELIER) {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(MAX_NOTE).ok()?;
        return chunk.get_text().ok();
    }
    let mut chunk = info.compressed_latin1_text.iter().find(|chunk| chunk.keyword == ATELIER)?.clone();
    chunk.decompress_text_with_limit(MAX_NOTE).ok()?;
    chunk.get_text().ok()
}
