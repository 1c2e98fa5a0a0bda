//! `atelier eval text`: generates a picture for every prompt of a file, each as if alone; resumes where an earlier run stopped.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use atelier::record::{RUN_FORMAT, RunRecord, device_name};
use atelier::rng::RNG_VERSION;
use atelier::{Blueprint, Card, DeviceReport, Event, Pipeline, Request, Run, Sources, Warning};
use futures_lite::future::block_on;

use super::progress::Progress;
use super::prompts::{self, Prompt};
use crate::args::EvalTextArgs;
use crate::commands::generate::unprefixed;
use crate::error::{Error, Result};
use crate::guard;
use crate::io::{files, images, metadata};
use crate::model::Model;
use crate::session::{Session, Target};
use crate::ui::format::{counted, duration};
use crate::ui::style::Style;

/// Pictures for which each stage is loaded once. More would load less often and lose more work at Ctrl-C.
const GROUP: usize = 10;

/// Draws what is not there yet.
pub fn run(args: &EvalTextArgs) -> Result<()> {
    let prompts = prompts::selected(&args.prompts, args.only.as_ref())?;
    let progress = RefCell::new(Progress::new(Style::of(false, args.quiet)));
    let (folder, total) = (args.output.display(), prompts.len());
    let outcome = block_on(Evaluation { args, prompts: &prompts, progress: &progress }.run());
    let mut progress = progress.into_inner();
    let (there, saved) = (total.saturating_sub(progress.total()), progress.saved());
    match &outcome {
        Ok(()) if saved == 0 => {
            progress.say(&format!("nothing to paint: {} in {folder}", counted(total, "picture")));
        }
        Ok(()) => {
            let (pictures, seconds) = (counted(total, "picture"), duration(progress.seconds()));
            progress.say(&format!("{pictures} in {folder}: {there} existed, {saved} painted in {seconds}"));
        }
        Err(Error::Cancelled) if progress.has_begun() => {
            let done = there + saved;
            progress.say(&format!("{done} of {total} pictures are in {folder}; rerun the command to resume"));
        }
        Err(_) => progress.clear(),
    }
    outcome
}

/// One run.
struct Evaluation<'a> {
    args: &'a EvalTextArgs,
    prompts: &'a [Prompt],
    progress: &'a RefCell<Progress>,
}

/// A picture that is to be painted.
struct Job<'a> {
    index: usize,
    request: Request,
    path: &'a Path,
}

