//! From prompt to pixels. The steps are numbered in [`Pipeline::generate`].

mod architect;
mod decoder;
mod painter;
mod request;
mod resident;
mod sources;

pub use request::{
    ArchitectOptions, DEFAULT_GUIDANCE, DEFAULT_STEPS, Latents, Noise, PaintOptions, Picture, Request,
    default_sampling,
};
pub use sources::Sources;

use std::rc::Rc;
use std::sync::Arc;

use atelier_weights::{ByteSource, Policy, Scheme};
use burn::tensor::Device;

use crate::blueprint::Blueprint;
use crate::calibration::Calibration;
use crate::checkpoint::Checkpoint;
use crate::device;
use crate::error::{Error, Result};
use crate::geometry::LATENT_PIXELS;
use crate::image::RgbImage;
use crate::packing;
use crate::plan::{self, MOST_BUFFER, MemoryPlan, Part, PlanRequest};
use crate::preview::Preview;
use crate::prior::CachePrecision;
use crate::progress::{Run, Stage};
use crate::prompt::{check_size, glyph_texts};
use crate::rng::{Rng, Stream};
use architect::{PromptIndex, WriteJob};
use painter::{ImageIndex, PaintJob};
use resident::Resident;

/// A checkpoint on a device.
///
/// The stages live on the device one after another: asking for the next one frees the one before, so the peak is the
/// largest stage and never the sum. Asking for the same stage again costs nothing. Only a run of several pictures keeps
/// painter and decoder together, where the peak stays the same.
///
/// Futures of this type are not `Send`: in a browser nothing is. Natively, drive them with any `block_on`.
pub struct Pipeline {
    checkpoint: Checkpoint,
    device: Device,
    resident: Resident,
    memory_budget: Option<u64>,
    caches: Caches,
    preview: Option<Preview>,
}

/// What stages keep keys and values in.
#[derive(Debug, Clone, Copy, Default)]
struct Caches {
    architect: CachePrecision,
    painter: CachePrecision,
}

impl Pipeline {
    /// Opens a checkpoint folder and checks it as a whole; weights are read later, stage by stage.
    ///
    /// # Errors
    /// A file of the checkpoint is missing, malformed or contradicts another.
    pub async fn load(source: Arc<dyn ByteSource>, device: Device) -> Result<Self> {
        let checkpoint = Checkpoint::open(source).await?;
        let preview = Preview::of(&checkpoint.config().vae);
        Ok(Self {
            checkpoint,
            device,
            resident: Resident::default(),
            memory_budget: None,
            caches: Caches::default(),
            preview,
        })
    }

    /// The bytes that the device may give, if the caller knows: where a whole picture is too much for them the decoder
    /// works in bands. [`crate::plan`] says beforehand what every stage needs.
    pub fn set_memory_budget(&mut self, budget: Option<u64>) {
        self.memory_budget = budget;
    }

