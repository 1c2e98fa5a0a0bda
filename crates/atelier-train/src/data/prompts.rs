//! Files of scoring prompts, in CVTG-2K's layout with each region's wanted look.

use std::path::Path;

use serde::Deserialize;

use super::description::{Description, Region};
use super::error::DataError;
use super::grammar::parse;

/// A file of prompts.
#[derive(Debug, Clone, Deserialize)]
pub struct PromptFile {
    /// The prompts.
    pub data_list: Vec<PromptRecord>,
}

/// A prompt and what its picture should be like.
#[derive(Debug, Clone, Deserialize)]
pub struct PromptRecord {
    /// Number of the prompt: its picture is `000.png` for 0.
    pub index: usize,
    /// The prompt.
    pub prompt: String,
    /// Name of the background.
    pub background: String,
    /// The texts and their look.
    pub regions: Vec<RegionRecord>,
}

/// A text and its wanted look.
#[derive(Debug, Clone, Deserialize)]
pub struct RegionRecord {
    /// The text.
    pub text: String,
    /// Name of the row.
    pub row: String,
    /// Name of the side.
    pub side: String,
    /// Name of the size.
    pub size: String,
    /// Name of the ink.
    pub colour: String,
}

impl PromptFile {
    /// Reads a prompt file.
    ///
    /// # Errors
    /// If it cannot be read or has another layout.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| DataError::File { path: path.to_owned(), error })?;
        serde_json::from_str(&text).map_err(|error| DataError::PromptFile { path: path.to_owned(), error })
    }
}

impl PromptRecord {
    /// What the prompt says.
    ///
    /// # Errors
    /// If the prompt is outside the sentence families.
    pub fn description(&self) -> Result<Description, DataError> {
        parse(&self.prompt)
            .ok_or_else(|| DataError::Prompt { index: self.index, prompt: self.prompt.clone() })
    }

    /// Whether a description has the wanted look.
    pub fn agrees(&self, description: &Description) -> bool {
        let same = |(wanted, region): (&RegionRecord, &Region)| {
            wanted.text == region.text
                && wanted.row == region.row.name()
                && wanted.side == region.side.name()
                && wanted.size == region.size.name()
                && wanted.colour == region.colour.name()
        };
        self.background == description.background.name()
            && self.regions.len() == description.regions.len()
            && self.regions.iter().zip(&description.regions).all(same)
    }
}
