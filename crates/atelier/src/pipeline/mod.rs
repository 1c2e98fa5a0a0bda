//! From prompt to pixels. The steps are numbered in [`Pipeline::generate`].

mod architect;
mod painter;
mod request;
mod sources;

pub use request::{
    ArchitectOptions, DEFAULT_GUIDANCE, DEFAULT_STEPS, Latents, Noise, PaintOptions, Picture, Request,
    default_sampling,
};
pub use sources::Sources;

use std::rc::Rc;
use std::sync::Arc;

use atelier_weights::ByteSource;
use burn::tensor::{Device, Tensor, TensorData};

use crate::blueprint::Blueprint;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::image::{RgbImage, to_rgb8};
use crate::loader::Loader;
use crate::prior::Prior;
use crate::progress::{Event, Run, Stage};
use crate::prompt::{EncodedPrompt, check_size, prompt_positions};
use crate::rng::{Rng, Stream};
use crate::trace::{TraceValues, read_floats};
use crate::vae::{Decoder, LatentStatistics};
use architect::{PromptIndex, WriteJob};
use painter::{ImageIndex, LATENT_PIXELS, PaintJob, PainterModels};
use sources::SourceModels;

/// A checkpoint on a device.
///
/// The stages live on the device one after another: asking for the next one frees the one before, so the peak is the
/// largest stage and never the sum. Asking for the same stage again costs nothing.
///
/// Futures of this type are not `Send`: in a browser nothing is. Natively, drive them with any `block_on`.
pub struct Pipeline {
    checkpoint: Checkpoint,
    device: Device,
    resident: Resident,
}

/// The stage whose weights are on the device.
enum Resident {
    Nothing,
    Sources(Box<SourceModels>),
    Architect(Box<Prior>),
    Painter(Box<PainterModels>),
    Decoder(Box<Decoder>),
}

