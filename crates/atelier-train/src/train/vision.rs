//! The vision tower's training: pixels to codes.

use atelier::config::ModelConfig;
use atelier::image::vision_patches;
use atelier::prompt::Grid;
use atelier::{RgbImage, weight_mapping};
use burn::tensor::{Tensor, TensorData};
use futures_lite::future::block_on;

use super::error::Result;
use super::factors::Factors;
use super::files;
use super::parameters::{Initial, Method, Parameters, Policy};
use super::recipe::Recipe;
use super::studio::{Drawing, Studio};
use super::task::{Figures, Progress, Task, cross_entropy};
use super::vae::curriculum;
use crate::data::{Curriculum, Geometry, Picture};

const BATCH: usize = 8;
/// What cosines are multiplied with to become logits.
const SHARPNESS: f64 = 24.0;
const CHECK_SAMPLES: u64 = 64;
const CODEBOOK: &str = "model.vqmodel.quantize.embedding.weight";

/// Trains the vision tower and the VQ module of `vision_language_encoder`.
pub struct VisionTask {
    recipe: Recipe,
    config: ModelConfig,
    studio: Studio,
    factors: Factors,
    seed: u64,
    next_sample: u64,
}

impl VisionTask {
    /// A training whose samples come from `seed`.
    ///
    /// # Errors
    /// The recipe contradicts the model's types.
    pub fn new(studio: Studio, seed: u64) -> Result<Self> {
        let recipe = studio.recipe();
        let config = recipe.config(&[0.0; 16], &[1.0; 16])?;
        let factors = Factors::new(&recipe, &studio.codebook);
        Ok(Self { recipe, config, studio, factors, seed, next_sample: 0 })
    }

    /// Makes the codebook of its factors.
    pub(super) fn give_tables(&self, parameters: &mut Parameters) {
        let width = self.config.prior.vq_config.embed_dim;
        let codebook = self.factors.table(parameters, "codebook factors", self.recipe.codes(), width);
        parameters.give(CODEBOOK, codebook);
    }

    /// The cosine of every cell of some pictures with every code.
    ///
    /// # Shapes
    /// - output: `[pictures * cells, codes]`
    fn cosines(&self, pictures: &[&Picture], parameters: &mut Parameters) -> Result<Tensor<2>> {
        self.give_tables(parameters);
        let (tower, quantizer) = block_on(weight_mapping::vision(parameters, &self.config.prior))?;
        let processor = &self.config.processor;
        let mut values = Vec::new();
        let mut grid = Grid { rows: 0, columns: 0 };
        for picture in pictures {
            let image = RgbImage::new(picture.width as usize, picture.height as usize, picture.rgb.clone())?;
            let patches =
                vision_patches(&image, processor.patch_size, processor.min_pixels, processor.max_pixels)?;
            values.extend(patches.pixels);
            grid = patches.grid;
        }
        let shape = [pictures.len(), grid.len(), values.len() / (pictures.len() * grid.len()).max(1)];
        let patches = Tensor::<3>::from_data(TensorData::new(values, shape), parameters.device());
        let features = tower.forward_batch(patches, grid);
        let [batch, cells, hidden] = features.dims();
        Ok(quantizer.cosines(features.reshape([batch * cells, hidden])))
    }
}

impl Task for VisionTask {
    fn name(&self) -> &'static str {
        "vision"
    }

    fn policy(&self) -> Policy {
        |name, shape| match name {
            "codebook factors" => (Initial::Normal { std: 0.6 }, Method::AdamW),
            _ if name.contains("position_embedding") => (Initial::Normal { std: 0.02 }, Method::AdamW),
            _ if shape.len() == 1 => {
                (Initial::Constant(if name.ends_with("bias") { 0.0 } else { 1.0 }), Method::AdamW)
            }
            _ => {
                let inputs: usize = shape[1..].iter().product();
                let ends = name.contains("patch_embed") || name.contains("quant_conv");
                let method = if ends { Method::AdamW } else { Method::Muon };
                (Initial::Normal { std: 1.0 / (inputs as f32).sqrt() }, method)
            }
        }
    }

    fn steps(&self) -> u64 {
        1_700
    }

    fn rate(&self) -> f64 {
        3e-3
    }

    fn seen(&self) -> u64 {
        self.next_sample
    }

    fn resume(&mut self, seen: u64) {
        self.next_sample = seen;
    }

    fn loss(&mut self, _progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>> {
        let curriculum = curriculum();
        let mut drawings: Vec<Drawing> = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            drawings.push(self.studio.draw(self.seed, self.next_sample, &curriculum)?);
            self.next_sample += 1;
        }
        let pictures: Vec<&Picture> = drawings.iter().map(|drawing| &drawing.picture).collect();
        let targets: Vec<u32> = drawings.iter().flat_map(|drawing| drawing.codes.iter().copied()).collect();
        let logits = self.cosines(&pictures, parameters)?.mul_scalar(SHARPNESS);
        Ok(cross_entropy(logits, &targets).mean())
    }

    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures> {
        let curriculum = Curriculum { geometry: Geometry::column(), ..Curriculum::like_development() };
        let ground =
            |code: u32| matches!(self.studio.codebook.codes()[code as usize], super::Code::Ground { .. });
        let (mut cells, mut right, mut inked, mut inked_right) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut used = vec![false; self.recipe.codes()];
        let mut shown = used.clone();
        for index in 0..CHECK_SAMPLES {
            let drawing = self.studio.draw(u64::MAX, index, &curriculum)?;
            let seen = files::ids(self.cosines(&[&drawing.picture], parameters)?.argmax(1))?;
            for (seen, code) in seen.iter().zip(&drawing.codes) {
                cells += 1;
                right += u64::from(seen == code);
                inked += u64::from(!ground(*code));
                inked_right += u64::from(!ground(*code) && seen == code);
                used[*seen as usize] = true;
                shown[*code as usize] = true;
            }
        }
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as f64;
        Ok(vec![
            ("codes_right", right as f64 / cells as f64),
            ("inked_right", inked_right as f64 / inked.max(1) as f64),
            ("codes_used", count(&used)),
            ("codes_shown", count(&shown)),
        ])
    }
}
