//! The painter's training: codes and glyphs to latents, by flow matching.

use std::path::Path;

use atelier::config::ModelConfig;
use atelier::prompt::{Grid, glyph_texts, glyph_tokens, upsample_codes};
use atelier::transformer::{ConditioningInputs, PictureFrame};
use atelier::vae::{Encoder, LatentStatistics};
use atelier::weight_mapping;
use burn::tensor::{Device, Tensor};
use futures_lite::future::block_on;

use super::codes::Code;
use super::error::{Result, TrainError};
use super::factors::Factors;
use super::files;
use super::parameters::{Initial, Method, Parameters, Policy};
use super::recipe::{Recipe, SIDE};
use super::studio::{Drawing, Studio};
use super::task::{Figures, Progress, Task};
use super::vae::{self, VaeTask};
use crate::data::{CELL, Curriculum, Geometry, Random};

/// Crops of a batch, and their side in cells.
const CROPS: [usize; 2] = [22, 4];
/// The same near the end: whole pictures, for what stands far apart, and so that every place has been seen.
const LARGE_CROPS: [usize; 2] = [2, 16];
/// Share of crops that show a letter; the rest lie anywhere.
const LETTERS: f32 = 0.85;
/// Share of the steps with small crops only.
const SMALL: f64 = 0.7;
/// Probabilities that a crop is learned without its glyphs, and without anything: what guidance needs.
const DROP_GLYPHS: f32 = 0.1;
const DROP_ALL: f32 = 0.1;
const CHECK_SAMPLES: u64 = 24;
const PRIOR_EMBEDDING: &str = "prior_token_embedding.weight";
const PATCH_PIXELS: usize = 16;

/// Trains `text_encoder` and `transformer`.
pub struct PainterTask {
    recipe: Recipe,
    config: ModelConfig,
    studio: Studio,
    factors: Factors,
    encoder: Encoder,
    statistics: LatentStatistics,
    seed: u64,
    next_sample: u64,
}

/// One crop to be learned.
struct Lesson {
    drawing: Drawing,
    /// Top and left, in cells.
    place: [usize; 2],
    with_glyphs: bool,
    with_prior: bool,
    /// In 0..1: 1 is all noise.
    time: f32,
    /// Height and width that the picture claims to have, in pixels.
    size: [usize; 2],
}

impl PainterTask {
    /// A training whose samples come from `seed`, on the latents of the VAE trained under `vae_state`.
    ///
    /// # Errors
    /// There is no trained VAE.
    pub fn new(studio: Studio, seed: u64, vae_state: &Path, device: &Device) -> Result<Self> {
        let recipe = studio.recipe();
        let (mean, std, encoder) = latents(&studio, vae_state, device)?;
        let config = recipe.config(&mean, &std)?;
        let factors = Factors::new(&recipe, &studio.codebook);
        let statistics = LatentStatistics::new(&config.vae);
        Ok(Self { recipe, config, studio, factors, encoder, statistics, seed, next_sample: 0 })
    }

    /// Makes the embedding of codes of its factors.
    pub(super) fn give_tables(&self, parameters: &mut Parameters) {
        let width = self.config.transformer.width();
        let embedding = self.factors.table(parameters, "prior factors", self.recipe.codes(), width);
        parameters.give(PRIOR_EMBEDDING, embedding);
    }

