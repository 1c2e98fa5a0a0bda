//! The decoder: whole, or in bands of rows where whole maps are too large.
//!
//! Whole, its largest allocation points are those of `vae.rs` at full resolution. In bands ([`crate::vae`]), a residual
//! block holds the map before its second norm and its skip, each in full but cut into bands, and works on a few bands at a
//! time; a doubled map is never there in full. So a block holds `max(input, hidden + skip, output + what is left of
//! those)`, which is at most `max(input, hidden + skip)`, and five bands.

use super::stage::{AllocationPoint, Part, StagePlan, WeightsPlan};
use super::vae::{Map, convolution, last, resnet, upsampler};
use super::{F32, PlanRequest, WORKSPACE};
use crate::config::{ModelConfig, VaeConfig};
use crate::geometry::LATENT_PIXELS;
use crate::progress::Stage;
use crate::vae::{DecodeMode, band_rows};

/// Bands that a step has alive: what it reads, its copies and its result.
const BANDS: u64 = 5;

pub(super) fn plan(config: &ModelConfig, request: &PlanRequest, weights: WeightsPlan) -> StagePlan {
    let latent = [request.height / LATENT_PIXELS, request.width / LATENT_PIXELS];
    let mode = choose_mode(&config.vae, latent, weights.bytes, request.most_buffer, request.budget);
    let points = match mode {
        DecodeMode::Whole => whole(&config.vae, latent),
        DecodeMode::Bands => bands(&config.vae, latent, request.band_bytes),
    };
    StagePlan { mode: Some(mode), ..StagePlan::new(Stage::Decoder, weights, Vec::new(), points) }
}

/// Whole if every buffer is at most `most_buffer` and the peak, with `weights` bytes of them, within the budget.
/// `latent` is height and width.
fn choose_mode(
    c: &VaeConfig,
    latent: [usize; 2],
    weights: u64,
    most_buffer: u64,
    budget: Option<u64>,
) -> DecodeMode {
    let points = whole(c, latent);
    let buffers = points.iter().flat_map(|point| &point.parts).all(|part| part.bytes <= most_buffer);
    let peak = points
        .iter()
        .map(AllocationPoint::total)
        .max()
        .unwrap_or(0)
        .saturating_add(weights)
        .saturating_add(WORKSPACE);
    if buffers && budget.is_none_or(|budget| peak <= budget) { DecodeMode::Whole } else { DecodeMode::Bands }
}

/// The residual blocks with the maps that they read and write; whether what they read is doubled before.
fn blocks(c: &VaeConfig, latent: Map) -> Vec<(String, Map, Map, bool)> {
    let levels: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
    let Some(&first) = levels.first() else { return Vec::new() };
    let mut map = latent.with(first);
    let mut blocks: Vec<_> =
        (0..2).map(|index| (format!("middle, residual block {index}"), map, map, false)).collect();
    for (level, &channels) in levels.iter().enumerate() {
        for index in 0..=c.layers_per_block {
            let doubled = level > 0 && index == 0;
            if doubled {
                map = map.doubled();
            }
            let name = format!("up block {level}, residual block {index}");
            blocks.push((name, map, map.with(channels), doubled));
            map = map.with(channels);
        }
    }
    blocks
}

fn whole(c: &VaeConfig, [height, width]: [usize; 2]) -> Vec<AllocationPoint> {
    let latent = Map { channels: c.latent_channels, height, width };
    let mut points = Vec::new();
    let mut map = latent;
    for (name, input, output, doubled) in blocks(c, latent) {
        if points.is_empty() {
            points.push(convolution("first convolution", latent, input));
        }
        if doubled {
            points.push(upsampler(&format!("before {name}"), map));
        }
        points.extend(resnet(&name, input, output));
        map = output;
    }
    points.push(last("last convolution", map, map.with(c.out_channels)));
    points
}

fn bands(c: &VaeConfig, [height, width]: [usize; 2], band_bytes: u64) -> Vec<AllocationPoint> {
    let latent = Map { channels: c.latent_channels, height, width };
    let mut points = Vec::new();
    let mut map = latent;
    for (name, input, output, doubled) in blocks(c, latent) {
        let before = if doubled { map.bytes() } else { input.bytes() };
        // A skip of the input's own shape is the input itself, or its bands.
        let stored = before.max(2 * output.bytes());
        points.push(in_bands(name, stored, wider(input, output), band_bytes));
        map = output;
    }
    let picture = map.with(c.out_channels);
    let mut last = in_bands("last convolution".to_owned(), map.bytes(), map, band_bytes);
    last.parts.push(picture.part("picture, in bands and whole", 2));
    points.push(last);
    points
}

fn wider(a: Map, b: Map) -> Map {
    if a.channels > b.channels { a } else { b }
}

/// Maps of `stored` bytes, cut into bands, and what works on a band of the widest.
fn in_bands(name: String, stored: u64, widest: Map, band_bytes: u64) -> AllocationPoint {
    // With the rows above and below that its neighbours need.
    let rows = (band_rows(band_bytes, widest.channels, widest.width) + 4).min(widest.height + 4);
    let band = Part::new("a band at work", BANDS as usize, &[widest.channels, rows, widest.width], F32);
    let each = stored.min(band_bytes);
    let stored = Part { what: "maps, a band".to_owned(), bytes: each, count: stored.div_ceil(each.max(1)) };
    AllocationPoint::new(name, vec![stored, band])
}
