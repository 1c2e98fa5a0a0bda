//! The checkpoint's own JSON files, and nothing beside them: no second set of defaults.
//!
//! Fields that the public checkpoint may leave out carry the default of the reference class (specification, section 1).

use atelier_weights::{ByteSource, read_json};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Every configuration of a checkpoint folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// `vision_language_encoder/config.json`.
    pub prior: PriorConfig,
    /// `vision_language_encoder/generation_config.json`.
    pub generation: GenerationConfig,
    /// `processor/preprocessor_config.json`.
    pub processor: ProcessorConfig,
    /// `text_encoder/config.json`.
    pub glyph_encoder: GlyphEncoderConfig,
    /// `transformer/config.json`.
    pub transformer: TransformerConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// `scheduler/scheduler_config.json`.
    pub scheduler: SchedulerConfig,
}

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

/// Rotary embedding of the AR decoder (specification, section 4.2).
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

/// How the AR model is sampled unless the request says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerationConfig {
    /// Softmax temperature.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// Nucleus mass.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// Most candidates. Absent means 50, as in the reference's library (specification, section 4.4).
    #[serde(default)]
    pub top_k: Option<usize>,
}

/// Preparation of source images for the vision tower (specification, section 5.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessorConfig {
    /// Smallest area, as side².
    pub min_pixels: usize,
    /// Largest area, as side².
    pub max_pixels: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
}

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

/// The VAE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VaeConfig {
    /// Channels of the four levels.
    pub block_out_channels: Vec<usize>,
    /// Resnets of a down block; an up block has one more.
    pub layers_per_block: usize,
    /// Latent channels.
    pub latent_channels: usize,
    /// Picture channels in.
    pub in_channels: usize,
    /// Picture channels out.
    pub out_channels: usize,
    /// Groups of every GroupNorm.
    pub norm_num_groups: usize,
    /// Mean of each latent channel.
    pub latents_mean: Vec<f32>,
    /// Standard deviation of each latent channel.
    pub latents_std: Vec<f32>,
    /// Side of the pictures the model was made for, in pixels: the default width and height.
    pub sample_size: usize,
}

/// The flow-match Euler scheduler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchedulerConfig {
    /// Steps of the training schedule.
    pub num_train_timesteps: usize,
    /// Shift at length 0.
    pub base_shift: f64,
    /// Growth of the shift with the square root of the length.
    pub max_shift: f64,
    /// Length at which the growth counts once.
    pub base_image_seq_len: usize,
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

impl TransformerConfig {
    /// Width of the residual stream.
    pub fn width(&self) -> usize {
        self.num_attention_heads * self.attention_head_dim
    }
}

impl ModelConfig {
    /// Reads and checks every configuration of a checkpoint folder.
    ///
    /// # Errors
    /// A missing or malformed file, or a value the model cannot be built with; the message names file and field.
    pub async fn read(source: &dyn ByteSource) -> Result<Self> {
        let config = Self {
            prior: read_json(source, "vision_language_encoder/config.json").await?,
            generation: read_json(source, "vision_language_encoder/generation_config.json").await?,
            processor: read_json(source, "processor/preprocessor_config.json").await?,
            glyph_encoder: read_json(source, "text_encoder/config.json").await?,
            transformer: read_json(source, "transformer/config.json").await?,
            vae: read_json(source, "vae/config.json").await?,
            scheduler: read_json(source, "scheduler/scheduler_config.json").await?,
        };
        config.check(source)?;
        Ok(config)
    }

    /// What must hold between the numbers for the model to be computable at all.
    fn check(&self, source: &dyn ByteSource) -> Result<()> {
        let mut rules = Rules { source, file: "vision_language_encoder/config.json" };
        let PriorConfig { text_config: text, vision_config: vision, vq_config: vq, .. } = &self.prior;
        rules.size("text_config.num_attention_heads", text.num_attention_heads)?;
        rules.size("text_config.num_key_value_heads", text.num_key_value_heads)?;
        rules.size("text_config.num_hidden_layers", text.num_hidden_layers)?;
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
            frequencies * 2 == text.rotary_dim(),
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
            ("image_start_token_id", self.prior.image_start_token_id),
            ("image_end_token_id", self.prior.image_end_token_id),
            ("image_token_id", self.prior.image_token_id),
        ] {
            let expected = format!("an id below the vocabulary size {}", text.vocab_size);
            rules.hold((id as usize) < text.vocab_size, field, &expected, id)?;
        }
        rules.size("vision_config.depth", vision.depth)?;
        rules.size("vision_config.num_heads", vision.num_heads)?;
        rules.size("vision_config.patch_size", vision.patch_size)?;
        rules.size("vision_config.intermediate_size", vision.intermediate_size)?;
        rules.size("vision_config.image_size", vision.image_size)?;
        rules.multiple("vision_config.hidden_size", vision.hidden_size, "num_heads", vision.num_heads)?;
        rules.multiple("vision_config.image_size", vision.image_size, "patch_size", vision.patch_size)?;
        rules.equal("vq_config.latent_channels", vq.latent_channels, vision.hidden_size)?;
        rules.equal("vision_config.in_channels", vision.in_channels, 3)?;

