//! `atelier generate`: check everything, then draw.

mod request;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use atelier::record::{RecordContext, device_name};
use atelier::{Blueprint, DeviceChoice, DeviceReport, Event, Observer, Picture, Run, Settings, Stage};
use futures_lite::future::block_on;

use request::{Inputs, Remarks};

use crate::args::{DeviceArgs, GenerateArgs, Kernels};
use crate::error::Result;
use crate::guard;
use crate::io::latents::Latents;
use crate::io::names::Names;
use crate::io::unfinished::{Journal, Unfinished};
use crate::io::{blueprints, files, metadata, trace};
use crate::session::{Session, Target};
use crate::ui::events::RunEvent;
use crate::ui::format::counted;
use crate::ui::report::Report;
use crate::ui::stdout;

/// Where pictures go by default: the first free numbers.
const DEFAULT_OUTPUT: &str = "atelier-%03d.png";
/// The most notes and warnings that are printed before a run.
const MOST_REMARKS: usize = 20;
/// The most file names that are checked before the run.
const MOST_CHECKED: usize = 100_000;

/// Draws what the command line asks for.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let start = Instant::now();
    let inputs = Inputs::new(args)?;
    let target = Target::of(&args.device)?;
    let outputs = Outputs::new(args, &inputs)?;
    let report = RefCell::new(Report::new(args.json, args.quiet));
    let kept = RefCell::new(Kept::default());
    // A panic, such as a driver's, must not keep back what is saved.
    let outcome = guard::caught(|| {
        let drawing = draw(&inputs, &target, &outputs, &report, &kept);
        block_on(trace::record(outputs.trace.as_deref(), drawing))
    });
    let (mut report, mut kept) = (report.into_inner(), kept.into_inner());
    match outcome {
        Ok(()) => {
            kept.finish();
            let stages = report.progress.seconds();
            report.send(&RunEvent::Done { seconds: start.elapsed().as_secs_f64(), stages });
            report.finish()
        }
        Err(error) => {
            kept.tell(&mut report, &args.device);
            Err(error)
        }
    }
}

async fn draw(
    inputs: &Inputs,
    target: &Target,
    outputs: &Outputs,
    report: &RefCell<Report>,
    kept: &RefCell<Kept>,
) -> Result<()> {
    let mut session = Session::open(inputs.model.clone(), target).await?;
    if let Some(warning) = session.warning() {
        report.borrow_mut().warn(&warning);
    }
    let device = session.device.clone();
    let mut run = session.prepare(&inputs.request).map_err(|error| inputs.located(error))?;
    inputs.take_up(&mut run)?;
    guard::check_interrupt()?;
    announce(inputs, &run, &device, &mut report.borrow_mut());
    for warning in run.warnings() {
        report.borrow_mut().warn_of(&warning);
    }
    let context = outputs.context(inputs, device_name(&device));
    kept.borrow_mut().begin(inputs, outputs, &run, &context.device);

    let little_left = Cell::new(false);
    let mut observer = Observer::new(|event: &Event| {
        report.borrow_mut().on(event);
        little_left.set(nearly_done(event));
        if little_left.get() { ControlFlow::Continue(()) } else { guard::flow() }
    })
    .stopping(|| !little_left.get() && guard::interrupted());
    run.read_sources(&mut observer).await?;
    if !inputs.sources.is_empty() {
        report.borrow_mut().progress.on_sources(inputs.sources.len());
    }
    guard::check_interrupt()?;
    while let Some((prompt, blueprint)) = run.next_blueprint(&mut observer).await? {
        tell_noticed(&mut run, &mut report.borrow_mut());
        // Before the painter begins: its failure must not lose them.
        kept.borrow_mut().add_blueprint(&blueprint, &mut report.borrow_mut());
        outputs.save_blueprint(prompt, &blueprint, &mut report.borrow_mut())?;
        kept.borrow().check_interrupt()?;
    }
    while !outputs.blueprint_only
        && let Some(picture) = run.next_picture(&mut observer).await?
    {
        tell_noticed(&mut run, &mut report.borrow_mut());
        let path = outputs.save_picture(&picture, &context, &mut report.borrow_mut())?;
        kept.borrow_mut().add_picture(picture.index, &path, &mut report.borrow_mut());
        kept.borrow().check_interrupt()?;
    }
    Ok(())
}

