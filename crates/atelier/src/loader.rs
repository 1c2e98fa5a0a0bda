//! Weights on their way from a checkpoint to a device, one tensor at a time.

use std::collections::BTreeMap;

use atelier_weights::Component;
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::glyph_encoder::GlyphEncoder;
use crate::prior::{Prior, VectorQuantizer, VisionTower};
use crate::progress::{Event, Run, Stage};
use crate::transformer::Transformer;
use crate::vae::{Decoder, Encoder};
use crate::weight_mapping::{self, ComponentName, WeightSource};

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
        for &(component, prefixes) in weight_mapping::parts(stage) {
            let tensors = checkpoint.component(component)?.tensors();
            let wanted = tensors.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
            total += wanted.map(|(_, info)| info.range.end - info.range.start).sum::<u64>();
        }
        Ok(Self { checkpoint, device, run, stage, done: 0, total })
    }

    /// The architect.
    ///
    /// # Errors
    /// A weight cannot be read or is not finite; the observer stops the run. So for all that follow.
    pub async fn prior(&mut self) -> Result<Prior> {
        let config = &self.checkpoint.config().prior;
        weight_mapping::prior(&mut self.weights(ComponentName::VisionLanguageEncoder)?, config).await
    }

    /// What reads source images for the architect.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vision(&mut self) -> Result<(VisionTower, VectorQuantizer)> {
        let config = &self.checkpoint.config().prior;
        weight_mapping::vision(&mut self.weights(ComponentName::VisionLanguageEncoder)?, config).await
    }

    /// What reads quoted texts for the painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn glyph_encoder(&mut self) -> Result<GlyphEncoder> {
        let config = &self.checkpoint.config().glyph_encoder;
        weight_mapping::glyph_encoder(&mut self.weights(ComponentName::TextEncoder)?, config).await
    }

    /// The painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn transformer(&mut self) -> Result<Transformer> {
        let config = &self.checkpoint.config().transformer;
        weight_mapping::transformer(&mut self.weights(ComponentName::Transformer)?, config).await
    }

    /// What reads source images for the painter.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vae_encoder(&mut self) -> Result<Encoder> {
        let config = &self.checkpoint.config().vae;
        weight_mapping::vae_encoder(&mut self.weights(ComponentName::Vae)?, config).await
    }

    /// The decoder.
    ///
    /// # Errors
    /// As [`Loader::prior`].
    pub async fn vae_decoder(&mut self) -> Result<Decoder> {
        let config = &self.checkpoint.config().vae;
        weight_mapping::vae_decoder(&mut self.weights(ComponentName::Vae)?, config).await
    }

    fn weights<'l>(&'l mut self, component: ComponentName) -> Result<CheckpointWeights<'l, 'a, 'r>> {
        let component = self.checkpoint.component(component)?;
        Ok(CheckpointWeights { component, aliases: BTreeMap::new(), loader: self })
    }
}

/// The tensors of one component.
struct CheckpointWeights<'l, 'a, 'r> {
    component: &'a Component,
    /// For a name, the other name its tensor may have.
    aliases: BTreeMap<String, String>,
    loader: &'l mut Loader<'a, 'r>,
}

impl WeightSource for CheckpointWeights<'_, '_, '_> {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        _stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>> {
        // The inventory was checked when the checkpoint was opened, so shapes fit and a missing name has an alias.
        let name = match self.aliases.get(name) {
            Some(alias) if self.component.get(name).is_none() => alias,
            _ => name,
        };
        let values = self.component.read_f32(name).await?;
        let bytes = self.component.get(name).map_or(0, |info| info.range.end - info.range.start);
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.loader.device);
        self.loader.done += bytes;
        let Loader { stage, done, total, .. } = *self.loader;
        self.loader.run.emit(Event::Load { stage, bytes: done, total })?;
        Ok(Param::initialized(ParamId::new(), tensor))
    }

    fn unused(&mut self, _name: &str, _shape: &[usize]) {}

    fn alias(&mut self, name: &str, same_as: &str, _shape: &[usize]) {
        self.aliases.insert(same_as.to_owned(), name.to_owned());
    }
}
