//! The rules that a checkpoint's configurations must keep, each stated with its field.

use atelier_weights::checkpoint::{PROCESSOR, SCHEDULER};
use atelier_weights::{ByteSource, ComponentName};

use super::{ModelConfig, PriorConfig, SchedulerConfig};
use crate::error::{Error, Result};

/// What must hold between the numbers for the model to be computable at all.
pub(super) fn check(config: &ModelConfig, source: &dyn ByteSource) -> Result<()> {
    let mut rules = Rules { source, file: ComponentName::VisionLanguageEncoder.config() };
    let PriorConfig { text_config: text, vision_config: vision, vq_config: vq, .. } = &config.prior;
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
        ("image_start_token_id", config.prior.image_start_token_id),
        ("image_end_token_id", config.prior.image_end_token_id),
        ("image_token_id", config.prior.image_token_id),
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

    rules.file = PROCESSOR;
    rules.equal("patch_size", config.processor.patch_size, vision.patch_size)?;
    // The token grid is a fixed part of the pipeline: one code covers 32 pixels, one patch 16 of half the size.
    rules.equal("patch_size", config.processor.patch_size, 16)?;
    rules.hold(
        config.processor.min_pixels > 0 && config.processor.min_pixels <= config.processor.max_pixels,
        "min_pixels",
        &format!("1 to max_pixels {}", config.processor.max_pixels),
        config.processor.min_pixels,
    )?;

    rules.file = ComponentName::TextEncoder.config();
    let glyph = &config.glyph_encoder;
    rules.size("d_model", glyph.d_model)?;
    rules.size("d_kv", glyph.d_kv)?;
    rules.size("d_ff", glyph.d_ff)?;
    rules.size("num_heads", glyph.num_heads)?;
    rules.layers("num_layers", glyph.num_layers)?;
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

    rules.file = ComponentName::Transformer.config();
    let dit = &config.transformer;
    rules.size("num_attention_heads", dit.num_attention_heads)?;
    rules.layers("num_layers", dit.num_layers)?;
    rules.multiple("attention_head_dim", dit.attention_head_dim, "4", 4)?;
    rules.multiple("time_embed_dim", dit.time_embed_dim, "2", 2)?;
    rules.multiple("condition_dim", dit.condition_dim, "2", 2)?;
    rules.equal("patch_size", dit.patch_size, 2)?;
    rules.equal("text_embed_dim", dit.text_embed_dim, glyph.d_model)?;
    rules.equal("in_channels", dit.in_channels, config.vae.latent_channels)?;
    rules.equal("out_channels", dit.out_channels, config.vae.latent_channels)?;
    rules.equal(
        "prior_vq_quantizer_codebook_size",
        dit.prior_vq_quantizer_codebook_size,
        vq.num_embeddings,
    )?;

    rules.file = ComponentName::Vae.config();
    let vae = &config.vae;
    rules.equal("block_out_channels (count)", vae.block_out_channels.len(), 4)?;
    rules.size("norm_num_groups", vae.norm_num_groups)?;
    for &channels in &vae.block_out_channels {
        rules.multiple("block_out_channels", channels, "norm_num_groups", vae.norm_num_groups)?;
    }
    rules.layers("layers_per_block", vae.layers_per_block)?;
    rules.size("latent_channels", vae.latent_channels)?;
    rules.equal("in_channels", vae.in_channels, 3)?;
    rules.equal("out_channels", vae.out_channels, 3)?;
    rules.equal("latents_mean (count)", vae.latents_mean.len(), vae.latent_channels)?;
    rules.equal("latents_std (count)", vae.latents_std.len(), vae.latent_channels)?;
    for &std in &vae.latents_std {
        rules.hold(std.is_finite() && std > 0.0, "latents_std", "finite and above 0", std)?;
    }

    rules.file = SCHEDULER;
    let class = &config.scheduler.class;
    rules.hold(
        SchedulerConfig::CLASSES.contains(&class.as_str()),
        "_class_name",
        &SchedulerConfig::CLASSES.join(" or "),
        class,
    )?;
    rules.size("num_train_timesteps", config.scheduler.num_train_timesteps)?;
    rules.size("base_image_seq_len", config.scheduler.base_image_seq_len)?;
    Ok(())
}

/// States a rule on one field and names file and field when it does not hold.
struct Rules<'a> {
    source: &'a dyn ByteSource,
    file: &'static str,
}

impl Rules<'_> {
    /// A number above this in a size field is a damaged file, not a model.
    const LARGEST: usize = 1 << 24;
    /// Many times the layers of any published model.
    const MOST_LAYERS: usize = 1000;

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

    /// Layers are walked one by one before a single weight is seen, so their number has a limit of its own.
    fn layers(&self, field: &str, value: usize) -> Result<()> {
        let expected = format!("1 to {}", Self::MOST_LAYERS);
        self.hold((1..=Self::MOST_LAYERS).contains(&value), field, &expected, value)
    }

    fn multiple(&self, field: &str, value: usize, of: &str, divisor: usize) -> Result<()> {
        self.size(field, value)?;
        self.hold(value.is_multiple_of(divisor), field, &format!("a multiple of {of} ({divisor})"), value)
    }

    fn equal(&self, field: &str, value: usize, expected: usize) -> Result<()> {
        self.hold(value == expected, field, &expected.to_string(), value)
    }
}
