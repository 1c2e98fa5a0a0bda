//! Which stage's weights are on the device: one at a time.

use burn::tensor::Device;

use super::painter::PainterModels;
use super::sources::SourceModels;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::loader::Loader;
use crate::prior::Prior;
use crate::progress::{Run, Stage};
use crate::vae::Decoder;

/// The stage on the device. Asking for another one frees it before anything is loaded, so the peak is the largest stage and
/// never the sum; asking for the same one again costs nothing.
#[derive(Default)]
pub(super) enum Resident {
    #[default]
    Nothing,
    Sources(Box<SourceModels>),
    Architect(Box<Prior>),
    Painter(Box<PainterModels>),
    Decoder(Box<Decoder>),
}

impl Resident {
    /// Frees the weights, if any.
    pub fn release(&mut self, device: &Device) {
        *self = Self::Nothing;
        device.memory_cleanup();
    }

    /// What reads source images.
    pub async fn sources(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        run: &mut Run<'_>,
    ) -> Result<&SourceModels> {
        if !matches!(self, Self::Sources(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Sources, device, run)?;
            let (tower, quantizer) = loader.vision().await?;
            let encoder = loader.vae_encoder().await?;
            *self = Self::Sources(Box::new(SourceModels { tower, quantizer, encoder }));
        }
        match self {
            Self::Sources(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// The architect.
    pub async fn architect(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        run: &mut Run<'_>,
    ) -> Result<&Prior> {
        if !matches!(self, Self::Architect(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Architect, device, run)?;
            *self = Self::Architect(Box::new(loader.prior().await?));
        }
        match self {
            Self::Architect(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// Glyph encoder and painter; mutable for the cache of source images.
    pub async fn painter(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        run: &mut Run<'_>,
    ) -> Result<&mut PainterModels> {
        if !matches!(self, Self::Painter(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Painter, device, run)?;
            let glyph_encoder = loader.glyph_encoder().await?;
            let transformer = loader.transformer().await?;
            let models = PainterModels { glyph_encoder, transformer, source_cache: None };
            *self = Self::Painter(Box::new(models));
        }
        match self {
            Self::Painter(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// The decoder.
    pub async fn decoder(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        run: &mut Run<'_>,
    ) -> Result<&Decoder> {
        if !matches!(self, Self::Decoder(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Decoder, device, run)?;
            *self = Self::Decoder(Box::new(loader.vae_decoder().await?));
        }
        match self {
            Self::Decoder(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }
}

/// Cannot happen: each stage is loaded right before it is handed out.
fn not_loaded() -> Error {
    Error::Compute("the stage is not loaded".into())
}
