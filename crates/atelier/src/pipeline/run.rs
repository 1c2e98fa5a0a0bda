//! A run: everything is checked, tokenised and planned, and its steps are taken one after another.

use std::collections::VecDeque;
use std::rc::Rc;

use super::Pipeline;
use super::architect::{self, PromptIndex, WriteJob};
use super::decoder::{self, DecodeJob};
use super::painter::{self, PaintJob};
use super::request::{ArchitectOptions, PaintOptions, Request, Settings, Start};
use super::sources::{self, Sources, UsableSource};
use crate::blueprint::{Blueprint, SourceRecord};
use crate::card::Warning;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Field, Result};
use crate::geometry::LATENT_PIXELS;
use crate::image::RgbImage;
use crate::latents::{ImageIndex, Latents};
use crate::memory::{MemoryPlan, PlanRequest, StagePlan};
use crate::preview::Preview;
use crate::progress::{Event, Observer, Stage};
use crate::prompt::{EncodedPrompt, Grid, QuoteRule, glyph_tokens};
use crate::rng::{Rng, Stream};
use crate::scheduler;
use crate::vae::DecodeMode;

/// A finished picture and everything needed to paint it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The pixels.
    pub image: RgbImage,
    /// What was painted.
    pub blueprint: Rc<Blueprint>,
    /// How it was painted.
    pub options: PaintOptions,
    /// Which picture of the run it is, counted from 0.
    pub index: usize,
    /// Pictures of the run.
    pub images: usize,
}

/// A prompt of a run that is prepared.
#[derive(Debug, Clone)]
pub struct PreparedPrompt {
    /// The prompt.
    pub text: String,
    /// How its quotation marks are read, as its blueprint notes it: by the reference's rule where that finds the same texts.
    pub quotes: QuoteRule,
    /// Its quoted texts, which are spelled.
    pub quoted: Vec<String>,
    /// How the architect writes its blueprint.
    pub options: ArchitectOptions,
    encoded: EncodedPrompt,
}

/// What a request means for a model.
pub(super) struct Resolved {
    /// With nothing left to the model.
    pub request: Request,
    pub settings: Settings,
    pub sources: Vec<UsableSource>,
    pub prompts: Vec<PreparedPrompt>,
    /// Of every prompt, once it is written.
    pub blueprints: Vec<Option<Rc<Blueprint>>>,
}

/// A run that is prepared.
///
/// [`Run::execute`] is the whole of it; [`Run::next_blueprint`] and [`Run::next_picture`] hand out each result as soon as it is
/// there. The steps may also be taken one by one, in any order: each takes those before it that are missing.
pub struct Run<'p> {
    pipeline: &'p mut Pipeline,
    resolved: Resolved,
    /// Of each size, the largest first.
    plans: Vec<([usize; 2], MemoryPlan)>,
    budget: Option<u64>,
    /// Once they are read.
    sources: Option<Sources>,
    /// Pictures that are not made any more.
    made: Vec<bool>,
    /// Pictures that are painted before the first of them is decoded.
    group: usize,
    painted: VecDeque<(usize, Latents)>,
    /// What was noticed on the way and not asked for yet.
    noticed: Vec<Warning>,
}

impl<'p> Run<'p> {
    pub(super) fn new(
        pipeline: &'p mut Pipeline,
        resolved: Resolved,
        plans: Vec<([usize; 2], MemoryPlan)>,
        budget: Option<u64>,
    ) -> Self {
        let made = vec![false; resolved.request.images()];
        let (painted, noticed) = (VecDeque::new(), Vec::new());
        Self { pipeline, resolved, plans, budget, sources: None, made, group: 1, painted, noticed }
    }

