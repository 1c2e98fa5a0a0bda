//! What a PNG notes about the run that made it: a chunk for other programs and one for ours.

use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use atelier::{Blueprint, DeviceReport, PaintOptions, RgbImage};
use png::Info;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, one_line};
use crate::latents::LatentsRecord;
use crate::model::Model;

/// The `format` of the chunk that this version writes and reads.
pub const RUN_FORMAT: &str = "atelier-run/1";
/// Keyword of the chunk that diffusion tools know.
const PARAMETERS: &str = "parameters";
/// Keyword of our own chunk.
const ATELIER: &str = "atelier";
/// The longest chunk that is decompressed, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// Everything needed to paint a picture again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`RUN_FORMAT`].
    pub format: String,
    /// Version of this program.
    pub version: String,
    /// The model as given: its folder, or `mini`, the built-in one.
    pub model: String,
    /// See [`device_name`].
    pub device: String,
    pub blueprint: Blueprint,
    pub paint: PaintOptions,
    /// Which picture of the run it is, counted from 0.
    pub image: usize,
    /// Pictures of the run.
    pub images: usize,
    /// The source images' files, as given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Only where noise was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latents: Option<LatentsRecord>,
}

impl RunRecord {
    /// The text that other tools show: prompt, then settings.
    fn parameters(&self) -> String {
        let Blueprint { prompt, width, height, model, .. } = &self.blueprint;
        let PaintOptions { steps, guidance, seed, .. } = self.paint;
        let name = Model::from(OsString::from(&self.model)).name();
        let hash: String = model.chars().take(10).collect();
        let version = &self.version;
        format!(
            "{prompt}\nSteps: {steps}, Sampler: Euler flow match, CFG scale: {guidance}, Seed: {seed}, \
             Size: {width}x{height}, Model: {name}, Model hash: {hash}, Version: atelier {version}"
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

/// The picture as the bytes of a PNG file.
pub fn encode(image: &RgbImage, run: Option<&RunRecord>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::Crash(format!("the PNG cannot be encoded: {error}"));
    let side = |side: usize| u32::try_from(side).map_err(|error| failed(&error));
    let mut info = Info::with_size(side(image.width)?, side(image.height)?);
    info.color_type = png::ColorType::Rgb;
    info.bit_depth = png::BitDepth::Eight;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info).map_err(|error| failed(&error))?;
    if let Some(run) = run {
        let json = serde_json::to_string(run).map_err(|error| failed(&error))?;
        for (keyword, text) in [(PARAMETERS, run.parameters()), (ATELIER, json)] {
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
/// Naming the file when it is no PNG, is damaged, or was not made by this program.
pub fn read(path: &Path) -> Result<RunRecord> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let bad = |error: png::DecodingError| Error::input(path, format!("expected a PNG image, found: {error}"));
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().map_err(bad)?;
    let mut text = find(reader.info());
    if text.is_none() {
        // Other programs put chunks behind the pixels.
        reader.finish().map_err(bad)?;
        text = find(reader.info());
    }
    let Some(text) = text else {
        let problem = "expected a picture with an 'atelier' chunk, found none: another program made it, or it was \
                       made with --no-metadata";
        return Err(Error::input(path, problem));
    };
    let damaged = |problem: String| Error::input(path, format!("chunk 'atelier': {}", one_line(&problem)));
    // The format first: another version's fields would only confuse.
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    match value["format"].as_str() {
        Some(RUN_FORMAT) => serde_json::from_value(value).map_err(|error| damaged(error.to_string())),
        found => Err(damaged(format!("format: expected {RUN_FORMAT}, found {}", found.unwrap_or("none")))),
    }
}

fn find(info: &Info<'_>) -> Option<String> {
    let plain = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == ATELIER);
    if let Some(chunk) = plain {
        return Some(chunk.text.clone());
    }
    if let Some(chunk) = info.utf8_text.iter().find(|chunk| chunk.keyword == ATELIER) {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(MAX_TEXT).ok()?;
        return chunk.get_text().ok();
    }
    let mut chunk = info.compressed_latin1_text.iter().find(|chunk| chunk.keyword == ATELIER)?.clone();
    chunk.decompress_text_with_limit(MAX_TEXT).ok()?;
    chunk.get_text().ok()
}
