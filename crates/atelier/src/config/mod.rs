//! The checkpoint's own JSON files, and nothing beside them: no second set of defaults.
//!
//! Fields that the public checkpoint may leave out carry the default of the reference class (spec 1).

mod check;

use std::fmt;

use atelier_weights::checkpoint::{GENERATION, PROCESSOR, SCHEDULER};
use atelier_weights::{ByteSource, ComponentName, read_json};
use serde::{Deserialize, Serialize};

use crate::error::Result;

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
    /// Red, green and blue in 0..=255 of each latent channel, for [previews](crate::preview).
    #[serde(default)]
    pub latent_rgb_factors: Option<Vec<[f32; 3]>>,
    /// What is added to them.
    #[serde(default)]
    pub latent_rgb_factors_bias: Option<[f32; 3]>,
    /// Side of the pictures the model was made for, in pixels: the default width and height.
    pub sample_size: usize,
}

/// The scheduler.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SchedulerConfig {
    /// The reference's class.
    #[serde(rename = "_class_name", default = "euler")]
    pub class: String,
    /// Steps of the training schedule.
    pub num_train_timesteps: usize,
    /// Shift at length 0.
    pub base_shift: f64,
    /// Growth of the shift with the square root of the length.
    pub max_shift: f64,
    /// Length at which the growth counts once.
    pub base_image_seq_len: usize,
}

impl fmt::Debug for SchedulerConfig {
    /// A checkpoint's fingerprint is made of these words: what came after the first blueprints is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class: _, num_train_timesteps, base_shift, max_shift, base_image_seq_len } = self;
        f.debug_struct("SchedulerConfig")
            .field("num_train_timesteps", num_train_timesteps)
            .field("base_shift", base_shift)
            .field("max_shift", max_shift)
            .field("base_image_seq_len", base_image_seq_len)
            .finish()
    }
}

fn euler() -> String {
    SchedulerConfig::EULER.to_owned()
}

impl SchedulerConfig {
    /// The class of `FlowMatchEuler`.
    pub const EULER: &str = "FlowMatchEulerDiscreteScheduler";
    /// Those that [`for_picture`](crate::scheduler::for_picture) knows.
    pub(crate) const CLASSES: &[&str] = &[Self::EULER];
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
            prior: read_json(source, ComponentName::VisionLanguageEncoder.config()).await?,
            generation: read_json(source, GENERATION).await?,
            processor: read_json(source, PROCESSOR).await?,
            glyph_encoder: read_json(source, ComponentName::TextEncoder.config()).await?,
            transformer: read_json(source, ComponentName::Transformer.config()).await?,
            vae: read_json(source, ComponentName::Vae.config()).await?,
            scheduler: read_json(source, SCHEDULER).await?,
        };
        check::check(&config, source)?;
        Ok(config)
    }
}
