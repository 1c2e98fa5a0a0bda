//! The painter's loop: from noise to latents, one step after another.

use burn::tensor::{Device, Tensor, TensorData};

use super::request::PaintOptions;
use super::sources::{EncodedSource, Sources};
use crate::blueprint::{Blueprint, SourceRecord};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::geometry::{LATENT_PIXELS, PATCH_PIXELS};
use crate::glyph_encoder::{GlyphEncoder, pad_left};
use crate::latents::{ImageIndex, Latents};
use crate::loader::Loader;
use crate::pace::Paced;
use crate::preview::Preview;
use crate::prior::CachePrecision;
use crate::progress::{Event, Observer};
use crate::prompt::{glyph_tokens, upsample_codes};
use crate::readback::read_floats;
use crate::scheduler;
use crate::trace;
use crate::transformer::{Conditioning, ConditioningInputs, PictureFrame, SourceCache, Transformer};

/// The models that paint.
#[derive(Debug)]
pub(super) struct PainterModels {
    pub glyph_encoder: GlyphEncoder,
    pub transformer: Transformer,
    /// The source images' keys and values, shared by all pictures of a run.
    pub source_cache: Option<((Vec<SourceRecord>, CachePrecision), SourceCache)>,
}

impl PainterModels {
    /// Their weights.
    pub async fn load(loader: &mut Loader<'_, '_>) -> Result<Self> {
        let glyph_encoder = loader.load().await?;
        Ok(Self { glyph_encoder, transformer: loader.load().await?, source_cache: None })
    }
}

