//! `atelier eval text`: generates a picture for every prompt of a file, each as if alone; resumes where an earlier run stopped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use atelier::record::{RecordContext, RunRecord, device_name};
use atelier::rng::RNG_VERSION;
use atelier::{Card, DeviceReport, Event, Field, Observer, Picture, Request, Run, Warning};
use futures_lite::future::block_on;

use super::progress::Progress;
use super::prompts::{self, Prompt};
use crate::args::EvalTextArgs;
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

impl Evaluation<'_> {
    async fn run(&self) -> Result<()> {
        let model = Model::choose(self.args.device.model.as_ref(), None);
        let mut session = Session::open(model.clone(), &Target::of(&self.args.device)?).await?;
        let device = session.device.clone();
        if let Some(warning) = session.warning() {
            self.progress.borrow_mut().say(&format!("warning: {warning}"));
        }
        let mut run = session.prepare(&self.request()).map_err(|error| self.located(error))?;
        fs::create_dir_all(&self.args.output).map_err(|error| Error::write(&self.args.output, error))?;
        let mut made = Vec::with_capacity(self.prompts.len());
        for (image, prompt) in self.prompts.iter().enumerate() {
            guard::check_interrupt()?;
            made.push(is_made(&self.path(prompt), &run, image)?);
        }
        let jobs: Vec<usize> = (0..made.len()).filter(|&image| !made[image]).collect();
        if let Some(&first) = jobs.first() {
            files::check_target("--output", &self.path(&self.prompts[first]))?;
        }
        run.skip(|image| made[image]);
        self.announce(&model, &device, &run, &jobs);
        if let Some(card) = run.pipeline().checkpoint().card() {
            self.warn(card, &run, &jobs);
        }
        let context = RecordContext {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.noted_name(),
            device: device_name(&device),
            sources: Vec::new(),
            latents: None,
        };
        self.paint(&mut run, jobs.len(), &context).await
    }

    /// Every prompt as if alone: each picture has the seed itself, and no padding for its neighbours in a batch.
    fn request(&self) -> Request {
        let EvalTextArgs { width, height, steps, seed, .. } = *self.args;
        let prompts = self.prompts.iter().map(|prompt| atelier::Prompt {
            text: prompt.text.clone(),
            // The flags come before a prompt's own size.
            width: prompt.width.filter(|_| width.is_none()),
            height: prompt.height.filter(|_| height.is_none()),
            seed: Some(seed),
        });
        Request { width, height, steps, batch_padding: false, ..Request::new(prompts) }
    }

    /// What is wrong with a prompt, with its number.
    fn located(&self, error: Error) -> Error {
        match error {
            Error::Model(atelier::Error::Request { field: Field::Prompt, prompt, expected, found }) => {
                let index = self.prompts.get(prompt.unwrap_or(0)).map_or(0, |prompt| prompt.index);
                let place = format!("{}: prompt {index}", self.args.prompts.display());
                Error::input(place, format!("expected {expected}, found {found}"))
            }
            other => other,
        }
    }

    fn path(&self, prompt: &Prompt) -> PathBuf {
        self.args.output.join(format!("{:03}.png", prompt.index))
    }

    fn announce(&self, model: &Model, device: &DeviceReport, run: &Run<'_>, jobs: &[usize]) {
        let mut progress = self.progress.borrow_mut();
        let indexes = self.prompts.iter().map(|prompt| prompt.index).collect();
        progress.begin(indexes, jobs.len(), jobs.len().div_ceil(GROUP));
        if jobs.is_empty() {
            return;
        }
        let sizes: BTreeSet<_> = jobs.iter().map(|&image| run.prompts()[image].size()).collect();
        let sizes = match (sizes.len(), sizes.first()) {
            (1, Some([width, height])) => format!("{width}x{height}"),
            (count, _) => counted(count, "size"),
        };
        let (steps, seed) = (run.settings().steps, self.args.seed);
        progress.say(&format!("{} on {device}: {sizes}, {steps} steps, seed {seed}", model.title()));
        let there = self.prompts.len().saturating_sub(jobs.len());
        progress.say(&format!("{} to paint, {there} are there", counted(jobs.len(), "picture")));
    }

    /// Says what the model was not taught, each once with the first prompt that asks for it.
    fn warn(&self, card: &Card, run: &Run<'_>, jobs: &[usize]) {
        let mut found: Vec<(String, usize, usize)> = Vec::new();
        for &image in jobs {
            let prompt = &run.prompts()[image];
            for text in card.warnings(&[(&prompt.quoted, prompt.size())], 0).iter().map(Warning::to_string) {
                match found.iter_mut().find(|(other, ..)| *other == text) {
                    Some((_, _, more)) => *more += 1,
                    None => found.push((text, self.prompts[image].index, 0)),
                }
            }
        }
        for (text, index, more) in found {
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            self.progress.borrow_mut().say(&format!("warning: prompt {index}{more}: {text}"));
        }
    }

    async fn paint(&self, run: &mut Run<'_>, jobs: usize, context: &RecordContext) -> Result<()> {
        let mut observer = Observer::new(|event: &Event| {
            self.progress.borrow_mut().on(event);
            // What is decoded is also written, before anything ends.
            if matches!(event, Event::Decode { .. }) { ControlFlow::Continue(()) } else { guard::flow() }
        })
        .stopping(guard::interrupted);
        run.in_groups_of(GROUP);
        for done in 0..jobs {
            guard::check_interrupt()?;
            if done % GROUP == 0 {
                self.progress.borrow_mut().group();
            }
            let Some(picture) = run.next_picture(&mut observer).await? else { break };
            let number = self.prompts[picture.index].index;
            for warning in run.take_noticed() {
                self.progress.borrow_mut().say(&format!("warning: prompt {number}: {warning}"));
            }
            let path = self.path(&self.prompts[picture.index]);
            let alone = Picture { index: 0, images: 1, ..picture };
            files::write(&path, &metadata::encode(&alone.image, Some(&alone.record(context)))?)?;
            self.progress.borrow_mut().save(&path.display().to_string());
        }
        Ok(())
    }
}

/// Whether the picture at `path` is whole and the one that the run would make. Version and device do not count.
///
/// # Errors
/// When it is a picture of another making, which must not be lost.
fn is_made(path: &Path, run: &Run<'_>, image: usize) -> Result<bool> {
    if path.is_dir() {
        return Err(Error::input(path, "expected a picture or nothing, found a folder"));
    }
    // What is no picture, or half of one, is of no use to anyone.
    let Ok(images::Picture { image: pixels, .. }) = images::read(path) else { return Ok(false) };
    let RunRecord { blueprint, paint, sources, latents, .. } = metadata::read(path)?;
    let prompt = &run.prompts()[image];
    let fingerprint = run.pipeline().checkpoint().fingerprint();
    Ok([pixels.width, pixels.height] == prompt.size()
        && [blueprint.width, blueprint.height] == prompt.size()
        && (blueprint.model.as_str(), &blueprint.prompt) == (fingerprint, &prompt.text)
        && blueprint.quotes == prompt.quotes
        && (blueprint.seed, blueprint.sampling) == (prompt.options.seed, prompt.options.sampling)
        && blueprint.rng == RNG_VERSION
        && blueprint.sources.is_empty()
        && paint == run.paint_options(image)?
        && sources.is_empty()
        && latents.is_none())
}
