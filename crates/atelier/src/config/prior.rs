//! `vision_language_encoder/config.json`.

use atelier_weights::ComponentName;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// The AR model with its vision tower and VQ module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorConfig {
    /// Id before an image (`<|dit_token_16384|>`).
    pub image_start_token_id: u32,
    /// Id after an image (`<|dit_token_16385|>`).
    pub image_end_token_id: u32,
    /// Placeholder id of one source-image token (`<|image|>`).
    pub image_token_id: u32,
    /// The decoder.
    pub text_config: TextConfig,
    /// The vision tower.
    pub vision_config: VisionConfig,
    /// The codebook.
    pub vq_config: VqConfig,
}

/// The AR decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads; each serves `num_attention_heads / num_key_value_heads` query heads.
    pub num_key_value_heads: usize,
    /// Channels of one head; `hidden_size / num_attention_heads` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Rows of the head: the visual ids.
    pub vision_vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// RMSNorm epsilon.
    pub rms_norm_eps: f64,
    /// Whether q, k and v carry biases.
    #[serde(default = "yes")]
    pub attention_bias: bool,
    /// Rotary embedding.
    pub rope_parameters: RopeParameters,
}

/// Rotary embedding of the AR decoder (spec 4.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RopeParameters {
    /// Base of the frequencies.
    pub rope_theta: f64,
    /// Share of a head's channels that rotate.
    pub partial_rotary_factor: f64,
    /// How many frequencies follow t, y and x.
    pub mrope_section: Vec<usize>,
}

/// The vision tower (source images only).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width.
    pub hidden_size: usize,
    /// Heads.
    pub num_heads: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Side of the square whose patches the position table covers, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Colour channels.
    pub in_channels: usize,
    /// LayerNorm epsilon.
    pub layer_norm_eps: f64,
    /// Whether the attention carries biases.
    #[serde(default = "yes")]
    pub attention_bias: bool,
}

/// The VQ module: one code for each patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VqConfig {
    /// Codes.
    pub num_embeddings: usize,
    /// Width of a code.
    pub embed_dim: usize,
    /// Width of the vision tower's output.
    pub latent_channels: usize,
}

fn yes() -> bool {
    true
}

impl TextConfig {
    /// Channels of one head.
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads)
    }

    /// Channels of a head that rotate.
    pub fn rotary_dim(&self) -> usize {
        (self.head_dim() as f64 * self.rope_parameters.partial_rotary_factor) as usize
    }
}

impl VisionConfig {
    /// Channels of one head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_heads
    }

    /// Side of the position table, in patches.
    pub fn table_side(&self) -> usize {
        self.image_size / self.patch_size
    }
}

impl ConfigFile for PriorConfig {
    const FILE: &str = ComponentName::VisionLanguageEncoder.config();

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        let Self { text_config: text, vision_config: vision, vq_config: vq, .. } = self;
        rules.size("text_config.num_attention_heads", text.num_attention_heads)?;
        rules.size("text_config.num_key_value_heads", text.num_key_value_heads)?;
        rules.layers("text_config.num_hidden_layers", text.num_hidden_layers)?;
        rules.size("text_config.hidden_size", text.hidden_size)?;
        rules.size("text_config.intermediate_size", text.intermediate_size)?;
        rules.size("text_config.vocab_size", text.vocab_size)?;
        rules.size("text_config.head_dim", text.head_dim())?;
        rules.multiple(
            "text_config.num_attention_heads",
            text.num_attention_heads,
            "num_key_value_heads",
            text.num_key_value_heads,
        )?;
        let factor = text.rope_parameters.partial_rotary_factor;
        rules.hold(
            (0.0..=1.0).contains(&factor),
            "text_config.rope_parameters.partial_rotary_factor",
            "0 to 1",
            factor,
        )?;
        let frequencies: usize =
            text.rope_parameters.mrope_section.iter().fold(0, |sum, &n| sum.saturating_add(n));
        rules.hold(
            frequencies.checked_mul(2) == Some(text.rotary_dim()),
            "text_config.rope_parameters.mrope_section",
            &format!("sections that add up to {}", text.rotary_dim() / 2),
            frequencies,
        )?;
        rules.size("vq_config.num_embeddings", vq.num_embeddings)?;
        rules.size("vq_config.embed_dim", vq.embed_dim)?;
        rules.hold(
            vq.num_embeddings <= text.vision_vocab_size && text.vision_vocab_size <= text.vocab_size,
            "text_config.vision_vocab_size",
            &format!("{} (codes) to {} (vocabulary)", vq.num_embeddings, text.vocab_size),
            text.vision_vocab_size,
        )?;
        for (field, id) in [
            ("image_start_token_id", self.image_start_token_id),
            ("image_end_token_id", self.image_end_token_id),
            ("image_token_id", self.image_token_id),
        ] {
            let expected = format!("an id below the vocabulary size {}", text.vocab_size);
            rules.hold((id as usize) < text.vocab_size, field, &expected, id)?;
        }
        rules.layers("vision_config.depth", vision.depth)?;
        rules.size("vision_config.num_heads", vision.num_heads)?;
        rules.size("vision_config.patch_size", vision.patch_size)?;
        rules.size("vision_config.intermediate_size", vision.intermediate_size)?;
        rules.size("vision_config.image_size", vision.image_size)?;
        rules.multiple("vision_config.hidden_size", vision.hidden_size, "num_heads", vision.num_heads)?;
        rules.multiple("vision_config.image_size", vision.image_size, "patch_size", vision.patch_size)?;
        rules.equal("vq_config.latent_channels", vq.latent_channels, vision.hidden_size)?;
        rules.equal("vision_config.in_channels", vision.in_channels, 3)?;
        Ok(())
    }
}