    /// The pipeline that it runs on.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline
    }

    /// The request with nothing left to the model: it means the same when the model's defaults are others.
    pub fn request(&self) -> &Request {
        &self.resolved.request
    }

    /// The same settings as values. A blueprint has its own size and sampling, and a prompt may have its own size.
    pub fn settings(&self) -> Settings {
        self.resolved.settings
    }

    /// The prompts, those of blueprints included.
    pub fn prompts(&self) -> &[PreparedPrompt] {
        &self.resolved.prompts
    }

    /// The number of pictures.
    pub fn images(&self) -> usize {
        self.made.len()
    }

    /// How a picture is painted.
    ///
    /// # Errors
    /// [`Error::Request`] when the run has no such picture.
    pub fn paint_options(&self, image: usize) -> Result<PaintOptions> {
        self.check_image(image)?;
        Ok(self.resolved.paint_options(image))
    }

    /// What each stage needs on the device and how it works there; of pictures of several sizes, those that need most.
    pub fn plan(&self) -> &MemoryPlan {
        &self.plans[0].1
    }

    /// Width and height in pixels of the pictures that [`Run::plan`] is of.
    pub fn largest_size(&self) -> [usize; 2] {
        self.plans[0].0
    }

    /// What of the request the model was not taught.
    pub fn warnings(&self) -> Vec<Warning> {
        let Some(card) = self.pipeline.checkpoint.card() else { return Vec::new() };
        let prompts = self.resolved.prompts.iter();
        let pictures: Vec<_> = prompts.map(|prompt| (&*prompt.quoted, prompt.size())).collect();
        card.warnings(&pictures, self.resolved.request.sources.len())
    }

    /// What was noticed since this was last asked: numbers that no whole model makes, in what was written or painted. To be
    /// asked after each blueprint and picture.
    pub fn take_noticed(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.noticed)
    }

    /// Takes a run up again: the blueprints of the first prompts are written.
    ///
    /// # Errors
    /// [`Error::Blueprint`] when one does not belong to this model or run.
    pub fn resume(&mut self, blueprints: impl IntoIterator<Item = Blueprint>) -> Result<()> {
        let records: Vec<_> = self.resolved.request.sources.iter().map(SourceRecord::of).collect();
        for (index, blueprint) in blueprints.into_iter().enumerate() {
            blueprint.check(&self.pipeline.checkpoint, &records)?;
            self.check_prompt(index)?;
            let prompt = &self.resolved.prompts[index];
            blueprint.check_prompt(&prompt.text, prompt.size())?;
            self.resolved.blueprints[index] = Some(Rc::new(blueprint));
        }
        Ok(())
    }

    /// Leaves out the pictures that are made already.
    pub fn skip(&mut self, made: impl Fn(usize) -> bool) {
        for (image, skipped) in self.made.iter_mut().enumerate() {
            *skipped |= made(image);
        }
    }

    /// Takes so many pictures at a time through each stage, at least one, so that each stage is loaded once for them; their
    /// blueprints are written when it is their turn. Without it all blueprints are written first, and each picture is decoded
    /// before the next is painted.
    pub fn in_groups_of(&mut self, pictures: usize) {
        self.group = pictures.max(1);
    }

    /// The whole run: all pictures that are not made yet.
    ///
    /// # Errors
    /// A weight cannot be read, the device fails, or the observer stops the run.
    pub async fn execute(&mut self, observer: &mut Observer<'_>) -> Result<Vec<Picture>> {
        let mut pictures = Vec::new();
        while let Some(picture) = self.next_picture(observer).await? {
            pictures.push(picture);
        }
        Ok(pictures)
    }

    /// The next blueprint that has to be written, with the place of its prompt; `None` when there is none.
    ///
    /// # Errors
    /// As [`Run::execute`].
    pub async fn next_blueprint(
        &mut self,
        observer: &mut Observer<'_>,
    ) -> Result<Option<(usize, Rc<Blueprint>)>> {
        match self.resolved.blueprints.iter().position(Option::is_none) {
            Some(prompt) => Ok(Some((prompt, self.blueprint(prompt, observer).await?))),
            None => Ok(None),
        }
    }

    /// The next picture, as soon as it is decoded; `None` when all are made.
    ///
    /// # Errors
    /// As [`Run::execute`].
    pub async fn next_picture(&mut self, observer: &mut Observer<'_>) -> Result<Option<Picture>> {
        if self.painted.is_empty() {
            let missing = (0..self.images()).filter(|&image| !self.made[image]);
            let group: Vec<usize> = missing.take(self.group).collect();
            if group.is_empty() {
                return Ok(None);
            }
            if self.group == 1 {
                while self.next_blueprint(observer).await?.is_some() {}
            }
            for &image in &group {
                self.blueprint(self.resolved.prompt_of(image), observer).await?;
            }
            for image in group {
                let latents = self.paint(image, observer).await?;
                self.painted.push_back((image, latents));
            }
        }
        let Some((image, latents)) = self.painted.pop_front() else { return Ok(None) };
        let decoded = self.decode(image, &latents, observer).await;
        match decoded {
            Ok(_) => self.made[image] = true,
            // The run may go on, and what is painted need not be painted again.
            Err(_) => self.painted.push_front((image, latents)),
        }
        decoded.map(Some)
    }

    /// Step 1: source images become codes and latents, once; without any, nothing is loaded.
    ///
    /// # Errors
    /// As [`Run::execute`].
    pub async fn read_sources(&mut self, observer: &mut Observer<'_>) -> Result<()> {
        if self.sources.is_some() {
            return Ok(());
        }
        let Self { pipeline: Pipeline { checkpoint, device, resident, .. }, resolved, .. } = self;
        self.sources = Some(if resolved.sources.is_empty() {
            Sources::default()
        } else {
            let models = resident.sources(checkpoint, device, observer).await?;
            sources::encode_sources(&resolved.sources, models, checkpoint, device, observer).await?
        });
        Ok(())
    }

    /// Step 2: the architect writes the blueprint of a prompt, unless it is written.
    ///
    /// # Errors
    /// [`Error::Request`] when the run has no such prompt, and as [`Run::execute`].
    pub async fn blueprint(&mut self, prompt: usize, observer: &mut Observer<'_>) -> Result<Rc<Blueprint>> {
        self.check_prompt(prompt)?;
        if let Some(blueprint) = &self.resolved.blueprints[prompt] {
            return Ok(blueprint.clone());
        }
        self.read_sources(observer).await?;
        let cache = self.stage(Stage::Architect, prompt).and_then(|stage| stage.cache).unwrap_or_default();
        let Self { pipeline, resolved, sources, noticed, .. } = self;
        let Pipeline { checkpoint, device, resident, .. } = &mut **pipeline;
        let Resolved { prompts, blueprints, .. } = resolved;
        if blueprints.iter().all(Option::is_none) {
            let encoded: Vec<_> = prompts.iter().map(|prompt| &prompt.encoded).collect();
            architect::trace_prompts(&encoded, checkpoint);
        }
        let PreparedPrompt { text, quotes, options, encoded, .. } = &prompts[prompt];
        let index = PromptIndex { prompt, prompts: prompts.len() };
        let none = Sources::default();
        let sources = sources.as_ref().unwrap_or(&none);
        let prior = resident.architect(checkpoint, device, observer).await?;
        let job = WriteJob { prompt: text, quotes: *quotes, encoded, sources, options, index, cache };
        let (blueprint, far) = architect::write(job, prior, checkpoint, device, observer).await?;
        noticed.extend(far.map(|far| Warning::FarLogits { prompt, largest: format!("{far:.0e}") }));
        let blueprint = Rc::new(blueprint);
        blueprints[prompt] = Some(blueprint.clone());
        observer.emit(Event::Blueprint { prompt, prompts: prompts.len(), blueprint: blueprint.clone() })?;
        Ok(blueprint)
    }

    /// Step 3: the painter paints a picture.
    ///
    /// # Errors
    /// [`Error::Request`] when the run has no such picture, and as [`Run::execute`].
    pub async fn paint(&mut self, image: usize, observer: &mut Observer<'_>) -> Result<Latents> {
        self.check_image(image)?;
        let prompt = self.resolved.prompt_of(image);
        let blueprint = self.blueprint(prompt, observer).await?;
        self.read_sources(observer).await?;
        let index = ImageIndex { image, images: self.images() };
        let cache = self.stage(Stage::Painter, prompt).and_then(|stage| stage.cache).unwrap_or_default();
        let together = self.images() > 1 && self.group == 1 && self.fits_together(prompt);
        let Self { pipeline, resolved, sources, .. } = self;
        let Pipeline { checkpoint, device, resident, preview, .. } = &mut **pipeline;
        resident.keep_both(together);
        let options = resolved.paint_options(image);
        let shape = resolved.noise_shape(prompt, checkpoint);
        let seeded;
        let noise = match &resolved.request.latents {
            Some(noise) => noise.picture(image, shape)?,
            None => {
                seeded = Rng::new(options.seed, Stream::Noise).normals(shape[1..].iter().product());
                &seeded
            }
        };
        let texts = &resolved.prompts[prompt].quoted;
        let none = Sources::default();
        let (sources, preview) = (sources.as_ref().unwrap_or(&none), preview.as_ref());
        let models = resident.painter(checkpoint, device, observer).await?;
        let (blueprint, options) = (&*blueprint, &options);
        let job = PaintJob { blueprint, texts, options, noise, sources, index, preview, cache };
        painter::paint(job, models, checkpoint, device, observer).await
    }

    /// Step 4: the decoder makes pixels of a picture's latents.
    ///
    /// # Errors
    /// [`Error::Request`] when the run has no such picture or the latents are not one of its size, and as [`Run::execute`].
    pub async fn decode(
        &mut self,
        image: usize,
        latents: &Latents,
        observer: &mut Observer<'_>,
    ) -> Result<Picture> {
        self.check_image(image)?;
        let prompt = self.resolved.prompt_of(image);
        let images = self.images();
        let mode = self.stage(Stage::Decoder, prompt).and_then(|stage| stage.mode);
        let mode = mode.unwrap_or(DecodeMode::Whole);
        let blueprint = self.blueprint(prompt, observer).await?;
        let Self { pipeline, resolved, noticed, .. } = self;
        let Pipeline { checkpoint, device, resident, preview, .. } = &mut **pipeline;
        decoder::check(latents, resolved.noise_shape(prompt, checkpoint))?;
        let decoder = resident.decoder(checkpoint, device, observer).await?;
        let index = ImageIndex { image, images };
        let job = DecodeJob { latents, mode, index };
        let (pixels, far_pixels) = decoder::decode(job, decoder, checkpoint, device, observer).await?;
        if observer.previews && preview.is_none() {
            *preview = Preview::fit([(latents, &pixels)]);
        }
        let area = pixels.width * pixels.height;
        if far_pixels > area / 10 * 9 {
            noticed.push(Warning::FarPixels { image, far_pixels, pixels: area });
        }
        observer.emit(Event::Decode { image, images, far_pixels })?;
        let options = resolved.paint_options(image);
        Ok(Picture { image: pixels, blueprint, options, index: image, images })
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.pipeline.release();
    }

    /// The plan for the size of a prompt's pictures.
    fn plan_of(&self, prompt: usize) -> Option<&MemoryPlan> {
        let size = self.resolved.prompts[prompt].size();
        self.plans.iter().find(|(planned, _)| *planned == size).map(|(_, plan)| plan)
    }

    fn stage(&self, stage: Stage, prompt: usize) -> Option<&StagePlan> {
        self.plan_of(prompt)?.stages.iter().find(|planned| planned.stage == stage)
    }

    /// Whether the painter's weights can wait while a picture is decoded, and the decoder's while one is painted, within the
    /// budget, or else within what the run needs at its peak.
    fn fits_together(&self, prompt: usize) -> bool {
        let (Some(painter), Some(decoder)) =
            (self.stage(Stage::Painter, prompt), self.stage(Stage::Decoder, prompt))
        else {
            return false;
        };
        let most = self.budget.unwrap_or_else(|| self.plan_of(prompt).map_or(0, MemoryPlan::peak));
        let painting = painter.peak().saturating_add(decoder.weights.bytes);
        let decoding =
            painter.weights.bytes.saturating_add(painter.persistent()).saturating_add(decoder.peak());
        painting.max(decoding) <= most
    }

    fn check_prompt(&self, prompt: usize) -> Result<()> {
        below(Field::Prompt, self.resolved.prompts.len(), prompt)
    }

    fn check_image(&self, image: usize) -> Result<()> {
        below(Field::Image, self.images(), image)
    }
}