/// What is wrong with what has just been made.
fn tell_noticed(run: &mut Run<'_>, report: &mut Report) {
    for warning in run.take_noticed() {
        report.warn_of(&warning);
    }
}

/// Whether so little is left of a blueprint or a picture that Ctrl-C waits for it.
fn nearly_done(event: &Event) -> bool {
    match event {
        Event::BlueprintToken { token, tokens, .. } => token == tokens,
        Event::Step { step, steps, .. } => step == steps,
        Event::Load { stage, .. } | Event::Verify { stage, .. } => *stage == Stage::Decoder,
        Event::Blueprint { .. } | Event::Decode { .. } => true,
        _ => false,
    }
}

/// What is safe of a run, should it end now.
#[derive(Debug, Default)]
struct Kept {
    /// What the run makes: pictures, or blueprints alone.
    noun: &'static str,
    all: usize,
    saved: usize,
    /// Blueprints that were written and are in the journal.
    blueprints: usize,
    journal: Option<Journal>,
}

impl Kept {
    fn begin(&mut self, inputs: &Inputs, outputs: &Outputs, run: &Run<'_>, device: &str) {
        if outputs.blueprint_only {
            (self.noun, self.all) = ("blueprint", run.prompts().len());
            return;
        }
        (self.noun, self.all) = ("picture", run.images());
        self.saved = (0..self.all).filter(|&image| inputs.is_saved(image)).count();
        // Noise of a file and traces are for comparisons, which are short.
        if inputs.latents.is_some() || outputs.trace.is_some() {
            return;
        }
        self.journal = Some(match &inputs.resumed {
            Some((path, run)) => {
                self.blueprints = run.blueprints.len();
                Journal::resumed(run.clone(), path)
            }
            None => {
                let mut run = Unfinished::new(run.request(), inputs.model.to_string(), device.to_owned());
                run.sources = inputs.sources.iter().map(|source| source.path.clone()).collect();
                outputs.note(&mut run);
                let (folder, stem) = outputs.pictures.common();
                Journal::new(run, folder, stem)
            }
        });
    }

    fn add_blueprint(&mut self, blueprint: &Blueprint, report: &mut Report) {
        self.blueprints += 1;
        match &mut self.journal {
            Some(journal) => journal.add_blueprint(blueprint),
            None => self.saved += usize::from(self.noun == "blueprint"),
        }
        self.warn(report);
    }

    fn add_picture(&mut self, image: usize, path: &Path, report: &mut Report) {
        self.saved += 1;
        if let Some(journal) = &mut self.journal {
            journal.add_picture(image, path);
        }
        self.warn(report);
    }

    fn warn(&mut self, report: &mut Report) {
        if let Some(error) = self.journal.as_mut().and_then(Journal::take_failure) {
            report.warn(&format!("the run could not be resumed if it ended now: {error}"));
        }
    }

    /// An error once Ctrl-C was pressed, unless everything is there.
    fn check_interrupt(&self) -> Result<()> {
        if self.saved < self.all { guard::check_interrupt() } else { Ok(()) }
    }

    /// Everything is there.
    fn finish(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.remove();
        }
    }

    /// What is saved of a run that ends early, and how to resume it.
    fn tell(&self, report: &mut Report, args: &DeviceArgs) {
        let Self { noun, all, saved, .. } = *self;
        if all == 0 {
            // It had not begun.
            return;
        }
        let resume = self.journal.as_ref().and_then(Journal::path);
        report.send(&RunEvent::Unfinished { saved, images: all, resume });
        let blueprints = if resume.is_some() { self.blueprints } else { 0 };
        let kept = match (saved, blueprints) {
            (0, 0) => "nothing is saved yet".to_owned(),
            (0, 1) => "the blueprint is saved".to_owned(),
            (0, blueprints) => format!("{blueprints} blueprints are saved"),
            (1, _) => format!("1 of {} is saved", counted(all, noun)),
            (saved, _) => format!("{saved} of {} are saved", counted(all, noun)),
        };
        let how = match resume {
            Some(path) => format!("; to resume: atelier generate --resume {}{}", typed(path), flags(args)),
            None => String::new(),
        };
        report.progress.say(&format!("{kept}{how}"));
    }
}

