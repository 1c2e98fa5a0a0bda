//! Correct pictures sent through parts of the finished model: what each part keeps of them.

use std::path::Path;
use std::sync::Arc;

use atelier::image::{to_rgb8, vision_patches};
use atelier::loader::Loader;
use atelier::{
    BLUEPRINT_FORMAT, Blueprint, Device, Observer, Pipeline, QuoteRule, Request, RgbImage, Settings, Stage,
    TokenGrid,
};
use atelier_weights::FolderSource;
use burn::tensor::{Tensor, TensorData};
use futures_lite::future::block_on;

use super::error::Result;
use super::files;
use super::studio::{Drawing, Studio};
use super::vae::crops;
use crate::data::{CELL, Description, Sample, Scene, Style, prompt};

/// What a picture is sent through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Through {
    /// To latents and back.
    Vae,
    /// To codes by the vision tower, and painted from those.
    Vision,
    /// Painted from the right codes: what the painter makes of a faultless blueprint.
    Painter,
}

/// The model and how it paints.
pub struct Redraw {
    pipeline: Pipeline,
    studio: Studio,
    steps: usize,
}

impl Redraw {
    /// The checkpoint in `folder`.
    ///
    /// # Errors
    /// It is no checkpoint.
    pub fn open(folder: &Path, device: &Device, studio: Studio, steps: usize) -> Result<Self> {
        let source = FolderSource::open(folder).map_err(atelier::Error::from)?;
        let pipeline = block_on(Pipeline::load(Arc::new(source), device.clone()))?;
        Ok(Self { pipeline, studio, steps })
    }

    /// The correct pictures of some descriptions, redrawn.
    ///
    /// # Errors
    /// A description has no layout, or the device fails.
    pub fn pictures(&mut self, descriptions: &[Description], through: Through) -> Result<Vec<RgbImage>> {
        let mut drawings = Vec::with_capacity(descriptions.len());
        for description in descriptions {
            drawings.push(self.drawing(description)?);
        }
        match through {
            Through::Vae => self.reconstruct(&drawings),
            Through::Painter => {
                let codes = drawings.iter().map(|drawing| drawing.codes.clone()).collect();
                self.paint(&drawings, codes)
            }
            Through::Vision => {
                let codes = self.see(&drawings)?;
                self.paint(&drawings, codes)
            }
        }
    }

    fn drawing(&self, description: &Description) -> Result<Drawing> {
        let side = super::SIDE;
        let geometry = crate::data::Geometry::column();
        let scene = Scene::place(description, &geometry, [side, side], Style::of(description))?;
        let sample = Sample { prompt: prompt(description), description: description.clone(), scene };
        self.studio.drawing(sample)
    }

    fn reconstruct(&self, drawings: &[Drawing]) -> Result<Vec<RgbImage>> {
        let (checkpoint, device) = (self.pipeline.checkpoint(), self.pipeline.device());
        let mut run = Observer::silent();
        let mut loader = Loader::new(checkpoint, Stage::Sources, device, &mut run)?;
        let encoder = block_on(loader.vae_encoder())?;
        let mut loader = Loader::new(checkpoint, Stage::Decoder, device, &mut run)?;
        let decoder = block_on(loader.vae_decoder())?;
        let redraw = |drawing: &Drawing| {
            let side = drawing.picture.width as usize;
            let pixels = crops(&[(drawing.clone(), [0, 0])], side, device);
            let latents = encoder.forward(pixels);
            let values = files::values(decoder.forward(latents))?;
            Ok(to_rgb8(&values, side, side)?.0)
        };
        drawings.iter().map(redraw).collect()
    }

    /// The codes that the vision tower sees.
    fn see(&self, drawings: &[Drawing]) -> Result<Vec<Vec<u32>>> {
        let (checkpoint, device) = (self.pipeline.checkpoint(), self.pipeline.device());
        let mut run = Observer::silent();
        let (tower, quantizer) =
            block_on(Loader::new(checkpoint, Stage::Sources, device, &mut run)?.vision())?;
        let c = &checkpoint.config().processor;
        let see = |drawing: &Drawing| {
            let picture = &drawing.picture;
            let image = RgbImage::new(picture.width as usize, picture.height as usize, picture.rgb.clone())?;
            let patches = vision_patches(&image, c.patch_size, c.min_pixels, c.max_pixels)?;
            let shape = [patches.grid.len(), patches.pixels.len() / patches.grid.len().max(1)];
            let pixels = Tensor::<2>::from_data(TensorData::new(patches.pixels, shape), device);
            let features = tower.forward(pixels, patches.grid);
            files::ids(quantizer.forward(features, patches.grid))
        };
        drawings.iter().map(see).collect()
    }

    fn paint(&mut self, drawings: &[Drawing], codes: Vec<Vec<u32>>) -> Result<Vec<RgbImage>> {
        let Settings { width, height, sampling, .. } = self.pipeline.defaults();
        let model = self.pipeline.checkpoint().fingerprint().to_owned();
        let blueprints = drawings.iter().zip(codes).map(|(drawing, ids)| {
            let [columns, rows] =
                [drawing.picture.width, drawing.picture.height].map(|side| (side / CELL) as usize);
            Blueprint {
                format: BLUEPRINT_FORMAT.to_owned(),
                model: model.clone(),
                prompt: drawing.sample.prompt.clone(),
                quotes: QuoteRule::Reference,
                width,
                height,
                seed: 0,
                sampling,
                rng: atelier::rng::RNG_VERSION,
                draft: None,
                large: TokenGrid { rows, columns, ids },
                sources: Vec::new(),
            }
        });
        let (steps, seed) = (Some(self.steps), Some(0));
        let request = Request { steps, seed, batch_padding: false, ..Request::of_blueprints(blueprints) };
        let pictures = block_on(self.pipeline.generate(&request, &mut Observer::silent()))?;
        Ok(pictures.into_iter().map(|picture| picture.image).collect())
    }
}