/// One picture to be painted.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaintJob<'a> {
    pub blueprint: &'a Blueprint,
    /// The prompt's quoted texts.
    pub texts: &'a [String],
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
    observer: &mut Observer<'_>,
) -> Result<Latents> {
    let PaintJob { blueprint, options, .. } = job;
    let config = checkpoint.config();
    let mut scheduler =
        scheduler::for_picture(&config.scheduler, options.steps, blueprint.width, blueprint.height)?;
    let channels = config.vae.latent_channels;
    let (height, width) = (blueprint.height / LATENT_PIXELS, blueprint.width / LATENT_PIXELS);
    let noise = TensorData::new(job.noise.to_vec(), [1, channels, height, width]);
    let mut latents = Tensor::<4>::from_data(noise, device);
    trace::record("noise", || latents.clone());

    let mut pace = Paced::new(device, observer);
    let source_cache = models.source_cache(job.sources, job.cache, device, &mut pace).await?;
    let with_prompt = models.conditions(Branch::Conditional, job, device);
    let guided = options.guidance > 1.0;
    let without_prompt = guided.then(|| models.conditions(Branch::Unconditional, job, device));

    let mut values = job.noise.to_vec();
    let mut steps_trace = StepsTrace::default();
    for step in 0..scheduler.steps() {
        let timestep = scheduler.timestep(step);
        let mut velocity = async |branch: Branch, conditions: &Conditioning, sources| {
            let (latents, times) = (latents.clone(), [timestep]);
            let velocity = models.transformer.forward_paced(latents, &times, conditions, sources, &mut pace);
            // What happens inside is traced once: in the first step of the first picture.
            trace::prefixed_if_async(step == 0 && job.index.image == 0, branch.prefix(), velocity).await
        };
        let conditional = velocity(Branch::Conditional, &with_prompt, source_cache.as_ref()).await?;
        // The unconditional branch sees neither the blueprint, nor the glyphs, nor the source images.
        let unconditional = match &without_prompt {
            Some(conditions) => Some(velocity(Branch::Unconditional, conditions, None).await?),
            None => None,
        };
        steps_trace.keep("v_cond_steps", &conditional);
        let v = match unconditional {
            Some(unconditional) => {
                steps_trace.keep("v_uncond_steps", &unconditional);
                unconditional.clone() + (conditional - unconditional).mul_scalar(options.guidance)
            }
            None => conditional,
        };
        let before = latents.clone();
        latents = scheduler.step(step, latents, &v);
        steps_trace.keep("latents_steps", &latents);
        // Read back so that the step is really over when it is reported, and whole, since any of it may be broken.
        values = read_floats(latents.clone()).await?;
        pace.caught_up();
        if !values.iter().all(|value| value.is_finite()) {
            let once_more = || {
                let branches = [Branch::Conditional, Branch::Unconditional];
                for branch in branches.into_iter().take(if guided { 2 } else { 1 }) {
                    let conditions = models.conditions(branch, job, device);
                    let sources = source_cache.as_ref().filter(|_| branch == Branch::Conditional);
                    trace::prefixed(branch.prefix(), || {
                        models.transformer.forward(before.clone(), &[timestep], &conditions, sources)
                    });
                }
            };
            let place = trace::first_not_finite(once_more).await?;
            let stage = format!("the painter, step {} of {}", step + 1, scheduler.steps());
            return Err(Error::not_finite(stage, place.as_deref()));
        }
        let preview = match job.preview.filter(|_| pace.observer().previews) {
            Some(preview) => {
                let estimate = scheduler.estimate(step, &latents, v);
                preview.picture(&Latents { channels, height, width, values: read_floats(estimate).await? })
            }
            None => None,
        };
        let ImageIndex { image, images } = job.index;
        pace.emit(Event::Step { image, images, step: step + 1, steps: scheduler.steps(), preview }).await?;
    }
    steps_trace.record();
    Ok(Latents { channels, height, width, values })
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
    fn conditions(&self, branch: Branch, job: PaintJob<'_>, device: &Device) -> Conditioning {
        let PaintJob { blueprint, options, .. } = job;
        let conditional = branch == Branch::Conditional;
        let texts = if conditional { job.texts } else { &[] };
        let first = job.index.image == 0;
        let mut glyphs = trace::prefixed_if(first && conditional, "glyph.", || {
            self.glyph_encoder.forward(&glyph_tokens(texts), device)
        });
        if conditional {
            glyphs = pad_left(glyphs, options.glyph_tokens.unwrap_or(0));
            trace::record("glyph_embeds", || glyphs.clone());
        }
        let guides = ConditioningInputs {
            glyphs: Some(glyphs),
            prior_ids: &upsample_codes(&blueprint.large.ids, blueprint.large.grid()),
            drop_prior: &[!conditional],
            patches: [blueprint.height / PATCH_PIXELS, blueprint.width / PATCH_PIXELS],
            frames: &[frame(blueprint.height, blueprint.width)],
        };
        trace::prefixed_if(first, branch.prefix(), || self.transformer.conditions(guides))
    }

    /// Keys and values of all source images, computed once for as long as they stay the same.
    async fn source_cache(
        &mut self,
        sources: &Sources,
        precision: CachePrecision,
        device: &Device,
        pace: &mut Paced<'_, '_>,
    ) -> Result<Option<SourceCache>> {
        if sources.images.is_empty() {
            return Ok(None);
        }
        let made_of = (sources.records(), precision);
        if let Some((cached, cache)) = &self.source_cache
            && *cached == made_of
        {
            return Ok(Some(cache.clone()));
        }
        let mut caches = Vec::new();
        for source in &sources.images {
            let keys = self.source_keys(source, precision, device, pace);
            caches.push(trace::prefixed_if_async(false, "", keys).await?);
        }
        let cache = SourceCache::join(caches);
        for (layer, block) in cache.blocks.iter().enumerate() {
            trace::record(format_args!("kv_k_layer{layer}"), || block.before(None).0.swap_dims(1, 2));
            trace::record(format_args!("kv_v_layer{layer}"), || block.before(None).1.swap_dims(1, 2));
        }
        self.source_cache = Some((made_of, cache.clone()));
        Ok(Some(cache))
    }

    async fn source_keys(
        &self,
        source: &EncodedSource,
        precision: CachePrecision,
        device: &Device,
        pace: &mut Paced<'_, '_>,
    ) -> Result<SourceCache> {
        let Latents { channels, height, width, ref values } = source.latents;
        let latents = TensorData::new(values.clone(), [1, channels, height, width]);
        let guides = ConditioningInputs {
            glyphs: None,
            prior_ids: &upsample_codes(&source.codes, source.grid),
            drop_prior: &[false],
            patches: [height * LATENT_PIXELS / PATCH_PIXELS, width * LATENT_PIXELS / PATCH_PIXELS],
            frames: &[frame(height * LATENT_PIXELS, width * LATENT_PIXELS)],
        };
        let conditions = self.transformer.conditions(guides);
        let latents = Tensor::from_data(latents, device);
        self.transformer.source_cache(latents, &conditions, precision, pace).await
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
    fn keep(&mut self, name: &'static str, tensor: &Tensor<4>) {
        if !trace::is_recording() {
            return;
        }
        match self.kept.iter_mut().find(|(kept, _)| *kept == name) {
            Some((_, tensors)) => tensors.push(tensor.clone()),
            None => self.kept.push((name, vec![tensor.clone()])),
        }
    }

    fn record(self) {
        for (name, tensors) in self.kept {
            trace::record_along(1, name, || Tensor::stack::<5>(tensors, 0));
        }
    }
}
