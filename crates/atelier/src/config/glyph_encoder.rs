//! `text_encoder/config.json`.

use atelier_weights::ComponentName;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// The T5 encoder of glyph texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlyphEncoderConfig {
    /// Width.
    pub d_model: usize,
    /// Channels of one head.
    pub d_kv: usize,
    /// Width of the gated MLP.
    pub d_ff: usize,
    /// Layers.
    pub num_layers: usize,
    /// Heads.
    pub num_heads: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// RMSNorm epsilon.
    pub layer_norm_epsilon: f64,
    /// Buckets of the relative position bias.
    pub relative_attention_num_buckets: usize,
    /// Distance from which all positions share a bucket.
    pub relative_attention_max_distance: usize,
}

impl ConfigFile for GlyphEncoderConfig {
    const FILE: &str = ComponentName::TextEncoder.config();

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        rules.size("d_model", self.d_model)?;
        rules.size("d_kv", self.d_kv)?;
        rules.size("d_ff", self.d_ff)?;
        rules.size("num_heads", self.num_heads)?;
        rules.layers("num_layers", self.num_layers)?;
        let buckets = self.relative_attention_num_buckets;
        rules.hold(
            buckets >= 4 && buckets.is_multiple_of(4),
            "relative_attention_num_buckets",
            "a multiple of 4, at least 4",
            buckets,
        )?;
        rules.hold(
            self.relative_attention_max_distance > buckets / 4,
            "relative_attention_max_distance",
            &format!("more than {}", buckets / 4),
            self.relative_attention_max_distance,
        )?;
        // 3 + 256 byte ids and the special ids around them; text ids are built without a vocabulary file.
        rules.hold(self.vocab_size >= 384, "vocab_size", "at least 384", self.vocab_size)?;
        Ok(())
    }
}