impl Pipeline {
    /// Opens a checkpoint folder and checks it as a whole; weights are read later, stage by stage.
    ///
    /// # Errors
    /// A file of the checkpoint is missing, malformed or contradicts another.
    pub async fn load(source: Arc<dyn ByteSource>, device: Device) -> Result<Self> {
        Ok(Self { checkpoint: Checkpoint::open(source).await?, device, resident: Resident::Nothing })
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
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
    /// [`Error::Request`] or [`Error::SourceImage`] naming what is wrong.
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

    /// Step 2: reads source images; without any, nothing is loaded.
    ///
    /// # Errors
    /// [`Error::SourceImage`] for an image that cannot be used, and as [`Pipeline::generate`].
    pub async fn sources(&mut self, images: &[RgbImage], run: &mut Run<'_>) -> Result<Sources> {
        if images.is_empty() {
            return Ok(Sources::default());
        }
        let usable = sources::usable_sources(images, &self.checkpoint)?;
        self.load_sources(run).await?;
        let Resident::Sources(models) = &self.resident else { return Err(not_resident()) };
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
        let prompts = request.prompts.len();
        let mut encoded = Vec::with_capacity(prompts);
        for (index, prompt) in request.prompts.iter().enumerate() {
            let options = request.architect_options(index);
            encoded.push(architect::encode(prompt, &sources.grids(), &options, &self.checkpoint)?);
        }
        self.trace_prompts(&encoded, run);
        self.load_architect(run).await?;
        let Resident::Architect(prior) = &self.resident else { return Err(not_resident()) };
        let mut blueprints = Vec::with_capacity(prompts);
        for (index, (prompt, encoded)) in request.prompts.iter().zip(&encoded).enumerate() {
            let options = &request.architect_options(index);
            let index = PromptIndex { prompt: index, prompts };
            let job = WriteJob { prompt, encoded, sources, options, index };
            blueprints.push(architect::write(job, prior, &self.checkpoint, &self.device, run).await?);
        }
        Ok(blueprints)
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
        self.trace_prompts(std::slice::from_ref(encoded), run);
        self.load_architect(run).await?;
        let Resident::Architect(prior) = &self.resident else { return Err(not_resident()) };
        let index = PromptIndex { prompt: 0, prompts: 1 };
        let job = WriteJob { prompt, encoded, sources, options, index };
        architect::write(job, prior, &self.checkpoint, &self.device, run).await
    }

    /// Steps 4 and 5 for every blueprint: as many pictures of each as the request asks for.
    ///
    /// # Errors
    /// [`Error::Blueprint`] when one does not belong to this model or these source images, and as
    /// [`Pipeline::generate`].
    pub async fn pictures(
        &mut self,
        blueprints: Vec<Blueprint>,
        request: &Request,
        sources: &Sources,
        run: &mut Run<'_>,
    ) -> Result<Vec<Picture>> {
        let longest = blueprints.iter().map(|b| painter::glyph_token_count(&b.prompt)).max();
        let longest = longest.filter(|_| request.batch_padding && blueprints.len() > 1);
        let glyph_tokens = longest.max(request.glyph_tokens);
        let images = blueprints.len().saturating_mul(request.images_per_prompt);
        let mut painted = Vec::with_capacity(images);
        for (prompt, blueprint) in blueprints.into_iter().map(Rc::new).enumerate() {
            for copy in 0..request.images_per_prompt {
                let image = prompt * request.images_per_prompt + copy;
                let options = PaintOptions { glyph_tokens, ..request.paint_options(image) };
                let index = ImageIndex { image, images };
                let noise = match &request.noise {
                    Some(noise) => {
                        let shape = self.noise_shape(images, blueprint.width, blueprint.height);
                        Some(noise.picture(image, shape)?)
                    }
                    None => None,
                };
                let latents = self.paint_indexed(&blueprint, &options, noise, sources, index, run).await?;
                painted.push((blueprint.clone(), options, latents));
            }
        }
        let mut pictures = Vec::with_capacity(images);
        for (image, (blueprint, options, latents)) in painted.into_iter().enumerate() {
            let image = self.decode_indexed(&latents, ImageIndex { image, images }, run).await?;
            pictures.push(Picture { image, blueprint, options });
        }
        Ok(pictures)
    }

    /// Step 4 for one picture: the painter paints a blueprint.
    ///
    /// # Errors
    /// [`Error::Blueprint`] when it does not belong to this model or these source images, and as
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
        self.resident = Resident::Nothing;
        self.device.memory_cleanup();
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
        self.load_painter(run).await?;
        let Resident::Painter(models) = &mut self.resident else { return Err(not_resident()) };
        let job = PaintJob { blueprint, options, noise, sources, index };
        painter::paint(job, models, &self.checkpoint, &self.device, run).await
    }

    async fn decode_indexed(
        &mut self,
        latents: &Latents,
        index: ImageIndex,
        run: &mut Run<'_>,
    ) -> Result<RgbImage> {
        let Latents { channels, height, width, values } = latents;
        let shape = [1, *channels, *height, *width];
        if values.len() != shape.iter().product::<usize>()
            || *channels != self.checkpoint.config().vae.latent_channels
        {
            return Err(Error::request("latents", format!("{shape:?}"), format!("{} values", values.len())));
        }
        self.load_decoder(run).await?;
        let Resident::Decoder(decoder) = &self.resident else { return Err(not_resident()) };
        let statistics = LatentStatistics::new(&self.checkpoint.config().vae);
        let z = Tensor::from_data(TensorData::new(values.clone(), shape), &self.device);
        let z = statistics.denormalise(z);
        run.trace.stacked_tensor("vae_input", 0, &z);
        let pixels = run.trace.scoped_if(index.image == 0, "vae_decode.", |trace| decoder.forward(z, trace));
        run.trace.stacked_tensor("image_float", 0, &pixels);
        let [_, _, height, width] = pixels.dims();
        let image = to_rgb8(&read_floats(pixels).await?, width, height)?;
        run.trace.stacked("image_u8", 0, &[1, height, width, 3], || TraceValues::U8(image.pixels.clone()));
        let ImageIndex { image: number, images } = index;
        run.emit(Event::Decode { image: number, images })?;
        Ok(image)
    }