fn below(field: Field, count: usize, index: usize) -> Result<()> {
    if index < count { Ok(()) } else { Err(Error::request(field, format!("a number below {count}"), index)) }
}

impl PreparedPrompt {
    /// The prompts of a request.
    ///
    /// # Errors
    /// [`Error::Request`] for one that is empty or too long.
    pub(super) fn all(
        request: &Request,
        settings: &Settings,
        sources: &[Grid],
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Self>> {
        let prompt = |(index, (text, quotes, options)): (usize, (&str, QuoteRule, ArchitectOptions))| {
            let encoded = architect::encode(text, sources, &options, checkpoint)
                .map_err(|error| error.of_prompt(index, request.start.len()))?;
            Ok(Self {
                text: text.to_owned(),
                quotes: quotes.noted(text),
                quoted: quotes.texts(text),
                options,
                encoded,
            })
        };
        match &request.start {
            Start::Prompts(prompts) => {
                let options = prompts.iter().enumerate().map(|(index, prompt)| {
                    let seed = request.blueprint_seed.or(request.seed).unwrap_or(0);
                    let options = ArchitectOptions {
                        width: prompt.width.unwrap_or(settings.width),
                        height: prompt.height.unwrap_or(settings.height),
                        seed: prompt
                            .seed
                            .unwrap_or_else(|| seed.wrapping_add(request.first_image(index) as u64)),
                        sampling: settings.sampling,
                    };
                    (prompt.text.as_str(), request.quotes.unwrap_or_default(), options)
                });
                options.enumerate().map(prompt).collect()
            }
            Start::Blueprints(blueprints) => {
                let options = blueprints.iter().map(|blueprint| {
                    let Blueprint { width, height, seed, sampling, .. } = *blueprint;
                    let options = ArchitectOptions { width, height, seed, sampling };
                    (blueprint.prompt.as_str(), blueprint.quotes, options)
                });
                options.enumerate().map(prompt).collect()
            }
        }
    }

    /// Width and height of its pictures, in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.options.width, self.options.height]
    }

