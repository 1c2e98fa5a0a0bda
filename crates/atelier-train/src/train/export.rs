//! All trainings as one checkpoint in the public layout.

use std::path::Path;

use atelier::weight_mapping::{self, WeightSource};
use burn::module::Param;
use burn::tensor::{Device, Tensor};
use futures_lite::future::block_on;

use super::architect::ArchitectTask;
use super::error::{Result, TrainError};
use super::files::{self, Named};
use super::painter::{self, PainterTask};
use super::parameters::Parameters;
use super::preview;
use super::run::{Options, averages};
use super::studio::Studio;
use super::vae::{DecoderTask, VaeTask};
use super::vision::VisionTask;

/// Writes the moving averages of all trained weights as f16, with every other file of a checkpoint, into `folder`.
///
/// # Errors
/// A training is missing; a file cannot be written.
pub fn export(studio: &Studio, options: &Options, device: &Device, folder: &Path) -> Result<()> {
    let recipe = studio.recipe();
    let (mean, std, encoder) = painter::latents(studio, &options.state("vae"), device)?;
    let config = recipe.config(&mean, &std)?;
    let preview = preview::fit(studio, &encoder, &config.vae, device)?;

    let mut language = Named::new();
    let task = ArchitectTask::new(studio.clone(), 0)?;
    let mut parameters = averages(&task, options, device)?;
    task.give_tables(&mut parameters);
    collect(&mut parameters, &mut language, async |w| {
        weight_mapping::prior(w, &config.prior).await.map(|_| ())
    })?;
    let task = VisionTask::new(studio.clone(), 0)?;
    let mut parameters = averages(&task, options, device)?;
    task.give_tables(&mut parameters);
    collect(&mut parameters, &mut language, async |w| {
        weight_mapping::vision(w, &config.prior).await.map(|_| ())
    })?;

    let (mut glyphs, mut transformer) = (Named::new(), Named::new());
    let task = PainterTask::new(studio.clone(), 0, &options.state("vae"), device)?;
    let mut parameters = averages(&task, options, device)?;
    task.give_tables(&mut parameters);
    collect(&mut parameters, &mut glyphs, async |w| {
        weight_mapping::glyph_encoder(w, &config.glyph_encoder).await.map(|_| ())
    })?;
    collect(&mut parameters, &mut transformer, async |w| {
        weight_mapping::transformer(w, &config.transformer).await.map(|_| ())
    })?;

    let mut vae = Named::new();
    let mut parameters = averages(&VaeTask::new(studio.clone(), 0)?, options, device)?;
    collect(&mut parameters, &mut vae, async |w| {
        weight_mapping::vae_encoder(w, &config.vae).await.map(|_| ())
    })?;
    let task = DecoderTask::new(studio.clone(), 0, &options.state("vae"), device)?;
    let mut parameters = averages(&task, options, device)?;
    collect(&mut parameters, &mut vae, async |w| {
        weight_mapping::vae_decoder(w, &config.vae).await.map(|_| ())
    })?;

    for (path, text) in recipe.files(&mean, &std, &preview) {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| TrainError::file(parent, error))?;
        std::fs::write(&path, text).map_err(|error| TrainError::file(&path, error))?;
    }
    let notes = || [("format".to_owned(), "pt".to_owned())].into();
    files::write_f16(&folder.join("vision_language_encoder/model.safetensors"), &language, notes())?;
    files::write_f16(&folder.join("text_encoder/model.safetensors"), &glyphs, notes())?;
    files::write_f16(&folder.join("transformer/diffusion_pytorch_model.safetensors"), &transformer, notes())?;
    files::write_f16(&folder.join("vae/diffusion_pytorch_model.safetensors"), &vae, notes())
}

/// Builds a module and keeps the name, the stored shape and the values of all it asks for.
fn collect(
    parameters: &mut Parameters,
    into: &mut Named,
    build: impl AsyncFnOnce(&mut Collector<'_>) -> atelier::Result<()>,
) -> Result<()> {
    block_on(build(&mut Collector { parameters, into }))?;
    Ok(())
}

struct Collector<'a> {
    parameters: &'a mut Parameters,
    into: &'a mut Named,
}

impl WeightSource for Collector<'_> {
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> atelier::Result<Param<Tensor<D>>> {
        let parameter: Param<Tensor<D>> = self.parameters.reshaped(name, stored, shape).await?;
        let values =
            files::values(parameter.val()).map_err(|error| atelier::Error::Compute(error.to_string()))?;
        self.into.insert(name.to_owned(), (stored.to_vec(), values));
        Ok(parameter)
    }

    /// Checkpoints carry it, so that other programs load this one without complaint.
    fn unused(&mut self, name: &str, shape: &[usize]) {
        self.into.insert(name.to_owned(), (shape.to_vec(), vec![0.0; shape.iter().product()]));
    }

    fn alias(&mut self, _name: &str, _same_as: &str, _shape: &[usize]) {}
}
