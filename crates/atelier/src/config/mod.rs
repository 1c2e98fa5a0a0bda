//! The checkpoint's own JSON files, and nothing beside them: no second set of defaults.
//!
//! Fields that the public checkpoint may leave out carry the default of the reference class (spec 1).

mod generation;
mod glyph_encoder;
mod prior;
mod processor;
pub(crate) mod rules;
mod scheduler;
mod transformer;
mod vae;

pub use generation::GenerationConfig;
pub use glyph_encoder::GlyphEncoderConfig;
pub use prior::{PriorConfig, RopeParameters, TextConfig, VisionConfig, VqConfig};
pub use processor::ProcessorConfig;
pub use scheduler::SchedulerConfig;
pub use transformer::TransformerConfig;
pub use vae::VaeConfig;

use atelier_weights::ByteSource;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use rules::{ConfigFile, Rules};

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

impl ModelConfig {
    /// Reads and checks every configuration of a checkpoint folder.
    ///
    /// # Errors
    /// A missing or malformed file, or a value the model cannot be built with; the message names file and field.
    pub async fn read(source: &dyn ByteSource) -> Result<Self> {
        let config = Self {
            prior: PriorConfig::read(source).await?,
            generation: GenerationConfig::read(source).await?,
            processor: ProcessorConfig::read(source).await?,
            glyph_encoder: GlyphEncoderConfig::read(source).await?,
            transformer: TransformerConfig::read(source).await?,
            vae: VaeConfig::read(source).await?,
            scheduler: SchedulerConfig::read(source).await?,
        };
        config.agree(source)?;
        Ok(config)
    }

    /// What must hold between the files.
    fn agree(&self, source: &dyn ByteSource) -> Result<()> {
        let Self { prior, processor, glyph_encoder: glyph, transformer: dit, vae, .. } = self;
        let rules = Rules { source, file: ProcessorConfig::FILE };
        rules.equal("patch_size", processor.patch_size, prior.vision_config.patch_size)?;
        let rules = Rules { source, file: TransformerConfig::FILE };
        rules.equal("text_embed_dim", dit.text_embed_dim, glyph.d_model)?;
        rules.equal("in_channels", dit.in_channels, vae.latent_channels)?;
        rules.equal("out_channels", dit.out_channels, vae.latent_channels)?;
        rules.equal(
            "prior_vq_quantizer_codebook_size",
            dit.prior_vq_quantizer_codebook_size,
            prior.vq_config.num_embeddings,
        )
    }
}
