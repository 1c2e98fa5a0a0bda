//! What a component's files hold, from its configuration alone.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

use super::{WeightSource, glyph_encoder, prior, transformer, vae_decoder, vae_encoder, vision};
use crate::config::ModelConfig;
use crate::device;
use crate::error::Result;
use crate::nn::Matrix;

/// One component of a checkpoint: its folder and the stem of its safetensors files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentName {
    /// The AR model, with vision tower and VQ module.
    VisionLanguageEncoder,
    /// The glyph encoder.
    TextEncoder,
    /// The DiT.
    Transformer,
    /// The VAE.
    Vae,
}

impl ComponentName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::VisionLanguageEncoder, Self::TextEncoder, Self::Transformer, Self::Vae];

    /// The folder in the checkpoint.
    pub fn folder(self) -> &'static str {
        match self {
            Self::VisionLanguageEncoder => "vision_language_encoder",
            Self::TextEncoder => "text_encoder",
            Self::Transformer => "transformer",
            Self::Vae => "vae",
        }
    }

    /// The name of the weight files, before `.safetensors` or `-00001-of-…`.
    pub fn stem(self) -> &'static str {
        match self {
            Self::VisionLanguageEncoder | Self::TextEncoder => "model",
            Self::Transformer | Self::Vae => "diffusion_pytorch_model",
        }
    }
}

/// What a component's files hold, from its configuration alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryEntry {
    /// The tensor's name.
    pub name: String,
    /// Its shape as stored.
    pub shape: Vec<usize>,
    /// Its part in the model.
    pub role: TensorRole,
    /// Whether it is the matrix of a linear layer or an embedding, which packs may quantise.
    pub matrix: bool,
}

/// What a tensor of a checkpoint is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TensorRole {
    /// Some stage computes with it.
    Used,
    /// Checkpoints carry it; inference never reads it.
    Unused,
    /// The same tensor under another name; either one is enough.
    AliasOf(String),
}

/// Every tensor of a component, in the order in which it is loaded. Nothing is allocated.
///
/// # Errors
/// None in practice: taking notes cannot fail.
pub async fn inventory(config: &ModelConfig, component: ComponentName) -> Result<Vec<InventoryEntry>> {
    let mut notes = Notes::default();
    match component {
        ComponentName::VisionLanguageEncoder => {
            prior(&mut notes, &config.prior).await?;
            vision(&mut notes, &config.prior).await?;
        }
        ComponentName::TextEncoder => {
            glyph_encoder(&mut notes, &config.glyph_encoder).await?;
        }
        ComponentName::Transformer => {
            transformer(&mut notes, &config.transformer).await?;
        }
        ComponentName::Vae => {
            vae_encoder(&mut notes, &config.vae).await?;
            vae_decoder(&mut notes, &config.vae).await?;
        }
    }
    Ok(notes.entries)
}

/// A source that writes down what is asked of it and hands out parameters that are never materialised.
#[derive(Default)]
struct Notes {
    entries: Vec<InventoryEntry>,
}

impl Notes {
    fn note(&mut self, name: &str, shape: &[usize], role: TensorRole) {
        self.entries.push(InventoryEntry {
            name: name.to_owned(),
            shape: shape.to_vec(),
            role,
            matrix: false,
        });
    }
}

impl WeightSource for Notes {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>> {
        self.note(name, &stored, TensorRole::Used);
        let zeros = move |device: &Device, _| Tensor::zeros(shape, device);
        Ok(Param::uninitialized(ParamId::new(), zeros, device::nowhere(), false, Shape::from(shape)))
    }

    async fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix> {
        let dense = Matrix::dense(self.tensor(name, shape).await?);
        if let Some(entry) = self.entries.last_mut() {
            entry.matrix = true;
        }
        Ok(dense)
    }

    fn unused(&mut self, name: &str, shape: &[usize]) {
        self.note(name, shape, TensorRole::Unused);
    }

    fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]) {
        self.note(name, shape, TensorRole::AliasOf(same_as.to_owned()));
    }
}