/// A path as a shell takes it.
fn typed(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,\\".contains(c);
    if path.chars().all(plain) && !path.starts_with('-') {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// What the file of a run does not say: where it runs.
fn flags(args: &DeviceArgs) -> String {
    let device = match args.device {
        DeviceChoice::Cpu => Some(" --device cpu".to_owned()),
        DeviceChoice::Gpu => Some(" --device gpu".to_owned()),
        DeviceChoice::Auto | DeviceChoice::Adapter(_) => None,
    };
    let adapter = args.adapter.as_ref().map(|name| format!(" --adapter {}", typed(Path::new(name))));
    let kernels = (args.kernels != Kernels::Fast).then(|| format!(" --kernels {}", args.kernels));
    let budget = args.vram_budget.map(|budget| format!(" --vram-budget {budget}"));
    [device, adapter, kernels, budget].into_iter().flatten().collect()
}

/// Says what begins.
fn announce(inputs: &Inputs, run: &Run<'_>, device: &DeviceReport, report: &mut Report) {
    let Settings { steps, guidance, .. } = run.settings();
    let [width, height] = run.largest_size();
    let seed = run.paint_options(0).map_or(0, |options| options.seed);
    let (device_text, model_text) = (device.to_string(), inputs.model.to_string());
    report.send(&RunEvent::Start {
        version: env!("CARGO_PKG_VERSION"),
        device: &device_text,
        model: &model_text,
        seed,
        width,
        height,
        steps,
        guidance,
        prompts: run.prompts().len(),
        images: run.images(),
        texts: run.prompts().iter().map(|prompt| &*prompt.quoted).collect(),
    });
    let model = inputs.model.title();
    report.progress.say(&format!("{model} on {device_text}: {width}x{height}, {steps} steps, seed {seed}"));
    let Remarks { notes, warnings } = inputs.remarks(run);
    for note in notes.iter().take(MOST_REMARKS) {
        report.progress.say(note);
    }
    for warning in warnings.iter().take(MOST_REMARKS) {
        report.warn(warning);
    }
    let now = device_name(device);
    if let Some(then) = inputs.recorded_device.as_ref().filter(|then| **then != now) {
        report.warn(&format!("the picture was made on {then}; on {now} pixels may differ slightly"));
    }
}

/// The files that a run writes.
struct Outputs {
    pictures: Names,
    /// As they were typed.
    output: Option<PathBuf>,
    save_blueprint: Option<PathBuf>,
    blueprints: Option<Names>,
    blueprint_only: bool,
    trace: Option<PathBuf>,
    metadata: bool,
    /// Whether pictures note folders: they may say who somebody is.
    note_paths: bool,
}

impl Outputs {
    /// Checks that each of them can be written.
    fn new(args: &GenerateArgs, inputs: &Inputs) -> Result<Self> {
        let (prompts, images) = (inputs.request.start.len(), inputs.request.images());
        let resumed = inputs.resumed.as_ref().map(|(_, run)| run);
        let output = resumed.map_or(args.output.as_deref(), |run| run.output.as_deref());
        let pictures = Names::new("--output", output.unwrap_or(Path::new(DEFAULT_OUTPUT)), "png", images)?;
        let blueprint = resumed.map_or(args.save_blueprint.as_deref(), |run| run.save_blueprint.as_deref());
        let blueprints =
            blueprint.map(|path| Names::new("--save-blueprint", path, "json", prompts)).transpose()?;
        let trace =
            args.trace.as_deref().map(|path| Names::new("--trace", path, "safetensors", 1)).transpose()?;
        let trace = trace.map(|names| names.path(1));
        if args.blueprint_only {
            // No picture is written.
        } else if output.is_none() {
            // Taken names are passed over.
            files::check_place("--output", &pictures.path(1))?;
        } else {
            let unsaved = (0..images.min(MOST_CHECKED)).filter(|&image| !inputs.is_saved(image));
            files::check_targets("--output", unsaved.map(|image| pictures.path(image + 1)))?;
        }
        if let Some(names) = &blueprints {
            let last = prompts.min(MOST_CHECKED);
            files::check_targets("--save-blueprint", (1..=last).map(|number| names.path(number)))?;
        }
        if let Some(path) = &trace {
            files::check_target("--trace", path)?;
        }
        Ok(Self {
            pictures,
            output: output.map(Path::to_owned),
            save_blueprint: blueprint.map(Path::to_owned),
            blueprints,
            blueprint_only: args.blueprint_only,
            trace,
            metadata: resumed.map_or(!args.no_metadata, |run| run.metadata),
            note_paths: resumed.map_or(args.note_paths, |run| run.note_paths),
        })
    }

    /// What `--resume` needs to know.
    fn note(&self, run: &mut Unfinished) {
        run.output.clone_from(&self.output);
        run.save_blueprint.clone_from(&self.save_blueprint);
        run.metadata = self.metadata;
        run.note_paths = self.note_paths;
    }

    /// What a picture notes of a path.
    fn noted(&self, path: String, name: impl FnOnce() -> String) -> String {
        if self.note_paths { path } else { name() }
    }

    /// What every picture notes.
    fn context(&self, inputs: &Inputs, device: String) -> RecordContext {
        RecordContext {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.noted(inputs.model.to_string(), || inputs.model.noted_name()),
            device,
            sources: inputs.sources.iter().map(|source| self.noted_path(&source.path)).collect(),
            latents: inputs.latents.as_ref().map(Latents::record),
        }
    }

    fn noted_path(&self, path: &Path) -> String {
        let name = || path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.noted(path.display().to_string(), name)
    }

    fn save_blueprint(&self, prompt: usize, blueprint: &Blueprint, report: &mut Report) -> Result<()> {
        if let Some(names) = &self.blueprints {
            let path = names.path(prompt + 1);
            blueprints::write(&path, blueprint)?;
            report.send(&RunEvent::BlueprintSaved { prompt, path: Some(&path), blueprint: None });
            report.progress.say(&format!("saved     {}", path.display()));
        } else if self.blueprint_only && report.prints_events() {
            report.send(&RunEvent::BlueprintSaved { prompt, path: None, blueprint: Some(blueprint) });
        } else if self.blueprint_only {
            report.progress.clear();
            stdout::line(&blueprints::to_json(blueprint)?)?;
        }
        Ok(())
    }

    fn save_picture(
        &self,
        picture: &Picture,
        context: &RecordContext,
        report: &mut Report,
    ) -> Result<PathBuf> {
        let image = picture.index;
        let record = self.metadata.then(|| picture.record(context));
        let bytes = metadata::encode(&picture.image, record.as_ref())?;
        // Names that the user did not choose are never written over.
        let path = if self.output.is_none() {
            files::write_new(self.pictures.paths(), &bytes)?
        } else {
            let path = self.pictures.path(image + 1);
            files::write(&path, &bytes)?;
            path
        };
        let (prompt, seed) = (picture.blueprint.prompt.as_str(), picture.options.seed);
        let blueprint_seed = picture.blueprint.seed;
        report.send(&RunEvent::Saved { path: &path, prompt, seed, blueprint_seed, image });
        // Both, where one alone would make another picture.
        let seeds = if blueprint_seed == seed {
            format!("seed {seed}")
        } else {
            format!("seed {seed}, blueprint seed {blueprint_seed}")
        };
        report.progress.say(&format!("saved     {} ({seeds})", path.display()));
        Ok(path)
    }
}