    /// The squared error of the velocity in each lesson. All crops have `side` cells.
    ///
    /// # Shapes
    /// - output: `[lessons]`
    fn errors(
        &self,
        lessons: &[Lesson],
        side: usize,
        random: &mut Random,
        parameters: &mut Parameters,
    ) -> Result<Tensor<1>> {
        let device = parameters.device().clone();
        let cell = CELL as usize;
        let cut: Vec<(Drawing, [usize; 2])> =
            lessons.iter().map(|lesson| (lesson.drawing.clone(), lesson.place.map(|at| at * cell))).collect();
        let pixels = vae::crops(&cut, side * cell, &device);
        let clean = self.statistics.normalise(self.encoder.forward(pixels));

        self.give_tables(parameters);
        let transformer = block_on(weight_mapping::transformer(parameters, &self.config.transformer))?;
        let glyph_encoder = block_on(weight_mapping::glyph_encoder(parameters, &self.config.glyph_encoder))?;

        let mut glyphs = Vec::with_capacity(lessons.len());
        for lesson in lessons {
            let texts =
                if lesson.with_glyphs { glyph_texts(&lesson.drawing.sample.prompt) } else { Vec::new() };
            glyphs.push(glyph_encoder.forward(&glyph_tokens(&texts), &device));
        }
        let longest = glyphs.iter().map(|glyph| glyph.dims()[1]).max().unwrap_or(1);
        let glyphs =
            glyphs.into_iter().map(|glyph| atelier::glyph_encoder::pad_left(glyph, longest)).collect();

        let mut ids = Vec::new();
        for lesson in lessons {
            let columns = SIDE as usize / cell;
            let [top, left] = lesson.place;
            let cells: Vec<u32> = (top..top + side)
                .flat_map(|row| lesson.drawing.codes[row * columns + left..][..side].iter().copied())
                .collect();
            ids.extend(upsample_codes(&cells, Grid { rows: side, columns: side }));
        }
        let drop: Vec<bool> = lessons.iter().map(|lesson| !lesson.with_prior).collect();
        let frames: Vec<PictureFrame> = lessons
            .iter()
            .map(|lesson| PictureFrame { target_size: lesson.size.map(|side| side as f32), crop: [0.0; 2] })
            .collect();
        let patches = side * cell / PATCH_PIXELS;
        let guides = ConditioningInputs {
            glyphs: Some(Tensor::cat(glyphs, 0)),
            prior_ids: &ids,
            drop_prior: &drop,
            patches: [patches; 2],
            frames: &frames,
        };
        let conditions = transformer.conditions(guides);

        let noise = vae::normal(clean.dims(), random, &device);
        let sigmas: Vec<f32> = lessons.iter().map(|lesson| self.sigma(lesson)).collect();
        let sigma = Tensor::<1>::from_floats(sigmas.as_slice(), &device).reshape([lessons.len(), 1, 1, 1]);
        let noisy = clean.clone() + (noise.clone() - clean.clone()) * sigma;
        // The painter hears the unshifted time, less one (specification, section 8).
        let times: Vec<f32> = lessons.iter().map(|lesson| lesson.time * 1000.0 - 1.0).collect();
        let velocity = transformer.forward(noisy, &times, &conditions, None);
        let [count, channels, height, width] = velocity.dims();
        let square = (velocity - (noise - clean)).square();
        Ok(square.reshape([count, channels * height * width]).mean_dim(1).reshape([count]))
    }

    /// Where to crop: mostly around a letter. The most of a picture is ground, which is soon learned.
    fn place(&self, drawing: &Drawing, side: usize, random: &mut Random) -> [usize; 2] {
        let columns = SIDE as usize / CELL as usize;
        let letter = |code: u32| matches!(self.studio.codebook.codes()[code as usize], Code::Letter { .. });
        let letters: Vec<usize> =
            (0..drawing.codes.len()).filter(|cell| letter(drawing.codes[*cell])).collect();
        let last = columns - side;
        if letters.is_empty() || !random.chance(LETTERS) {
            return [(); 2].map(|()| random.below(last + 1));
        }
        let cell = random.pick(&letters);
        [cell / columns, cell % columns].map(|at| at.saturating_sub(random.below(side)).min(last))
    }

    /// The share of noise at a lesson's time: shifted by its size, as the scheduler does.
    fn sigma(&self, lesson: &Lesson) -> f32 {
        let scheduler = &self.config.scheduler;
        let length = lesson.size.iter().map(|side| side / PATCH_PIXELS).product::<usize>() as f64;
        let shift = scheduler.max_shift * (length / scheduler.base_image_seq_len as f64).sqrt()
            + scheduler.base_shift;
        (shift / (shift + 1.0 / f64::from(lesson.time) - 1.0)) as f32
    }
}

/// Mean and standard deviation of each latent channel, and the encoder they were measured with.
pub fn latents(studio: &Studio, state: &Path, device: &Device) -> Result<(Vec<f32>, Vec<f32>, Encoder)> {
    if !state.is_file() {
        return Err(TrainError::Missing { path: state.to_owned(), stage: "vae" });
    }
    let task = VaeTask::new(studio.clone(), 0)?;
    let mut parameters = Parameters::new(device, 0, task.policy());
    parameters.load(state)?;
    parameters.use_average();
    let config = studio.recipe().config(&[0.0; 16], &[1.0; 16])?.vae;
    let (encoder, _) = vae::build(&config, &mut parameters)?;
    let side = SIDE as usize / 2;
    let (mut sum, mut square) =
        (vec![0.0_f64; config.latent_channels], vec![0.0_f64; config.latent_channels]);
    let mut count = 0.0;
    for index in 0..24 {
        let drawing = studio.draw(1, index, &vae::curriculum())?;
        let place = [side * (index as usize % 2), side * (index as usize / 2 % 2)];
        let pixels = vae::crops(&[(drawing, place)], side, device);
        let latents = encoder.forward(pixels);
        let [_, channels, height, width] = latents.dims();
        let values = files::values(latents)?;
        for (channel, values) in values.chunks(height * width).enumerate().take(channels) {
            sum[channel] += values.iter().map(|&v| f64::from(v)).sum::<f64>();
            square[channel] += values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        }
        count += (height * width) as f64;
    }
    let mean: Vec<f32> = sum.iter().map(|sum| (sum / count) as f32).collect();
    let std =
        square.iter().zip(&mean).map(|(s, &m)| (s / count - f64::from(m).powi(2)).max(1e-6).sqrt() as f32);
    let std = std.collect();
    Ok((mean, std, encoder))
}

