//! The painter's loop: from noise to latents, one step after another.

use burn::tensor::{Device, Tensor, TensorData};

use super::request::{Latents, PaintOptions};
use super::sources::{EncodedSource, Sources};
use crate::blueprint::{Blueprint, SourceRecord};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::glyph_encoder::{GlyphEncoder, pad_left};
use crate::progress::{Event, Run};
use crate::prompt::{glyph_texts, glyph_tokens, upsample_codes};
use crate::scheduler::FlowMatchEuler;
use crate::trace::{Trace, read_floats};
use crate::transformer::{Conditions, PictureFrame, SourceCache, Transformer};

/// Pixels along a side that one latent cell stands for.
pub(super) const LATENT_PIXELS: usize = 8;
/// Pixels along a side that one patch of the painter stands for.
const PATCH_PIXELS: usize = 16;

/// The models that paint.
#[derive(Debug)]
pub(super) struct PainterModels {
    pub glyph_encoder: GlyphEncoder,
    pub transformer: Transformer,
    /// The source images' keys and values, shared by all pictures of a run.
    pub source_cache: Option<(Vec<SourceRecord>, SourceCache)>,
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

/// Paints one picture from `noise`, `[channels, height / 8, width / 8]` values.
pub(super) async fn paint(
    blueprint: &Blueprint,
    options: &PaintOptions,
    noise: &[f32],
    sources: &Sources,
    models: &mut PainterModels,
    checkpoint: &Checkpoint,
    device: &Device,
    index: ImageIndex,
    run: &mut Run<'_>,
) -> Result<Latents> {
    let schedule = schedule(options.steps, blueprint.width, blueprint.height, checkpoint)?;
    let channels = checkpoint.config().vae.latent_channels;
    let (height, width) = (blueprint.height / LATENT_PIXELS, blueprint.width / LATENT_PIXELS);
    let mut latents = Tensor::<4>::from_data(TensorData::new(noise.to_vec(), [1, channels, height, width]), device);
    run.trace.stacked_tensor("noise", 0, &latents);

    let source_cache = source_cache(sources, models, device, &mut run.trace);
    let with_prompt = conditions(Branch::Conditional, blueprint, options, models, device, &mut run.trace);
    let guided = options.guidance > 1.0;
    let without_prompt =
        guided.then(|| conditions(Branch::Unconditional, blueprint, options, models, device, &mut run.trace));

    let mut steps_trace = StepsTrace::default();
    for step in 0..options.steps {
        let timestep = schedule.painter_timestep(step);
        let velocity = |conditions: &Conditions, sources| {
            models.transformer.forward(latents.clone(), timestep, conditions, sources, &mut Trace::disabled())
        };
        let conditional = velocity(&with_prompt, source_cache.as_ref());
        steps_trace.keep(run, "v_cond_steps", &conditional);
        // The unconditional branch sees neither the blueprint, nor the glyphs, nor the source images.
        let v = match &without_prompt {
            Some(conditions) => {
                let unconditional = velocity(conditions, None);
                steps_trace.keep(run, "v_uncond_steps", &unconditional);
                unconditional.clone() + (conditional - unconditional).mul_scalar(options.guidance)
            }
            None => conditional,
        };
        latents = latents + v.mul_scalar(schedule.step(step));
        steps_trace.keep(run, "latents_steps", &latents);
        // One value is read back so that the step is really over when it is reported.
        read_floats(latents.clone().reshape([-1]).narrow(0, 0, 1)).await?;
        let ImageIndex { image, images } = index;
        run.emit(Event::Step { image, images, step: step + 1, steps: options.steps })?;
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

fn conditions(
    branch: Branch,
    blueprint: &Blueprint,
    options: &PaintOptions,
    models: &PainterModels,
    device: &Device,
    trace: &mut Trace,
) -> Conditions {
    let conditional = branch == Branch::Conditional;
    let texts = if conditional { glyph_texts(&blueprint.prompt) } else { Vec::new() };
    let tokens = glyph_tokens(&texts);
    let mut glyphs = models.glyph_encoder.forward(&tokens, device, &mut Trace::disabled());
    if conditional {
        glyphs = pad_left(glyphs, options.glyph_tokens.unwrap_or(0));
        trace.stacked_tensor("glyph_embeds", 0, &glyphs);
    }
    let large = &blueprint.large;
    let prior_ids = upsample_codes(&large.ids, large.grid());
    let patches = [blueprint.height / PATCH_PIXELS, blueprint.width / PATCH_PIXELS];
    let frame =
        PictureFrame { target_size: [blueprint.height as f32, blueprint.width as f32], crop: [0.0, 0.0] };
    models.transformer.conditions(
        Some(glyphs),
        &prior_ids,
        !conditional,
        patches,
        frame,
        device,
        &mut Trace::disabled(),
    )
}

/// Keys and values of all source images, computed once for as long as they stay the same.
fn source_cache(
    sources: &Sources,
    models: &mut PainterModels,
    device: &Device,
    trace: &mut Trace,
) -> Option<SourceCache> {
    if sources.images.is_empty() {
        return None;
    }
    let records = sources.records();
    if let Some((cached, cache)) = &models.source_cache
        && *cached == records
    {
        return Some(cache.clone());
    }
    let transformer = &models.transformer;
    let caches = sources.images.iter().map(|source| source_keys(source, transformer, device)).collect();
    let cache = SourceCache::concatenate(caches);
    for (layer, (keys, values)) in cache.blocks.iter().enumerate() {
        trace.tensor(&format!("kv_k_layer{layer}"), &keys.clone().swap_dims(1, 2));
        trace.tensor(&format!("kv_v_layer{layer}"), &values.clone().swap_dims(1, 2));
    }
    models.source_cache = Some((records, cache.clone()));
    Some(cache)
}

fn source_keys(source: &EncodedSource, transformer: &Transformer, device: &Device) -> SourceCache {
    let Latents { channels, height, width, values } = &source.latents;
    let (height, width) = (*height, *width);
    let latents = TensorData::new(values.clone(), [1, *channels, height, width]);
    let frame = PictureFrame {
        target_size: [(height * LATENT_PIXELS) as f32, (width * LATENT_PIXELS) as f32],
        crop: [0.0, 0.0],
    };
    let prior_ids = upsample_codes(&source.codes, source.grid);
    let patches = [height / 2, width / 2];
    let conditions =
        transformer.conditions(None, &prior_ids, false, patches, frame, device, &mut Trace::disabled());
    transformer.source_cache(Tensor::from_data(latents, device), &conditions)
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
