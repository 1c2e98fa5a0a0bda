//! What is asked for, and what comes back.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::checkpoint::Checkpoint;
use crate::config::GenerationConfig;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::prior::sampler::Sampling;
use crate::prompt::check_size;

/// Steps when neither the request nor the model's card says, as in the reference.
pub const DEFAULT_STEPS: usize = 50;
/// Guidance when neither the request nor the model's card says, as in the reference.
pub const DEFAULT_GUIDANCE: f32 = 1.5;
/// Temperature where `generation_config.json` has none, as in the project's readme.
const DEFAULT_TEMPERATURE: f32 = 0.9;
/// Nucleus mass where `generation_config.json` has none, as in the project's readme.
const DEFAULT_TOP_P: f32 = 0.75;
/// A configuration without `top_k` means 50 in the reference's library, not "off" (spec 4.4).
const DEFAULT_TOP_K: usize = 50;

/// One run: prompts (and source images) to pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// At least one.
    pub prompts: Vec<String>,
    /// The source images, used with every prompt; none for text to image.
    pub sources: Vec<RgbImage>,
    /// Width in pixels: a multiple of 32 in 32..=4096.
    pub width: usize,
    /// Height in pixels: a multiple of 32 in 32..=4096.
    pub height: usize,
    /// Steps of the painter, at least 1.
    pub steps: usize,
    /// Guidance scale; up to 1 there is no guidance and each step costs half.
    pub guidance: f32,
    /// Picture `k` of the run has the seed `seed + k`.
    pub seed: u64,
    /// The seed of the first prompt's blueprint where it is not `seed`: the pictures of a prompt share the blueprint of the
    /// first of them, so that the second one alone needs both seeds.
    pub blueprint_seed: Option<u64>,
    /// How the architect draws tokens.
    pub sampling: Sampling,
    /// Pictures of each prompt, at least 1; they share one blueprint.
    pub images_per_prompt: usize,
    /// Initial noise to use instead of the seed's.
    pub noise: Option<Noise>,
    /// With several prompts, pad the glyph embeddings to one length as the reference does in a batch, so that a picture
    /// depends slightly on its mates. Without it every prompt is painted as if alone.
    pub batch_padding: bool,
    /// Pad the glyph embeddings of every prompt to at least this many tokens: what [`PaintOptions::glyph_tokens`] noted of
    /// a picture from a batch, to paint it again alone.
    pub glyph_tokens: Option<usize>,
}

/// Initial noise given by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// `[images, channels, height / 8, width / 8]`.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// How the architect writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArchitectOptions {
    /// Width of the picture, in pixels.
    pub width: usize,
    /// Height of the picture, in pixels.
    pub height: usize,
    /// Seed of the token draws.
    pub seed: u64,
    /// How tokens are drawn.
    pub sampling: Sampling,
}

/// How the painter paints one picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PaintOptions {
    /// Steps, at least 1.
    pub steps: usize,
    /// Guidance scale.
    pub guidance: f32,
    /// Seed of the initial noise.
    pub seed: u64,
    /// Pad the glyph embedding with zero vectors to this many tokens: what a prompt gets in a batch with longer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glyph_tokens: Option<usize>,
}

/// A painted picture before decoding: `[channels, height, width]` values on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Latents {
    /// Latent channels.
    pub channels: usize,
    /// Rows, 1/8 of the picture's height.
    pub height: usize,
    /// Columns, 1/8 of the picture's width.
    pub width: usize,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// A finished picture and everything needed to paint it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The pixels.
    pub image: RgbImage,
    /// What was painted.
    pub blueprint: Rc<Blueprint>,
    /// How it was painted.
    pub options: PaintOptions,
}

impl Request {
    /// A text-to-image request with the checkpoint's own defaults.
    pub fn new(prompt: impl Into<String>, checkpoint: &Checkpoint) -> Self {
        let side = checkpoint.config().vae.sample_size;
        let card = checkpoint.card();
        Self {
            prompts: vec![prompt.into()],
            sources: Vec::new(),
            width: side,
            height: side,
            steps: card.and_then(|card| card.default_steps).unwrap_or(DEFAULT_STEPS),
            guidance: card.and_then(|card| card.default_guidance).unwrap_or(DEFAULT_GUIDANCE),
            seed: 0,
            blueprint_seed: None,
            sampling: default_sampling(&checkpoint.config().generation),
            images_per_prompt: 1,
            noise: None,
            batch_padding: true,
            glyph_tokens: None,
        }
    }

    /// Checks every field that can be checked without the model.
    ///
    /// # Errors
    /// [`Error::Request`] naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.prompts.is_empty() {
            return Err(Error::request("prompt", "at least one prompt", "none"));
        }
        check_size(self.width, self.height)?;
        check_painting(self.steps, self.guidance)?;
        self.sampling.validate()?;
        if self.images_per_prompt == 0 {
            return Err(Error::request("images_per_prompt", "at least 1", 0));
        }
        Ok(())
    }

    /// Pictures of the whole run.
    pub fn images(&self) -> usize {
        self.prompts.len().saturating_mul(self.images_per_prompt)
    }

    /// How the architect writes the blueprint of a prompt; it has the seed of the prompt's first picture.
    pub fn architect_options(&self, prompt: usize) -> ArchitectOptions {
        ArchitectOptions {
            width: self.width,
            height: self.height,
            seed: self
                .blueprint_seed
                .unwrap_or(self.seed)
                .wrapping_add(prompt.saturating_mul(self.images_per_prompt) as u64),
            sampling: self.sampling,
        }
    }

    /// How the painter paints a picture of the run, as if its prompt were alone.
    pub fn paint_options(&self, image: usize) -> PaintOptions {
        let (steps, guidance, seed) = (self.steps, self.guidance, self.image_seed(image));
        PaintOptions { steps, guidance, seed, glyph_tokens: self.glyph_tokens }
    }

    /// The seed of a picture of the run.
    pub fn image_seed(&self, image: usize) -> u64 {
        self.seed.wrapping_add(image as u64)
    }
}

impl Noise {
    /// The values of one picture of the run.
    ///
    /// # Errors
    /// [`Error::Request`] when the shape is not `expected`.
    pub(super) fn picture(&self, image: usize, expected: [usize; 4]) -> Result<&[f32]> {
        let wanted = format!("f32 {expected:?}");
        let len: usize = expected[1..].iter().product();
        let slice = self.values.get(image * len..(image + 1) * len);
        match slice {
            Some(values) if self.shape == expected => Ok(values),
            _ => Err(Error::request("latents", wanted, format!("{:?}", self.shape))),
        }
    }
}

/// The sampling that `generation_config.json` asks for.
pub fn default_sampling(config: &GenerationConfig) -> Sampling {
    Sampling {
        temperature: config.temperature.unwrap_or(DEFAULT_TEMPERATURE),
        top_p: config.top_p.unwrap_or(DEFAULT_TOP_P),
        top_k: Some(config.top_k.unwrap_or(DEFAULT_TOP_K)),
    }
}

/// Checks steps and guidance.
pub(super) fn check_painting(steps: usize, guidance: f32) -> Result<()> {
    if steps == 0 {
        return Err(Error::request("steps", "at least 1", steps));
    }
    if !guidance.is_finite() || guidance < 0.0 {
        return Err(Error::request("guidance", "a number of at least 0", guidance));
    }
    Ok(())
}
