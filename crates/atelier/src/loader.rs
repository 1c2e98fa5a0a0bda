//! Weights on their way from a checkpoint to a device, one tensor at a time.

use atelier_weights::{BLOCK, Component, ComponentName, Piece, Scheme, Stored};
use burn::module::{Param, ParamId};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::calibration::Observer;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::glyph_encoder::GlyphEncoder;
use crate::nn::{Matrix, PackedRows, Rows};
use crate::prior::Prior;
use crate::progress::{Event, Run, Stage};
use crate::transformer::Transformer;
use crate::vae::{Decoder, Encoder};
use crate::vision::{VectorQuantizer, VisionTower};
use crate::weight_mapping::{self, WeightSource};

/// Loads the models of one stage and reports how far it is.
pub struct Loader<'a, 'r> {
    checkpoint: &'a Checkpoint,
    device: &'a Device,
    run: &'a mut Run<'r>,
    stage: Stage,
    done: u64,
    total: u64,
}

impl<'a, 'r> Loader<'a, 'r> {
    /// A loader for `stage`; nothing is read yet.
    ///
    /// # Errors
    /// None once the checkpoint is open.
    pub fn new(
        checkpoint: &'a Checkpoint,
        stage: Stage,
        device: &'a Device,
        run: &'a mut Run<'r>,
    ) -> Result<Self> {
        let mut total = 0;
        for (component, entry) in weight_mapping::read_by(checkpoint.config(), stage) {
            total += checkpoint.stored(component, &entry.name).map_or(0, Stored::bytes);
        }
        Ok(Self { checkpoint, device, run, stage, done: 0, total })
    }

    /// The architect.
    ///
    /// # Errors
    /// A weight cannot be read or is not finite; the observer stops the run. So for all that follow.
    pub async fn prior(&mut self) -> Result<Prior> {
        let config = &self.checkpoint.config().prior;
        weight_mapping::prior(&mut self.weights(ComponentName::VisionLanguageEncoder).await?, config).await
    }

    /// What reads source images for the architect.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vision(&mut self) -> Result<(VisionTower, VectorQuantizer)> {
        let config = &self.checkpoint.config().prior;
        weight_mapping::vision(&mut self.weights(ComponentName::VisionLanguageEncoder).await?, config).await
    }

    /// What reads quoted texts for the painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn glyph_encoder(&mut self) -> Result<GlyphEncoder> {
        let config = &self.checkpoint.config().glyph_encoder;
        weight_mapping::glyph_encoder(&mut self.weights(ComponentName::TextEncoder).await?, config).await
    }

    /// The painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn transformer(&mut self) -> Result<Transformer> {
        let config = &self.checkpoint.config().transformer;
        weight_mapping::transformer(&mut self.weights(ComponentName::Transformer).await?, config).await
    }

    /// What reads source images for the painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vae_encoder(&mut self) -> Result<Encoder> {
        let config = &self.checkpoint.config().vae;
        weight_mapping::vae_encoder(&mut self.weights(ComponentName::Vae).await?, config).await
    }

    /// The decoder.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vae_decoder(&mut self) -> Result<Decoder> {
        let config = &self.checkpoint.config().vae;
        weight_mapping::vae_decoder(&mut self.weights(ComponentName::Vae).await?, config).await
    }

    /// The tensors of a component, once the files of the stage are known to be whole.
    async fn weights<'l>(&'l mut self, name: ComponentName) -> Result<CheckpointWeights<'l, 'a, 'r>> {
        let Self { checkpoint, stage, .. } = *self;
        let run = &mut *self.run;
        checkpoint.verify(stage, |bytes, total| run.emit(Event::Verify { stage, bytes, total })).await?;
        let component = checkpoint.component(name)?;
        Ok(CheckpointWeights { name, component, loader: self })
    }
}

/// The tensors of one component.
struct CheckpointWeights<'l, 'a, 'r> {
    name: ComponentName,
    component: &'a Component,
    loader: &'l mut Loader<'a, 'r>,
}

impl<'a> CheckpointWeights<'_, 'a, '_> {
    fn stored_name<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.loader.checkpoint.stored_name(self.name, name)
    }

    /// Reports bytes that are on the device.
    fn loaded(&mut self, bytes: u64) -> Result<()> {
        self.loader.done += bytes;
        let Loader { stage, done, total, .. } = *self.loader;
        self.loader.run.emit(Event::Load { stage, bytes: done, total })
    }

    fn words(&self, words: Vec<u32>, rows: usize) -> Tensor<2, Int> {
        // Without scales a kernel still wants a buffer.
        let words = if words.is_empty() { vec![0; rows] } else { words };
        let columns = words.len() / rows.max(1);
        let words: Vec<i32> = words.into_iter().map(u32::cast_signed).collect();
        Tensor::from_data(TensorData::new(words, [rows, columns]), (self.loader.device, DType::I32))
    }
}

impl WeightSource for CheckpointWeights<'_, '_, '_> {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        _stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>> {
        let name = self.stored_name(name);
        let values = self.component.read_f32(name).await?;
        let bytes = self.component.get(name).map_or(0, Stored::bytes);
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.loader.device);
        self.loaded(bytes)?;
        Ok(Param::initialized(ParamId::new(), tensor))
    }

    async fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix> {
        let found = self.stored_name(name);
        let stored = self.component.get(found);
        let packed = |stored: &&Stored| stored.scheme != Some(Scheme::F32) && shape[1].is_multiple_of(BLOCK);
        let Some(stored) = stored.filter(|_| self.loader.checkpoint.is_pack()).filter(packed) else {
            return Ok(Matrix::dense(self.tensor(name, shape).await?));
        };
        let mut parts = Vec::new();
        for index in 0..stored.pieces().len() {
            // As they lie in the file: no other copy of the weights is ever made.
            let (scheme, Piece { rows, packed }) = self.component.read_piece(found, index).await?;
            let bytes = 4 * (packed.codes.len() + packed.scales.len()) as u64;
            let (codes, scales) =
                (self.words(packed.codes, rows.len()), self.words(packed.scales, rows.len()));
            let zeros = Tensor::zeros([rows.len()], self.loader.device);
            parts.push(Rows::Packed(PackedRows { codes, scales, zeros, scheme }));
            self.loaded(bytes)?;
        }
        Ok(Matrix { parts })
    }

    fn observer(&self, name: &str) -> Option<Observer> {
        let calibration = self.loader.checkpoint.calibration()?.clone();
        Some(Observer::new(format!("{}/{name}", self.component.folder()), calibration))
    }

    fn unused(&mut self, _name: &str, _shape: &[usize]) {}

    fn alias(&mut self, _name: &str, _same_as: &str, _shape: &[usize]) {}
}
