//! The VAE: pictures to latents and back (spec 10).

mod bands;
mod decoder;
mod encoder;
mod resnet;
mod streamed;
mod weights;

pub use bands::BAND_BYTES;
pub(crate) use bands::band_rows;
pub use decoder::{Decoder, UpBlock};
pub use encoder::{DownBlock, Encoder};
pub use resnet::Resnet;

use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use crate::config::VaeConfig;

/// How the decoder works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodeMode {
    /// Every map at once.
    Whole,
    /// In bands of rows: the same picture to rounding, somewhat slower, with small buffers.
    Bands,
}

/// Shifts and scales each latent channel between the VAE's range and the painter's.
#[derive(Debug, Clone)]
pub struct LatentStatistics {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl LatentStatistics {
    /// From `latents_mean` and `latents_std`; `scaling_factor` and `shift_factor` are not used by this model.
    pub fn new(config: &VaeConfig) -> Self {
        Self { mean: config.latents_mean.clone(), std: config.latents_std.clone() }
    }

    /// `(z - mean) / std`: from the VAE to the painter.
    ///
    /// # Shapes
    /// - z, output: `[batch, channels, height, width]`
    pub fn normalise(&self, z: Tensor<4>) -> Tensor<4> {
        let (mean, std) = self.tensors(&z);
        (z - mean) / std
    }

    /// `x · std + mean`: from the painter to the VAE.
    ///
    /// # Shapes
    /// - x, output: `[batch, channels, height, width]`
    pub fn denormalise(&self, x: Tensor<4>) -> Tensor<4> {
        let (mean, std) = self.tensors(&x);
        x * std + mean
    }

    fn tensors(&self, like: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let per_channel = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [1, values.len(), 1, 1]);
            Tensor::from_data(data, &like.device())
        };
        (per_channel(&self.mean), per_channel(&self.std))
    }
}
