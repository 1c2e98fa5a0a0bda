//! `vision_language_encoder/generation_config.json`.

use atelier_weights::checkpoint::GENERATION;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// How the AR model is sampled unless the request says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerationConfig {
    /// Softmax temperature.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// Nucleus mass.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// Most candidates. Absent means 50, as in the reference's library (spec 4.4).
    #[serde(default)]
    pub top_k: Option<usize>,
}

impl ConfigFile for GenerationConfig {
    const FILE: &str = GENERATION;

    fn check(&self, _rules: &Rules<'_>) -> Result<()> {
        Ok(())
    }
}