    /// What a stage keeps keys and values in: the architect those of all tokens, the painter those of source images.
    /// [`crate::plan`] says what would fit.
    pub fn set_cache_precision(&mut self, stage: Stage, precision: CachePrecision) {
        match stage {
            Stage::Architect => self.caches.architect = precision,
            Stage::Painter => self.caches.painter = precision,
            // The others keep none.
            Stage::Sources | Stage::Decoder => {}
        }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Has everything that runs from now on measure what goes into its matrices. Slow: every layer waits for the device.
    pub fn calibrate(&mut self) -> Calibration {
        self.release();
        self.checkpoint.calibrate()
    }

    /// A text-to-image request with the checkpoint's own defaults.
    pub fn request(&self, prompt: impl Into<String>) -> Request {
        Request::new(prompt, &self.checkpoint)
    }

    /// The whole run: prompts to pictures.
    ///
    /// # Errors
    /// The request is out of range, a weight cannot be read, the device fails, or the observer stops the run.
    pub async fn generate(&mut self, request: &Request, run: &mut Run<'_>) -> Result<Vec<Picture>> {
        // 1. Everything that can be refused is refused before anything is loaded.
        self.check(request)?;
        self.plan(request, self.memory_budget)?;
        // 2. Source images become codes and latents.
        let sources = self.sources(&request.sources, run).await?;
        // 3. The architect writes a blueprint for each prompt.
        let blueprints = self.blueprints(request, &sources, run).await?;
        // 4. The painter paints each blueprint as often as asked; 5. the decoder makes pictures of the latents.
        self.pictures(blueprints, request, &sources, run).await
    }

    /// Checks a request against the model: ranges, source images, prompt lengths, the shape of the noise.
    ///
    /// # Errors
    /// [`crate::Error::Request`] or [`crate::Error::SourceImage`] naming what is wrong.
    pub fn check(&self, request: &Request) -> Result<()> {
        request.validate()?;
        painter::schedule(request.steps, request.width, request.height, &self.checkpoint)?;
        let usable = sources::usable_sources(&request.sources, &self.checkpoint)?;
        let grids = sources::grids(&usable, &self.checkpoint)?;
        for (index, prompt) in request.prompts.iter().enumerate() {
            architect::encode(prompt, &grids, &request.architect_options(index), &self.checkpoint)?;
        }
        if let Some(noise) = &request.noise {
            noise.picture(0, self.noise_shape(request.images(), request.width, request.height))?;
        }
        Ok(())
    }

    /// What a request needs on the device, stage by stage, if `budget` is what it may give; nothing is loaded. A plan that
    /// does not fit the budget is returned like any other.
    ///
    /// # Errors
    /// [`Error::Buffer`] when one would be larger than the device takes, and as [`crate::plan::plan`].
    pub fn plan(&self, request: &Request, budget: Option<u64>) -> Result<MemoryPlan> {
        let plan = self.planned(request, (request.width, request.height), "", budget)?;
        match (plan.largest_buffer(), device::largest_buffer(&self.device)) {
            (Some(Part { what, bytes, .. }), Some(most)) if bytes > most => {
                Err(Error::Buffer { what, bytes, most })
            }
            _ => Ok(plan),
        }
    }

    /// What a picture of this size and of the request's longest prompt, at least `prompt`, needs.
    fn planned(
        &self,
        request: &Request,
        (width, height): (usize, usize),
        prompt: &str,
        budget: Option<u64>,
    ) -> Result<MemoryPlan> {
        let checkpoint = &self.checkpoint;
        let tensors = match checkpoint.manifest() {
            Some(manifest) => manifest.tensors.clone(),
            None => packing::plan(checkpoint.config(), &Policy::keep(), |_, _| Scheme::F32).tensors,
        };
        let longest = |count: &dyn Fn(&str) -> usize| {
            request.prompts.iter().map(String::as_str).chain([prompt]).map(count).max().unwrap_or(0)
        };
        // A byte is a token at most, and the words about sizes come on top.
        let size = |of: fn(&RgbImage) -> usize| request.sources.iter().map(of).max();
        let planned = PlanRequest {
            sources: request.sources.len(),
            source_size: size(|image| image.width).zip(size(|image| image.height)).map(Into::into),
            prompt_tokens: longest(&str::len) + 64,
            glyph_tokens: longest(&|prompt| glyph_texts(prompt).iter().map(|text| text.len() + 2).sum()),
            budget,
            most_buffer: self.most_buffer(),
            ..PlanRequest::new(width, height, checkpoint.is_pack())
        };
        plan::plan(checkpoint.config(), &tensors, &planned)
    }

    /// No buffer of activations is made larger where there is a choice.
    fn most_buffer(&self) -> u64 {
        device::largest_buffer(&self.device).map_or(MOST_BUFFER, |most| most.min(MOST_BUFFER))
    }

    /// Step 2: reads source images; without any, nothing is loaded.
    ///
    /// # Errors
    /// [`crate::Error::SourceImage`] for an image that cannot be used, and as [`Pipeline::generate`].
    pub async fn sources(&mut self, images: &[RgbImage], run: &mut Run<'_>) -> Result<Sources> {
        if images.is_empty() {
            return Ok(Sources::default());
        }
        let usable = sources::usable_sources(images, &self.checkpoint)?;
        let models = self.resident.sources(&self.checkpoint, &self.device, run).await?;
        sources::encode_sources(&usable, models, &self.checkpoint, &self.device, run).await
    }

    /// Step 3 for every prompt of a request.
    ///
    /// # Errors
    /// As [`Pipeline::generate`].
    pub async fn blueprints(
        &mut self,
        request: &Request,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Vec<Blueprint>> {
        let mut blueprints = Vec::with_capacity(request.prompts.len());
        for prompt in 0..request.prompts.len() {
            blueprints.push(self.blueprint(prompt, request, sources, run).await?);
        }
        Ok(blueprints)
    }

    /// Step 3 for one prompt of a request, so that the caller can keep it before the next one is begun. `prompt` is counted
    /// from 0.
    ///
    /// # Errors
    /// [`Error::Request`] when the request has no such prompt, and as [`Pipeline::generate`].
    pub async fn blueprint(
        &mut self,
        prompt: usize,
        request: &Request,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Blueprint> {
        let grids = sources.grids();
        if prompt == 0 && run.trace.is_enabled() {
            let prompts = request.prompts.iter().enumerate();
            let encoded = prompts.map(|(index, prompt)| {
                architect::encode(prompt, &grids, &request.architect_options(index), &self.checkpoint)
            });
            let encoded = encoded.collect::<Result<Vec<_>>>()?;
            architect::trace_prompts(&encoded, &self.checkpoint, &mut run.trace);
        }
        let (index, prompts) = (prompt, request.prompts.len());
        let Some(prompt) = request.prompts.get(index) else {
            return Err(Error::request("prompt", format!("a number below {prompts}"), index));
        };
        let options = &request.architect_options(index);
        let encoded = &architect::encode(prompt, &grids, options, &self.checkpoint)?;
        let prior = self.resident.architect(&self.checkpoint, &self.device, run).await?;
        let index = PromptIndex { prompt: index, prompts };
        let job = WriteJob { prompt, encoded, sources, options, index, cache: self.caches.architect };
        architect::write(job, prior, &self.checkpoint, &self.device, run).await
    }

    /// Step 3 for one prompt: the architect writes a blueprint.
    ///
    /// # Errors
    /// As [`Pipeline::generate`].
    pub async fn architect(
        &mut self,
        prompt: &str,
        options: &ArchitectOptions,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Blueprint> {
        check_size(options.width, options.height)?;
        options.sampling.validate()?;
        let encoded = &architect::encode(prompt, &sources.grids(), options, &self.checkpoint)?;
        architect::trace_prompts(std::slice::from_ref(encoded), &self.checkpoint, &mut run.trace);
        let prior = self.resident.architect(&self.checkpoint, &self.device, run).await?;
        let index = PromptIndex { prompt: 0, prompts: 1 };
        let job = WriteJob { prompt, encoded, sources, options, index, cache: self.caches.architect };
        architect::write(job, prior, &self.checkpoint, &self.device, run).await
    }

    /// The logits from which each token of a blueprint would be drawn, had this model written the tokens before it. So
    /// models can be compared on the same tokens.
    ///
    /// # Shapes
    /// - output: `[tokens, codes]`, row-major, and the number of codes
    ///
    /// # Errors
    /// [`crate::Error::Blueprint`] when it does not belong to this model or has source images, and as
    /// [`Pipeline::generate`].
    pub async fn blueprint_logits(
        &mut self,
        blueprint: &Blueprint,
        run: &mut Run<'_>,
    ) -> Result<(Vec<f32>, usize)> {
        blueprint.check(&self.checkpoint, &[])?;
        let prior = self.resident.architect(&self.checkpoint, &self.device, run).await?;
        architect::blueprint_logits(blueprint, prior, &self.checkpoint, &self.device).await
    }

    /// Steps 4 and 5 for every blueprint: as many pictures of each as the request asks for.
    ///
    /// # Errors
    /// [`crate::Error::Blueprint`] when one does not belong to this model or these source images, and as
    /// [`Pipeline::generate`].
    pub async fn pictures(
        &mut self,
        blueprints: Vec<Blueprint>,
        request: &Request,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Vec<Picture>> {
        let blueprints: Vec<_> = blueprints.into_iter().map(Rc::new).collect();
        let images = blueprints.len().saturating_mul(request.images_per_prompt);
        let mut pictures = Vec::with_capacity(images);
        for image in 0..images {
            pictures.push(self.picture(image, &blueprints, request, sources, run).await?);
        }
        Ok(pictures)
    }

    /// Steps 4 and 5 for one picture of a run that has these blueprints, so that the caller can keep it before the next one
    /// is begun. `image` is counted from 0 over all blueprints.
    ///
    /// Painter and decoder stay on the device together where that needs no more memory than the run does anyway; elsewhere
    /// each picture loads both.
    ///
    /// # Errors
    /// [`Error::Request`] when the run has no such picture, and as [`Pipeline::pictures`].
    pub async fn picture(
        &mut self,
        image: usize,
        blueprints: &[Rc<Blueprint>],
        request: &Request,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Picture> {
        let images = blueprints.len().saturating_mul(request.images_per_prompt);
        let Some(blueprint) = image.checked_div(request.images_per_prompt).and_then(|at| blueprints.get(at))
        else {
            return Err(Error::request("image", format!("a number below {images}"), image));
        };
        let longest = blueprints.iter().map(|b| painter::glyph_token_count(&b.prompt)).max();
        let longest = longest.filter(|_| request.batch_padding && blueprints.len() > 1);
        let options =
            PaintOptions { glyph_tokens: longest.max(request.glyph_tokens), ..request.paint_options(image) };
        let noise = match &request.noise {
            Some(noise) => {
                let shape = self.noise_shape(images, blueprint.width, blueprint.height);
                Some(noise.picture(image, shape)?)
            }
            None => None,
        };
        let more = images > 1 && self.fit_together(blueprint, request).await;
        self.resident.keep_both(more);
        let index = ImageIndex { image, images };
        let latents = self.paint_indexed(blueprint, &options, noise, sources, index, run).await?;
        let image = self.decode_indexed(&latents, index, run).await?;
        Ok(Picture { image, blueprint: blueprint.clone(), options })
    }

    /// Whether the painter's weights can wait while a picture is decoded, and the decoder's while one is painted, within the
    /// budget, or else within what the run needs at its peak.
    async fn fit_together(&self, blueprint: &Blueprint, request: &Request) -> bool {
        let size = (blueprint.width, blueprint.height);
        let planned = self.planned(request, size, &blueprint.prompt, self.memory_budget);
        // Where there is no plan nothing is kept.
        let Ok(plan) = planned else { return false };
        let most = self.memory_budget.unwrap_or_else(|| plan.peak());
        let stage = |wanted| plan.stages.iter().find(|stage| stage.stage == wanted);
        let (Some(painter), Some(decoder)) = (stage(Stage::Painter), stage(Stage::Decoder)) else {
            return false;
        };
        let painting = painter.peak().saturating_add(decoder.weights.bytes);
        let decoding = painter.weights.bytes.saturating_add(painter.held()).saturating_add(decoder.peak());
        painting.max(decoding) <= most
    }

    /// Step 4 for one picture: the painter paints a blueprint.
    ///
    /// # Errors
    /// [`crate::Error::Blueprint`] when it does not belong to this model or these source images, and as
    /// [`Pipeline::generate`].
    pub async fn paint(
        &mut self,
        blueprint: &Blueprint,
        options: &PaintOptions,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Latents> {
        let index = ImageIndex { image: 0, images: 1 };
        self.paint_indexed(blueprint, options, None, sources, index, run).await
    }

    /// Step 5 for one picture: the decoder makes pixels of latents.
    ///
    /// # Errors
    /// As [`Pipeline::generate`].
    pub async fn decode(&mut self, latents: &Latents, run: &mut Run<'_>) -> Result<RgbImage> {
        self.decode_indexed(latents, ImageIndex { image: 0, images: 1 }, run).await
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.resident.release(&self.device);
    }

    async fn paint_indexed(
        &mut self,
        blueprint: &Blueprint,
        options: &PaintOptions,
        noise: Option<&[f32]>,
        sources: &Sources,
        index: ImageIndex,
        run: &mut Run<'_>,
    ) -> Result<Latents> {
        request::check_painting(options.steps, options.guidance)?;
        blueprint.check(&self.checkpoint, &sources.records())?;
        let seeded;
        let noise = match noise {
            Some(noise) => noise,
            None => {
                let [_, channels, height, width] = self.noise_shape(1, blueprint.width, blueprint.height);
                seeded = Rng::new(options.seed, Stream::Noise).normals(channels * height * width);
                &seeded
            }
        };
        let models = self.resident.painter(&self.checkpoint, &self.device, run).await?;
        let (preview, cache) = (self.preview.as_ref(), self.caches.painter);
        let job = PaintJob { blueprint, options, noise, sources, index, preview, cache };
        painter::paint(job, models, &self.checkpoint, &self.device, run).await
    }

    async fn decode_indexed(
        &mut self,
        latents: &Latents,
        index: ImageIndex,
        run: &mut Run<'_>,
    ) -> Result<RgbImage> {
        decoder::check(latents, &self.checkpoint)?;
        let mode = decoder::mode(latents, &self.checkpoint, self.most_buffer(), self.memory_budget)?;
        let decoder = self.resident.decoder(&self.checkpoint, &self.device, run).await?;
        let image =
            decoder::decode(latents, decoder, mode, &self.checkpoint, &self.device, index, run).await?;
        if run.previews && self.preview.is_none() {
            self.preview = Preview::fit([(latents, &image)]);
        }
        Ok(image)
    }

    fn noise_shape(&self, images: usize, width: usize, height: usize) -> [usize; 4] {
        [images, self.checkpoint.config().vae.latent_channels, height / LATENT_PIXELS, width / LATENT_PIXELS]
    }
}
