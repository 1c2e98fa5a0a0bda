//! The painter's loop: from noise to latents, one step after another.

use burn::tensor::{Device, Tensor, TensorData};

use super::request::{Latents, PaintOptions};
use super::sources::{EncodedSource, Sources};
use crate::blueprint::{Blueprint, SourceRecord};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::geometry::{LATENT_PIXELS, PATCH_PIXELS};
use crate::glyph_encoder::{GlyphEncoder, pad_left};
use crate::preview::Preview;
use crate::prior::CachePrecision;
use crate::progress::{Event, Run};
use crate::prompt::{glyph_texts, glyph_tokens, upsample_codes};
use crate::scheduler::FlowMatchEuler;
use crate::trace::{Trace, read_floats};
use crate::transformer::{Conditioning, ConditioningInputs, PictureFrame, SourceCache, Transformer};

/// The models that paint.
#[derive(Debug)]
pub(super) struct PainterModels {
    pub glyph_encoder: GlyphEncoder,
    pub transformer: Transformer,
    /// The source images' keys and values, shared by all pictures of a run.
    pub source_cache: Option<((Vec<SourceRecord>, CachePrecision), SourceCache)>,
}

/// Which picture of the run it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ImageIndex {
    pub image: usize,
    pub images: usize,
}

/// Glyph tokens of a prompt, before any padding.
pub(super) fn glyph_token_count(prompt: &str) -> usize {
    glyph_tokens(&glyph_texts(prompt)).rows.iter().map(Vec::len).sum()
}

/// The schedule of a picture.
pub(super) fn schedule(
    steps: usize,
    width: usize,
    height: usize,
    checkpoint: &Checkpoint,
) -> Result<FlowMatchEuler> {
    let c = &checkpoint.config().scheduler;
    FlowMatchEuler::new(
        c.base_shift,
        c.max_shift,
        c.base_image_seq_len,
        c.num_train_timesteps,
        steps,
        width,
        height,
    )
}

/// One picture to be painted.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaintJob<'a> {
    pub blueprint: &'a Blueprint,
    pub options: &'a PaintOptions,
    /// `[channels, height / 8, width / 8]` values.
    pub noise: &'a [f32],
    pub sources: &'a Sources,
    pub index: ImageIndex,
    pub preview: Option<&'a Preview>,
    /// Of what is kept of the source images.
    pub cache: CachePrecision,
}

/// Paints one picture.
pub(super) async fn paint(
    job: PaintJob<'_>,
    models: &mut PainterModels,
    checkpoint: &Checkpoint,
    device: &Device,
    run: &mut Run<'_>,
) -> Result<Latents> {
    let PaintJob { blueprint, options, .. } = job;
    let schedule = schedule(options.steps, blueprint.width, blueprint.height, checkpoint)?;
    let channels = checkpoint.config().vae.latent_channels;
    let (height, width) = (blueprint.height / LATENT_PIXELS, blueprint.width / LATENT_PIXELS);
    let noise = TensorData::new(job.noise.to_vec(), [1, channels, height, width]);
    let mut latents = Tensor::<4>::from_data(noise, device);
    run.trace.stacked_tensor("noise", 0, &latents);

    let source_cache = models.source_cache(job.sources, job.cache, device, &mut run.trace);
    let with_prompt = models.conditions(Branch::Conditional, job, device, &mut run.trace);
    let guided = options.guidance > 1.0;
    let without_prompt =
        guided.then(|| models.conditions(Branch::Unconditional, job, device, &mut run.trace));

    let mut steps_trace = StepsTrace::default();
    for step in 0..options.steps {
        let timestep = schedule.painter_timestep(step);
        let mut velocity = |branch: Branch, conditions: &Conditioning, sources| {
            // What happens inside is traced once: in the first step of the first picture.
            run.trace.scoped_if(step == 0 && job.index.image == 0, branch.prefix(), |trace| {
                models.transformer.forward(latents.clone(), &[timestep], conditions, sources, trace)
            })
        };
        let conditional = velocity(Branch::Conditional, &with_prompt, source_cache.as_ref());
        // The unconditional branch sees neither the blueprint, nor the glyphs, nor the source images.
        let unconditional =
            without_prompt.as_ref().map(|conditions| velocity(Branch::Unconditional, conditions, None));
        steps_trace.keep(run, "v_cond_steps", &conditional);
        let v = match unconditional {
            Some(unconditional) => {
                steps_trace.keep(run, "v_uncond_steps", &unconditional);
                unconditional.clone() + (conditional - unconditional).mul_scalar(options.guidance)
            }
            None => conditional,
        };
        latents = latents + v.clone().mul_scalar(schedule.step(step));
        steps_trace.keep(run, "latents_steps", &latents);
        let preview = match job.preview.filter(|_| run.previews) {
            Some(preview) => {
                // Where the velocity leads when all noise is taken away at once.
                let estimate = latents.clone() - v.mul_scalar(schedule.sigmas[step + 1]);
                preview.picture(&Latents { channels, height, width, values: read_floats(estimate).await? })
            }
            None => {
                // One value is read back so that the step is really over when it is reported.
                read_floats(latents.clone().reshape([-1]).narrow(0, 0, 1)).await?;
                None
            }
        };
        let ImageIndex { image, images } = job.index;
        run.emit(Event::Step { image, images, step: step + 1, steps: options.steps, preview })?;
    }
    steps_trace.record(run);
    Ok(Latents { channels, height, width, values: read_floats(latents).await? })
}