impl Task for PainterTask {
    fn name(&self) -> &'static str {
        "painter"
    }

    fn policy(&self) -> Policy {
        |name, shape| match name {
            "prior factors" => (Initial::Normal { std: 0.6 }, Method::AdamW),
            "shared.weight" => (Initial::Normal { std: 1.0 }, Method::AdamW),
            _ if name.starts_with("proj_out") => (Initial::Constant(0.0), Method::AdamW),
            _ if name.contains("relative_attention_bias") => (Initial::Normal { std: 0.1 }, Method::AdamW),
            _ if name.contains("norm1.linear.weight") || name.contains("norm_out.linear.weight") => {
                (Initial::Normal { std: 0.02 }, Method::AdamW)
            }
            _ if shape.len() == 1 => {
                (Initial::Constant(if name.ends_with("bias") { 0.0 } else { 1.0 }), Method::AdamW)
            }
            _ => {
                let ends = name.contains("image_projector") || name.contains("embedder");
                let method = if ends { Method::AdamW } else { Method::Muon };
                (Initial::Normal { std: 1.0 / (shape[1] as f32).sqrt() }, method)
            }
        }
    }

    fn steps(&self) -> u64 {
        7_200
    }

    fn rate(&self) -> f64 {
        4e-3
    }

    fn seen(&self) -> u64 {
        self.next_sample
    }

    fn resume(&mut self, seen: u64) {
        self.next_sample = seen;
    }

    fn loss(&mut self, progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>> {
        let [count, side] =
            if progress.share() < SMALL || progress.step % 2 == 0 { CROPS } else { LARGE_CROPS };
        let mut random = Random::new(self.seed ^ 0xa127, progress.step);
        let curriculum = Curriculum { geometry: Geometry::column(), any_rows: 0.5, ..Curriculum::full() };
        let mut lessons = Vec::with_capacity(count);
        for _ in 0..count {
            let drawing = self.studio.draw(self.seed, self.next_sample, &curriculum)?;
            self.next_sample += 1;
            let place = self.place(&drawing, side, &mut random);
            let (dropped, without_glyphs) = (random.chance(DROP_ALL), random.chance(DROP_GLYPHS));
            let size = if random.chance(0.7) {
                [SIDE as usize; 2]
            } else {
                [(); 2].map(|()| 256 + 32 * random.below(25))
            };
            lessons.push(Lesson {
                drawing,
                place,
                with_glyphs: !(dropped || without_glyphs),
                with_prior: !dropped,
                time: (1.0 + random.below(1000) as f32) / 1000.0,
                size,
            });
        }
        Ok(self.errors(&lessons, side, &mut random, parameters)?.mean())
    }

    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures> {
        let curriculum = Curriculum { geometry: Geometry::column(), ..Curriculum::like_development() };
        let side = 8;
        let mut sums = [0.0_f64; 3];
        for (third, sum) in sums.iter_mut().enumerate() {
            let mut random = Random::new(u64::MAX, third as u64);
            for index in 0..CHECK_SAMPLES / 8 {
                let mut lessons = Vec::new();
                for member in 0..8 {
                    let drawing = self.studio.draw(u64::MAX, 8 * index + member, &curriculum)?;
                    let time = [0.1, 0.5, 0.9][third];
                    let place = [4 * (member as usize % 3), 4 * (member as usize / 3)];
                    let size = [SIDE as usize; 2];
                    lessons.push(Lesson { drawing, place, with_glyphs: true, with_prior: true, time, size });
                }
                let errors = self.errors(&lessons, side, &mut random, parameters)?;
                *sum += f64::from(files::scalar(errors.sum())?) / CHECK_SAMPLES as f64;
            }
        }
        Ok(vec![("error_time_0.1", sums[0]), ("error_time_0.5", sums[1]), ("error_time_0.9", sums[2])])
    }
}
