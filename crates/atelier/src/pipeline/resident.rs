//! Which stage's weights are on the device: one at a time.

use burn::tensor::Device;

use super::painter::PainterModels;
use super::sources::SourceModels;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::loader::Loader;
use crate::prior::Prior;
use crate::progress::{Observer, Stage};
use crate::vae::Decoder;

/// The stage on the device. Asking for another one frees it before anything is loaded, so the peak is the largest stage and
/// never the sum; asking for the same one again costs nothing. Only painter and decoder may be there together, if the caller
/// has seen that both fit.
#[derive(Default)]
pub(super) struct Resident {
    stage: Models,
    /// The painter while the decoder is `stage`, or the other way round.
    beside: Models,
    both: bool,
}

#[derive(Default)]
enum Models {
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
        self.stage = Models::Nothing;
        self.beside = Models::Nothing;
        device.memory_cleanup();
    }

    /// Whether painter and decoder may be on the device together from now on.
    pub fn keep_both(&mut self, both: bool) {
        self.both = both;
    }

    /// Makes room for the painter or the decoder: the other one waits or is freed. True when it was waiting itself.
    fn swap(&mut self, waits: fn(&Models) -> bool, device: &Device) -> bool {
        if !self.both || !matches!(self.stage, Models::Painter(_) | Models::Decoder(_)) {
            self.release(device);
            return false;
        }
        std::mem::swap(&mut self.stage, &mut self.beside);
        // What the other one computed in: of no use now.
        device.memory_cleanup();
        waits(&self.stage)
    }

    /// What reads source images.
    pub async fn sources(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        observer: &mut Observer<'_>,
    ) -> Result<&SourceModels> {
        if !matches!(self.stage, Models::Sources(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Sources, device, observer)?;
            let models = SourceModels { vision: loader.load().await?, encoder: loader.load().await? };
            self.stage = Models::Sources(Box::new(models));
        }
        match &self.stage {
            Models::Sources(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// The architect.
    pub async fn architect(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        observer: &mut Observer<'_>,
    ) -> Result<&Prior> {
        if !matches!(self.stage, Models::Architect(_)) {
            self.release(device);
            let mut loader = Loader::new(checkpoint, Stage::Architect, device, observer)?;
            self.stage = Models::Architect(Box::new(loader.load().await?));
        }
        match &self.stage {
            Models::Architect(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// Glyph encoder and painter; mutable for the cache of source images.
    pub async fn painter(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        observer: &mut Observer<'_>,
    ) -> Result<&mut PainterModels> {
        let is_painter = |models: &Models| matches!(models, Models::Painter(_));
        if !is_painter(&self.stage) && !self.swap(is_painter, device) {
            let mut loader = Loader::new(checkpoint, Stage::Painter, device, observer)?;
            self.stage = Models::Painter(Box::new(PainterModels::load(&mut loader).await?));
        }
        match &mut self.stage {
            Models::Painter(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }

    /// The decoder.
    pub async fn decoder(
        &mut self,
        checkpoint: &Checkpoint,
        device: &Device,
        observer: &mut Observer<'_>,
    ) -> Result<&Decoder> {
        let is_decoder = |models: &Models| matches!(models, Models::Decoder(_));
        if !is_decoder(&self.stage) && !self.swap(is_decoder, device) {
            let mut loader = Loader::new(checkpoint, Stage::Decoder, device, observer)?;
            self.stage = Models::Decoder(Box::new(loader.load().await?));
        }
        match &self.stage {
            Models::Decoder(models) => Ok(models),
            _ => Err(not_loaded()),
        }
    }
}

/// Cannot happen: each stage is loaded right before it is handed out.
fn not_loaded() -> Error {
    Error::Compute("the stage is not loaded".into())
}
