//! `transformer/config.json`.

use atelier_weights::ComponentName;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// The DiT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformerConfig {
    /// Channels of one head.
    pub attention_head_dim: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Blocks.
    pub num_layers: usize,
    /// Latent channels in.
    pub in_channels: usize,
    /// Latent channels out.
    pub out_channels: usize,
    /// Side of a patch, in latent cells.
    pub patch_size: usize,
    /// Width of the glyph embedding.
    pub text_embed_dim: usize,
    /// Width of the time embedding.
    pub time_embed_dim: usize,
    /// Width of each of the four size and crop embeddings.
    pub condition_dim: usize,
    /// Rows of the prior embedding.
    pub prior_vq_quantizer_codebook_size: usize,
}

impl TransformerConfig {
    /// Width of the residual stream.
    pub fn width(&self) -> usize {
        self.num_attention_heads * self.attention_head_dim
    }
}

impl ConfigFile for TransformerConfig {
    const FILE: &str = ComponentName::Transformer.config();

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        rules.size("num_attention_heads", self.num_attention_heads)?;
        rules.layers("num_layers", self.num_layers)?;
        rules.multiple("attention_head_dim", self.attention_head_dim, "4", 4)?;
        rules.multiple("time_embed_dim", self.time_embed_dim, "2", 2)?;
        rules.multiple("condition_dim", self.condition_dim, "2", 2)?;
        rules.equal("patch_size", self.patch_size, 2)?;
        Ok(())
    }
}