        rules.file = "processor/preprocessor_config.json";
        rules.equal("patch_size", self.processor.patch_size, vision.patch_size)?;
        // The token grid is a fixed part of the pipeline: one code covers 32 pixels, one patch 16 of half the size.
        rules.equal("patch_size", self.processor.patch_size, 16)?;
        rules.hold(
            self.processor.min_pixels > 0 && self.processor.min_pixels <= self.processor.max_pixels,
            "min_pixels",
            &format!("1 to max_pixels {}", self.processor.max_pixels),
            self.processor.min_pixels,
        )?;

        rules.file = "text_encoder/config.json";
        let glyph = &self.glyph_encoder;
        rules.size("d_model", glyph.d_model)?;
        rules.size("d_kv", glyph.d_kv)?;
        rules.size("d_ff", glyph.d_ff)?;
        rules.size("num_heads", glyph.num_heads)?;
        rules.size("num_layers", glyph.num_layers)?;
        let buckets = glyph.relative_attention_num_buckets;
        rules.hold(
            buckets >= 4 && buckets.is_multiple_of(4),
            "relative_attention_num_buckets",
            "a multiple of 4, at least 4",
            buckets,
        )?;
        rules.hold(
            glyph.relative_attention_max_distance > buckets / 4,
            "relative_attention_max_distance",
            &format!("more than {}", buckets / 4),
            glyph.relative_attention_max_distance,
        )?;
        // 3 + 256 byte ids and the special ids around them; text ids are built without a vocabulary file.
        rules.hold(glyph.vocab_size >= 384, "vocab_size", "at least 384", glyph.vocab_size)?;

        rules.file = "transformer/config.json";
        let dit = &self.transformer;
        rules.size("num_attention_heads", dit.num_attention_heads)?;
        rules.size("num_layers", dit.num_layers)?;
        rules.multiple("attention_head_dim", dit.attention_head_dim, "4", 4)?;
        rules.multiple("time_embed_dim", dit.time_embed_dim, "2", 2)?;
        rules.multiple("condition_dim", dit.condition_dim, "2", 2)?;
        rules.equal("patch_size", dit.patch_size, 2)?;
        rules.equal("text_embed_dim", dit.text_embed_dim, glyph.d_model)?;
        rules.equal("in_channels", dit.in_channels, self.vae.latent_channels)?;
        rules.equal("out_channels", dit.out_channels, self.vae.latent_channels)?;
        rules.equal(
            "prior_vq_quantizer_codebook_size",
            dit.prior_vq_quantizer_codebook_size,
            vq.num_embeddings,
        )?;

        rules.file = "vae/config.json";
        let vae = &self.vae;
        rules.equal("block_out_channels (count)", vae.block_out_channels.len(), 4)?;
        rules.size("norm_num_groups", vae.norm_num_groups)?;
        for &channels in &vae.block_out_channels {
            rules.multiple("block_out_channels", channels, "norm_num_groups", vae.norm_num_groups)?;
        }
        rules.size("layers_per_block", vae.layers_per_block)?;
        rules.size("latent_channels", vae.latent_channels)?;
        rules.equal("in_channels", vae.in_channels, 3)?;
        rules.equal("out_channels", vae.out_channels, 3)?;
        rules.equal("latents_mean (count)", vae.latents_mean.len(), vae.latent_channels)?;
        rules.equal("latents_std (count)", vae.latents_std.len(), vae.latent_channels)?;
        for &std in &vae.latents_std {
            rules.hold(std.is_finite() && std > 0.0, "latents_std", "finite and above 0", std)?;
        }

        rules.file = "scheduler/scheduler_config.json";
        rules.size("num_train_timesteps", self.scheduler.num_train_timesteps)?;
        rules.size("base_image_seq_len", self.scheduler.base_image_seq_len)?;
        Ok(())
    }
}

/// States a rule on one field and names file and field when it does not hold.
struct Rules<'a> {
    source: &'a dyn ByteSource,
    file: &'static str,
}

impl Rules<'_> {
    /// A number above this in a size field is a damaged file, not a model.
    const LARGEST: usize = 1 << 24;

    fn hold(&self, holds: bool, field: &str, expected: &str, found: impl std::fmt::Display) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(Error::Config {
            file: self.source.locate(self.file),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
        })
    }

    fn size(&self, field: &str, value: usize) -> Result<()> {
        let expected = format!("1 to {}", Self::LARGEST);
        self.hold((1..=Self::LARGEST).contains(&value), field, &expected, value)
    }

    fn multiple(&self, field: &str, value: usize, of: &str, divisor: usize) -> Result<()> {
        self.size(field, value)?;
        self.hold(value.is_multiple_of(divisor), field, &format!("a multiple of {of} ({divisor})"), value)
    }

    fn equal(&self, field: &str, value: usize, expected: usize) -> Result<()> {
        self.hold(value == expected, field, &expected.to_string(), value)
    }
}