    /// Tokens of its quoted texts as the painter reads them, without padding.
    fn glyph_tokens(&self) -> usize {
        glyph_tokens(&self.quoted).rows.iter().map(Vec::len).sum()
    }
}

impl Resolved {
    /// The prompt of a picture.
    fn prompt_of(&self, image: usize) -> usize {
        image / self.request.images_per_prompt.max(1)
    }

    /// How a picture is painted.
    fn paint_options(&self, image: usize) -> PaintOptions {
        let (request, prompt) = (&self.request, self.prompt_of(image));
        let own = match &request.start {
            Start::Prompts(prompts) => prompts.get(prompt).and_then(|prompt| prompt.seed),
            Start::Blueprints(blueprints) if request.seed.is_none() => blueprints.get(prompt).map(|b| b.seed),
            Start::Blueprints(_) => None,
        };
        let seed = match own {
            Some(first) => first.wrapping_add((image - request.first_image(prompt)) as u64),
            None => request.seed.unwrap_or(0).wrapping_add(image as u64),
        };
        let longest = self.prompts.iter().map(PreparedPrompt::glyph_tokens).max();
        let longest = longest.filter(|_| request.batch_padding && self.prompts.len() > 1);
        request.paint_options(&self.settings, seed, longest)
    }

    /// `[images, channels, height / 8, width / 8]`, with the size of a prompt's pictures.
    fn noise_shape(&self, prompt: usize, checkpoint: &Checkpoint) -> [usize; 4] {
        let [width, height] = self.prompts[prompt].size();
        let channels = checkpoint.config().vae.latent_channels;
        [self.request.images(), channels, height / LATENT_PIXELS, width / LATENT_PIXELS]
    }

