//! Weights on their way from a checkpoint to a device, one tensor at a time.

use atelier_weights::{BLOCK, Component, ComponentName, Piece, Scheme, Stored};
use burn::module::{Param, ParamId};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::calibration;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::inventory;
use crate::nn::{Matrix, PackedRows, Rows};
use crate::progress::{Event, Observer, Stage};
use crate::weights::{FromWeights, Scope, WeightSource};

/// Loads the models of one stage and reports how far it is.
pub struct Loader<'a, 'r> {
    checkpoint: &'a Checkpoint,
    device: &'a Device,
    observer: &'a mut Observer<'r>,
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
        observer: &'a mut Observer<'r>,
    ) -> Result<Self> {
        let mut total = 0;
        for (component, entry) in inventory::read_by(checkpoint.config(), stage) {
            total += checkpoint.stored(component, &entry.name).map_or(0, Stored::bytes);
        }
        Ok(Self { checkpoint, device, observer, stage, done: 0, total })
    }

    /// A part of the model that belongs to the stage.
    ///
    /// # Errors
    /// A weight cannot be read or is not finite; the observer stops the run.
    pub async fn load<M: FromWeights>(&mut self) -> Result<M> {
        debug_assert!(M::STAGE == self.stage, "a part of {:?} in {:?}", M::STAGE, self.stage);
        let config = self.checkpoint.config();
        let mut weights = self.weights(M::COMPONENT).await?;
        M::from_weights(Scope::new(&mut weights), config).await
    }

    /// The tensors of a component, once the files of the stage are known to be whole.
    async fn weights<'l>(&'l mut self, name: ComponentName) -> Result<CheckpointWeights<'l, 'a, 'r>> {
        let Self { checkpoint, stage, .. } = *self;
        let observer = &mut *self.observer;
        checkpoint.verify(stage, |bytes, total| observer.emit(Event::Verify { stage, bytes, total })).await?;
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
        self.loader.observer.emit(Event::Load { stage, bytes: done, total })
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

    fn observer(&self, name: &str) -> Option<calibration::Observer> {
        let calibration = self.loader.checkpoint.calibration()?.clone();
        Some(calibration::Observer::new(format!("{}/{name}", self.component.folder()), calibration))
    }

    fn unused(&mut self, _name: &str, _shape: &[usize]) {}

    fn alias(&mut self, _name: &str, _same_as: &str, _shape: &[usize]) {}
}
