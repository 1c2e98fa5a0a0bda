//! What a component's files hold, from its configuration alone.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use atelier_weights::ComponentName;
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

use crate::config::ModelConfig;
use crate::device;
use crate::error::Result;
use crate::glyph_encoder::GlyphEncoder;
use crate::nn::Matrix;
use crate::prior::Prior;
use crate::progress::Stage;
use crate::transformer::Transformer;
use crate::vae::{Decoder, Encoder};
use crate::vision::Vision;
use crate::weights::{FromWeights, Scope, WeightSource};

/// What a component's files hold, from its configuration alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryEntry {
    /// The tensor's name.
    pub name: String,
    /// Its shape as stored.
    pub shape: Vec<usize>,
    /// The stage that reads it.
    pub stage: Stage,
    /// Its part in the model.
    pub role: TensorRole,
    /// Whether it is the matrix of a linear layer or an embedding, which packs may quantize.
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

/// Every tensor of a component, in the order in which its parts ask for them. Nothing is allocated.
pub fn inventory(config: &ModelConfig, component: ComponentName) -> Vec<InventoryEntry> {
    let mut recorder = Recorder { stage: Stage::Sources, entries: Vec::new() };
    // A recorder never waits and never fails: its future is ready at once.
    let done = pin!(record(&mut recorder, config, component)).poll(&mut Context::from_waker(Waker::noop()));
    debug_assert!(matches!(done, Poll::Ready(Ok(()))));
    recorder.entries
}

/// The tensors that `stage` reads, by component, in the order in which they are loaded.
pub fn read_by(config: &ModelConfig, stage: Stage) -> impl Iterator<Item = (ComponentName, InventoryEntry)> {
    ComponentName::ALL.into_iter().flat_map(move |component| {
        let entries = inventory(config, component).into_iter();
        let used = entries.filter(move |entry| entry.stage == stage && entry.role == TensorRole::Used);
        used.map(move |entry| (component, entry))
    })
}

/// Every part of the model, in the order in which its component's files have them.
async fn record(recorder: &mut Recorder, config: &ModelConfig, component: ComponentName) -> Result<()> {
    recorder.part::<Prior>(config, component).await?;
    recorder.part::<Vision>(config, component).await?;
    recorder.part::<GlyphEncoder>(config, component).await?;
    recorder.part::<Transformer>(config, component).await?;
    recorder.part::<Encoder>(config, component).await?;
    recorder.part::<Decoder>(config, component).await
}

/// A source that records what is asked of it and hands out parameters that are never materialised.
struct Recorder {
    stage: Stage,
    entries: Vec<InventoryEntry>,
}

impl Recorder {
    /// Records what a part wants, if it is one of `component`.
    async fn part<M: FromWeights>(&mut self, config: &ModelConfig, component: ComponentName) -> Result<()> {
        if M::COMPONENT == component {
            self.stage = M::STAGE;
            M::from_weights(Scope::new(self), config).await?;
        }
        Ok(())
    }

    fn record(&mut self, name: &str, shape: &[usize], role: TensorRole) {
        let (name, shape, stage) = (name.to_owned(), shape.to_vec(), self.stage);
        self.entries.push(InventoryEntry { name, shape, stage, role, matrix: false });
    }
}

impl WeightSource for Recorder {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>> {
        self.record(name, &stored, TensorRole::Used);
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
        self.record(name, shape, TensorRole::Unused);
    }

    fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]) {
        self.record(name, shape, TensorRole::AliasOf(same_as.to_owned()));
    }
}