    /// Checks what the painter is given.
    ///
    /// # Errors
    /// [`Error::Request`] when there is no schedule of so many steps, or the noise has another shape.
    pub(super) fn check_pictures(&self, checkpoint: &Checkpoint) -> Result<()> {
        for (index, prompt) in self.prompts.iter().enumerate() {
            let [width, height] = prompt.size();
            scheduler::for_picture(&checkpoint.config().scheduler, self.settings.steps, width, height)?;
            if let Some(noise) = &self.request.latents {
                noise.picture(0, self.noise_shape(index, checkpoint))?;
            }
        }
        Ok(())
    }

    /// What is planned for pictures of a size, with the longest of the prompts.
    pub(super) fn plan_request(&self, [width, height]: [usize; 2], packed: bool) -> PlanRequest {
        let longest =
            |count: &dyn Fn(&PreparedPrompt) -> usize| self.prompts.iter().map(count).max().unwrap_or(0);
        let sources = &self.request.sources;
        let size = |of: fn(&RgbImage) -> usize| sources.iter().map(of).max();
        PlanRequest {
            sources: sources.len(),
            source_size: size(|image| image.width).zip(size(|image| image.height)).map(Into::into),
            // A byte is a token at most, and the words about sizes come on top.
            prompt_tokens: longest(&|prompt| prompt.text.len()) + 64,
            glyph_tokens: longest(&|prompt| prompt.quoted.iter().map(|text| text.len() + 2).sum()),
            ..PlanRequest::new(width, height, packed)
        }
    }
}