/// The two sides of guidance.
#[derive(Clone, Copy, PartialEq)]
enum Branch {
    Conditional,
    Unconditional,
}

impl Branch {
    /// Names the branch in a trace as the reference names its files.
    fn prefix(self) -> &'static str {
        match self {
            Self::Conditional => "dit_cond.",
            Self::Unconditional => "dit_uncond.",
        }
    }
}

impl PainterModels {
    fn conditions(
        &self,
        branch: Branch,
        job: PaintJob<'_>,
        device: &Device,
        trace: &mut Trace,
    ) -> Conditioning {
        let PaintJob { blueprint, options, .. } = job;
        let conditional = branch == Branch::Conditional;
        let texts = if conditional { glyph_texts(&blueprint.prompt) } else { Vec::new() };
        let first = job.index.image == 0;
        let mut glyphs = trace.scoped_if(first && conditional, "glyph.", |trace| {
            self.glyph_encoder.forward(&glyph_tokens(&texts), device, trace)
        });
        if conditional {
            glyphs = pad_left(glyphs, options.glyph_tokens.unwrap_or(0));
            trace.stacked_tensor("glyph_embeds", 0, &glyphs);
        }
        let guides = ConditioningInputs {
            glyphs: Some(glyphs),
            prior_ids: &upsample_codes(&blueprint.large.ids, blueprint.large.grid()),
            drop_prior: &[!conditional],
            patches: [blueprint.height / PATCH_PIXELS, blueprint.width / PATCH_PIXELS],
            frames: &[frame(blueprint.height, blueprint.width)],
        };
        trace.scoped_if(first, branch.prefix(), |trace| self.transformer.conditions(guides, trace))
    }

    /// Keys and values of all source images, computed once for as long as they stay the same.
    fn source_cache(
        &mut self,
        sources: &Sources,
        precision: CachePrecision,
        device: &Device,
        trace: &mut Trace,
    ) -> Option<SourceCache> {
        if sources.images.is_empty() {
            return None;
        }
        let made_of = (sources.records(), precision);
        if let Some((cached, cache)) = &self.source_cache
            && *cached == made_of
        {
            return Some(cache.clone());
        }
        let caches =
            sources.images.iter().map(|source| self.source_keys(source, precision, device)).collect();
        let cache = SourceCache::join(caches);
        let traced = if trace.is_enabled() { &cache.blocks[..] } else { &[] };
        for (layer, block) in traced.iter().enumerate() {
            let (keys, values) = block.before(None);
            trace.tensor(&format!("kv_k_layer{layer}"), &keys.swap_dims(1, 2));
            trace.tensor(&format!("kv_v_layer{layer}"), &values.swap_dims(1, 2));
        }
        self.source_cache = Some((made_of, cache.clone()));
        Some(cache)
    }

    fn source_keys(&self, source: &EncodedSource, precision: CachePrecision, device: &Device) -> SourceCache {
        let Latents { channels, height, width, ref values } = source.latents;
        let latents = TensorData::new(values.clone(), [1, channels, height, width]);
        let guides = ConditioningInputs {
            glyphs: None,
            prior_ids: &upsample_codes(&source.codes, source.grid),
            drop_prior: &[false],
            patches: [height * LATENT_PIXELS / PATCH_PIXELS, width * LATENT_PIXELS / PATCH_PIXELS],
            frames: &[frame(height * LATENT_PIXELS, width * LATENT_PIXELS)],
        };
        let conditions = self.transformer.conditions(guides, &mut Trace::disabled());
        self.transformer.source_cache(Tensor::from_data(latents, device), &conditions, precision)
    }
}

/// A whole picture, uncropped; sides in pixels.
fn frame(height: usize, width: usize) -> PictureFrame {
    PictureFrame { target_size: [height as f32, width as f32], crop: [0.0, 0.0] }
}

/// The tensors of every step, stacked as `[steps, images, …]`.
#[derive(Default)]
struct StepsTrace {
    kept: Vec<(&'static str, Vec<Tensor<4>>)>,
}

impl StepsTrace {
    fn keep(&mut self, run: &Run<'_>, name: &'static str, tensor: &Tensor<4>) {
        if !run.trace.is_enabled() {
            return;
        }
        match self.kept.iter_mut().find(|(kept, _)| *kept == name) {
            Some((_, tensors)) => tensors.push(tensor.clone()),
            None => self.kept.push((name, vec![tensor.clone()])),
        }
    }

    fn record(self, run: &mut Run<'_>) {
        for (name, tensors) in self.kept {
            run.trace.stacked_tensor(name, 1, &Tensor::stack::<5>(tensors, 0));
        }
    }
}