impl Evaluation<'_> {
    async fn run(&self) -> Result<()> {
        let model = Model::choose(self.args.device.model.as_ref(), None);
        let mut session = Session::open(model, &Target::of(&self.args.device)?).await?;
        let requests = self.requests(&session)?;
        if let Some(largest) = largest(&requests, &session)? {
            session.limit(&largest)?;
        }
        fs::create_dir_all(&self.args.output).map_err(|error| Error::write(&self.args.output, error))?;
        let paths: Vec<PathBuf> = self.prompts.iter().map(|prompt| self.path(prompt)).collect();
        let mut jobs = Vec::new();
        for ((prompt, request), path) in self.prompts.iter().zip(requests).zip(&paths) {
            guard::check_interrupt()?;
            if !is_made(path, &request, session.checkpoint().fingerprint())? {
                jobs.push(Job { index: prompt.index, request, path });
            }
        }
        if let Some(job) = jobs.first() {
            files::check_target("--output", job.path)?;
        }
        self.announce(&session.model, &session.device, &jobs);
        if let Some(card) = session.checkpoint().card() {
            self.warn(card, &jobs);
        }
        let record = Recorder { model: session.model.clone(), device: device_name(&session.device) };
        self.paint(&jobs, &mut session, &record).await
    }

    /// The request of every prompt, checked against the model.
    fn requests(&self, pipeline: &Pipeline) -> Result<Vec<Request>> {
        let EvalTextArgs { width, height, steps, seed, .. } = *self.args;
        let default = Request::new("", pipeline.checkpoint());
        let common = Request { steps: steps.unwrap_or(default.steps), seed, ..default };
        let request = |prompt: &Prompt| {
            let request = Request {
                prompts: vec![prompt.text.clone()],
                width: width.or(prompt.width).unwrap_or(common.width),
                height: height.or(prompt.height).unwrap_or(common.height),
                ..common.clone()
            };
            match pipeline.check(&request) {
                Err(error @ atelier::Error::Request { field: "prompt", .. }) => {
                    let place = format!("{}: prompt {}", self.args.prompts.display(), prompt.index);
                    Err(Error::input(place, unprefixed(&error)))
                }
                checked => Ok(checked.map(|()| request)?),
            }
        };
        self.prompts.iter().map(request).collect()
    }

    fn path(&self, prompt: &Prompt) -> PathBuf {
        self.args.output.join(format!("{:03}.png", prompt.index))
    }

    fn announce(&self, model: &Model, device: &DeviceReport, jobs: &[Job<'_>]) {
        let mut progress = self.progress.borrow_mut();
        progress.begin(jobs.len(), jobs.len().div_ceil(GROUP));
        let Some(Job { request: Request { steps, seed, .. }, .. }) = jobs.first() else {
            return;
        };
        let sizes: BTreeSet<_> = jobs.iter().map(|job| (job.request.width, job.request.height)).collect();
        let sizes = match (sizes.len(), sizes.first()) {
            (1, Some((width, height))) => format!("{width}x{height}"),
            (count, _) => counted(count, "size"),
        };
        progress.say(&format!("{} on {device}: {sizes}, {steps} steps, seed {seed}", model.title()));
        let there = self.prompts.len().saturating_sub(jobs.len());
        progress.say(&format!("{} to paint, {there} are there", counted(jobs.len(), "picture")));
    }

    /// Says what the model was not taught, each once with the first prompt that asks for it.
    fn warn(&self, card: &Card, jobs: &[Job<'_>]) {
        let mut found: Vec<(String, usize, usize)> = Vec::new();
        for job in jobs {
            for text in card.warnings(&job.request).iter().map(Warning::to_string) {
                match found.iter_mut().find(|(other, ..)| *other == text) {
                    Some((_, _, more)) => *more += 1,
                    None => found.push((text, job.index, 0)),
                }
            }
        }
        for (text, index, more) in found {
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            self.progress.borrow_mut().say(&format!("warning: prompt {index}{more}: {text}"));
        }
    }

    async fn paint(&self, jobs: &[Job<'_>], pipeline: &mut Pipeline, record: &Recorder) -> Result<()> {
        let mut run = Run::observed(|event: &Event| {
            self.progress.borrow_mut().on(event);
            // What is decoded is also written, before anything ends.
            if matches!(event, Event::Decode { .. }) { ControlFlow::Continue(()) } else { guard::flow() }
        });
        let none = Sources::default();
        for group in jobs.chunks(GROUP) {
            self.progress.borrow_mut().group();
            // A stage at a time, so that each is loaded once. Prompt by prompt, so that each picture has the seed itself
            // and no padding for its neighbours in a batch.
            let mut blueprints = Vec::with_capacity(group.len());
            for Job { index, request, .. } in group {
                self.progress.borrow_mut().picture(*index);
                let options = request.architect_options(0);
                let prompt = request.prompts.first().map_or("", String::as_str);
                blueprints.push(pipeline.architect(prompt, &options, &none, &mut run).await?);
            }
            let mut painted = Vec::with_capacity(group.len());
            for (Job { index, request, .. }, blueprint) in group.iter().zip(&blueprints) {
                self.progress.borrow_mut().picture(*index);
                painted.push(pipeline.paint(blueprint, &request.paint_options(0), &none, &mut run).await?);
            }
            for ((job, blueprint), latents) in group.iter().zip(blueprints).zip(painted) {
                guard::check_interrupt()?;
                self.progress.borrow_mut().picture(job.index);
                let image = pipeline.decode(&latents, &mut run).await?;
                let bytes = metadata::encode(&image, Some(&record.of(&job.request, blueprint)))?;
                files::write(job.path, &bytes)?;
                self.progress.borrow_mut().save(&job.path.display().to_string());
            }
        }
        Ok(())
    }
}

/// The one that needs most memory: of each size the longest prompt is planned for. None of no requests.
fn largest(requests: &[Request], pipeline: &Pipeline) -> Result<Option<Request>> {
    let mut longest = BTreeMap::new();
    for request in requests {
        let of_size = longest.entry((request.width, request.height)).or_insert(request);
        if request.prompts.concat().len() > of_size.prompts.concat().len() {
            *of_size = request;
        }
    }
    let mut largest: Option<(u64, &Request)> = None;
    for request in longest.into_values() {
        let peak = pipeline.plan(request, None)?.peak();
        if largest.is_none_or(|(most, _)| peak > most) {
            largest = Some((peak, request));
        }
    }
    Ok(largest.map(|(_, request)| request.clone()))
}

/// What every picture notes.
struct Recorder {
    model: Model,
    device: String,
}

impl Recorder {
    fn of(&self, request: &Request, blueprint: Blueprint) -> RunRecord {
        RunRecord {
            format: RUN_FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.model.noted_name(),
            device: self.device.clone(),
            blueprint,
            paint: request.paint_options(0),
            image: 0,
            images: 1,
            sources: Vec::new(),
            latents: None,
        }
    }
}

/// Whether the picture at `path` is whole and the one that `request` asks of the model with this fingerprint. Version and
/// device do not count.
///
/// # Errors
/// When it is a picture of another making, which must not be lost.
fn is_made(path: &Path, request: &Request, fingerprint: &str) -> Result<bool> {
    if path.is_dir() {
        return Err(Error::input(path, "expected a picture or nothing, found a folder"));
    }
    // What is no picture, or half of one, is of no use to anyone.
    let Ok(images::Picture { image, .. }) = images::read(path) else { return Ok(false) };
    let RunRecord { blueprint, paint, sources, latents, .. } = metadata::read(path)?;
    let prompt = request.prompts.first().map_or("", String::as_str);
    let options = request.architect_options(0);
    let size = (request.width, request.height);
    Ok((image.width, image.height) == size
        && (blueprint.width, blueprint.height) == size
        && (blueprint.model.as_str(), blueprint.prompt.as_str()) == (fingerprint, prompt)
        && (blueprint.seed, blueprint.sampling) == (options.seed, options.sampling)
        && blueprint.rng == RNG_VERSION
        && blueprint.sources.is_empty()
        && paint == request.paint_options(0)
        && sources.is_empty()
        && latents.is_none())
}
