//! The architect's output as a value that can be kept, looked at and painted again.

use atelier_weights::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::prior::sampler::Sampling;
use crate::prompt::{Grid, QuoteRule, TargetGrids, check_size};

/// The `format` of every blueprint file this version writes and reads.
pub const BLUEPRINT_FORMAT: &str = "atelier-blueprint/1";

/// What is to be painted: a grid of codes and the prompt it was written for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct Blueprint {
    /// [`BLUEPRINT_FORMAT`].
    #[cfg_attr(test, ts(type = "typeof BLUEPRINT_FORMAT"))]
    pub format: String,
    /// The [fingerprint](Checkpoint::fingerprint) of the model that wrote it: codes mean nothing to another.
    pub model: String,
    /// The prompt, whose quoted texts the painter reads as well.
    pub prompt: String,
    /// How its quotation marks are read; left out where the reference's rule finds the same texts.
    #[serde(default = "QuoteRule::unsaid", skip_serializing_if = "QuoteRule::is_unsaid")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub quotes: QuoteRule,
    /// Width of the picture, in pixels.
    pub width: usize,
    /// Height of the picture, in pixels.
    pub height: usize,
    /// The seed of the token draws.
    pub seed: u64,
    /// How the tokens were drawn.
    pub sampling: Sampling,
    /// Version of the random generator, [`RNG_VERSION`](crate::rng::RNG_VERSION).
    pub rng: u32,
    /// The small grid written first; image to image has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<TokenGrid>,
    /// The grid the picture is painted from: one code for 32×32 pixels.
    pub large: TokenGrid,
    /// The source images it was written for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<SourceRecord>>"))]
    pub sources: Vec<SourceRecord>,
}

/// A grid of codes, row-major.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenGrid {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// `rows * columns` codes.
    pub ids: Vec<u32>,
}

/// Which picture a blueprint was written for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SourceRecord {
    /// Width, in pixels, as given.
    pub width: usize,
    /// Height, in pixels, as given.
    pub height: usize,
    /// SHA-256 of the RGB pixels, in hexadecimal.
    pub sha256: String,
}

impl SourceRecord {
    /// Describes a source image.
    pub fn of(image: &RgbImage) -> Self {
        Self { width: image.width, height: image.height, sha256: hex(&Sha256::digest(&image.pixels)) }
    }
}

impl TokenGrid {
    /// The size of the grid.
    pub fn grid(&self) -> Grid {
        Grid { rows: self.rows, columns: self.columns }
    }
}

impl Blueprint {
    /// Checks that `checkpoint` can paint this blueprint from these source images.
    ///
    /// # Errors
    /// [`Error::Blueprint`] naming the field: another format or model, a size whose grids differ, a code the model does
    /// not have, source images of another number or size.
    pub fn check(&self, checkpoint: &Checkpoint, sources: &[SourceRecord]) -> Result<()> {
        expect("format", &self.format, BLUEPRINT_FORMAT)?;
        if !checkpoint.accepts(&self.model) {
            expect("model", &self.model, checkpoint.fingerprint())?;
        }
        check_size(self.width, self.height).map_err(|error| match error {
            Error::Request { field, expected, found, .. } => {
                Error::Blueprint { field: field.name(), expected, found }
            }
            other => other,
        })?;
        let grids = TargetGrids::for_size(self.width, self.height);
        let codes = checkpoint.config().prior.vq_config.num_embeddings;
        check_grid("large", &self.large, grids.large, codes)?;
        if let Some(draft) = &self.draft {
            check_grid("draft", draft, grids.draft, codes)?;
        }
        let count = |n: usize| format!("{n} source image{}", if n == 1 { "" } else { "s" });
        expect("sources", &count(sources.len()), &count(self.sources.len()))?;
        for (given, recorded) in sources.iter().zip(&self.sources) {
            let name = |s: &SourceRecord| format!("{}x{} pixels", s.width, s.height);
            expect("sources", &name(given), &name(recorded))?;
        }
        Ok(())
    }

    /// Checks that it was written for this prompt and size, width and height in pixels.
    ///
    /// # Errors
    /// [`Error::Blueprint`] naming the field.
    pub(crate) fn check_prompt(&self, prompt: &str, [width, height]: [usize; 2]) -> Result<()> {
        expect("prompt", &self.prompt, prompt)?;
        expect("width", &self.width.to_string(), &width.to_string())?;
        expect("height", &self.height.to_string(), &height.to_string())
    }

    /// The places of source images that have other pixels than those it was written for, counted from 0. That is no fault:
    /// programs decode the same JPEG differently, by a level or two. But it may be another picture.
    pub fn changed_sources(&self, sources: &[SourceRecord]) -> Vec<usize> {
        let pairs = sources.iter().zip(&self.sources).enumerate();
        pairs
            .filter(|(_, (given, recorded))| given.sha256 != recorded.sha256)
            .map(|(place, _)| place)
            .collect()
    }
}

fn check_grid(field: &'static str, found: &TokenGrid, expected: Grid, codes: usize) -> Result<()> {
    let size = |rows, columns, ids| format!("{rows} rows, {columns} columns, {ids} ids");
    expect(
        field,
        &size(found.rows, found.columns, found.ids.len()),
        &size(expected.rows, expected.columns, expected.len()),
    )?;
    match found.ids.iter().find(|&&id| id as usize >= codes) {
        Some(id) => Err(blueprint_error(field, &format!("ids below {codes}"), &format!("id {id}"))),
        None => Ok(()),
    }
}

fn expect(field: &'static str, found: &str, expected: &str) -> Result<()> {
    if found == expected { Ok(()) } else { Err(blueprint_error(field, expected, found)) }
}

fn blueprint_error(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Blueprint { field, expected: expected.to_owned(), found: found.to_owned() }
}