    fn noise_shape(&self, images: usize, width: usize, height: usize) -> [usize; 4] {
        [images, self.checkpoint.config().vae.latent_channels, height / LATENT_PIXELS, width / LATENT_PIXELS]
    }

    /// Records the prompts as the reference batches them: shorter ones padded on the left.
    fn trace_prompts(&self, encoded: &[EncodedPrompt], run: &mut Run<'_>) {
        if !run.trace.is_enabled() {
            return;
        }
        let special = self.checkpoint.special_tokens();
        let longest = encoded.iter().map(|e| e.ids.len()).max().unwrap_or(0);
        let (mut ids, mut mask, mut axes) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
        for prompt in encoded {
            let padding = longest - prompt.ids.len();
            let (positions, _) = prompt_positions(
                &prompt.ids,
                special.image_start,
                special.image_token,
                prompt.source_grids(),
            );
            ids.extend(std::iter::repeat_n(special.image_end, padding).chain(prompt.ids.iter().copied()));
            mask.extend(std::iter::repeat_n(0, padding).chain(std::iter::repeat_n(1, prompt.ids.len())));
            for (axis, values) in axes.iter_mut().enumerate() {
                values.extend(std::iter::repeat_n(1, padding).chain(positions.iter().map(|p| p[axis])));
            }
        }
        let batch = encoded.len();
        if batch == 1 {
            run.trace.ids("input_ids", &[longest], ids);
            run.trace.ids("position_ids", &[3, longest], axes.concat());
        } else {
            run.trace.ids("input_ids", &[batch, longest], ids);
            run.trace.ids("attention_mask", &[batch, longest], mask);
            run.trace.ids("position_ids", &[3, batch, longest], axes.concat());
        }
        let grids: Vec<u32> = encoded
            .iter()
            .flat_map(|e| e.grids.iter().flat_map(|g| [1, g.rows as u32, g.columns as u32]))
            .collect();
        run.trace.ids("image_grid_thw", &[grids.len() / 3, 3], grids);
    }

    async fn load_sources(&mut self, run: &mut Run<'_>) -> Result<()> {
        if !matches!(self.resident, Resident::Sources(_)) {
            self.release();
            let mut loader = Loader::new(&self.checkpoint, Stage::Sources, &self.device, run)?;
            let (tower, quantizer) = loader.vision().await?;
            let encoder = loader.vae_encoder().await?;
            self.resident = Resident::Sources(Box::new(SourceModels { tower, quantizer, encoder }));
        }
        Ok(())
    }

    async fn load_architect(&mut self, run: &mut Run<'_>) -> Result<()> {
        if !matches!(self.resident, Resident::Architect(_)) {
            self.release();
            let mut loader = Loader::new(&self.checkpoint, Stage::Architect, &self.device, run)?;
            self.resident = Resident::Architect(Box::new(loader.prior().await?));
        }
        Ok(())
    }

    async fn load_painter(&mut self, run: &mut Run<'_>) -> Result<()> {
        if !matches!(self.resident, Resident::Painter(_)) {
            self.release();
            let mut loader = Loader::new(&self.checkpoint, Stage::Painter, &self.device, run)?;
            let glyph_encoder = loader.glyph_encoder().await?;
            let transformer = loader.transformer().await?;
            let models = PainterModels { glyph_encoder, transformer, source_cache: None };
            self.resident = Resident::Painter(Box::new(models));
        }
        Ok(())
    }

    async fn load_decoder(&mut self, run: &mut Run<'_>) -> Result<()> {
        if !matches!(self.resident, Resident::Decoder(_)) {
            self.release();
            let mut loader = Loader::new(&self.checkpoint, Stage::Decoder, &self.device, run)?;
            self.resident = Resident::Decoder(Box::new(loader.vae_decoder().await?));
        }
        Ok(())
    }
}

/// Cannot happen: every caller loads the stage first.
fn not_resident() -> Error {
    Error::Compute("the stage is not loaded".into())
}
