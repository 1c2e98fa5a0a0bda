//! One training sample.

use super::layout::{Layout, Rejected, lay_out};
use super::tokens::{prompt_ids, tokens};
use crate::brief::{Brief, Split};

/// A prompt, and what the model should write for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What somebody typed.
    pub prompt: String,
    /// The ids of the request, up to and including image start.
    pub ids: Vec<u32>,
    /// Where everything stands, with the sizes of both grids.
    pub layout: Layout,
    /// The draft, `[ph, pw]`.
    pub draft: Vec<u16>,
    /// The large grid, `[th, tw]`.
    pub grid: Vec<u16>,
    /// The cells of every word in the large grid.
    pub words: Vec<Vec<u16>>,
}

impl Sample {
    /// Sample `index` of the endless stream under `seed`.
    ///
    /// # Errors
    /// The brief has no layout: take the next index.
    pub fn generate(seed: u64, index: u64, split: Split) -> Result<Self, Rejected> {
        Self::of(&Brief::generate(seed, index, split))
    }

    /// The sample of a brief.
    ///
    /// # Errors
    /// The brief has no layout.
    pub fn of(brief: &Brief) -> Result<Self, Rejected> {
        let tokens = tokens(&brief.prompt);
        let layout = lay_out(brief, &tokens)?;
        let ids = prompt_ids(&tokens, [layout.th, layout.tw], [layout.ph, layout.pw]);
        let (draft, grid, words) = (layout.draft(), layout.grid(), layout.words());
        Ok(Self { prompt: brief.prompt.clone(), ids, layout, draft, grid, words })
    }
}
