//! `processor/preprocessor_config.json`.

use atelier_weights::checkpoint::PROCESSOR;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// Preparation of source images for the vision tower (spec 5.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessorConfig {
    /// Smallest area, as side².
    pub min_pixels: usize,
    /// Largest area, as side².
    pub max_pixels: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
}

impl ConfigFile for ProcessorConfig {
    const FILE: &str = PROCESSOR;

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        // The token grid is a fixed part of the pipeline: one code covers 32 pixels, one patch 16 of half the size.
        rules.equal("patch_size", self.patch_size, 16)?;
        rules.hold(
            self.min_pixels > 0 && self.min_pixels <= self.max_pixels,
            "min_pixels",
            &format!("1 to max_pixels {}", self.max_pixels),
            self.min_pixels,
        )?;
        Ok(())
    }
}
