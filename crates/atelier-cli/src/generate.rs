//! `atelier generate`: check everything, then draw.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use atelier::record::{RUN_FORMAT, RunRecord, device_name};
use atelier::{Blueprint, DeviceReport, Event, Picture, Pipeline, Request, Run};
use futures_lite::future::block_on;

use crate::cli::GenerateArgs;
use crate::error::Result;
use crate::events::RunEvent;
use crate::metadata;
use crate::names::Names;
use crate::plan::{Plan, Work};
use crate::report::Report;
use crate::{blueprints, files, guard, memory, stdout, trace};

/// Where pictures go when nobody says: the first numbers that are free.
const DEFAULT_OUTPUT: &str = "atelier-%03d.png";

/// Draws what the command line asks for.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let start = Instant::now();
    let plan = Plan::new(args)?;
    let outputs = Outputs::new(args, &plan)?;
    guard::watch_interrupts();
    let report = RefCell::new(Report::new(args.json, args.quiet));
    block_on(draw(&plan, &outputs, &report))?;
    let mut report = report.into_inner();
    let stages = report.progress.seconds();
    report.send(&RunEvent::Done { seconds: start.elapsed().as_secs_f64(), stages });
    report.finish()
}

async fn draw(plan: &Plan, outputs: &Outputs, report: &RefCell<Report>) -> Result<()> {
    let source = plan.model.source()?;
    let (device, device_report) = plan.place.open().await?;
    // Never dropped: the process ends with the run, and after a panic the device must not be touched again.
    let mut pipeline = ManuallyDrop::new(Pipeline::load(source, device).await?);
    let request = plan.request(pipeline.checkpoint());
    plan.check(&request, &pipeline)?;
    memory::limit(&mut pipeline, &request, &device_report, &plan.model, plan.vram_budget)?;
    guard::check_interrupt()?;
    announce(plan, &request, &device_report, &mut report.borrow_mut());

    let mut run = Run::observed(|event: &Event| {
        report.borrow_mut().on(event);
        if guard::interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if outputs.trace.is_some() {
        run = run.traced();
    }
    let sources = pipeline.sources(&request.sources, &mut run).await?;
    if !request.sources.is_empty() {
        report.borrow_mut().progress.sources_read(request.sources.len());
    }
    guard::check_interrupt()?;
    let blueprints = match &plan.work {
        Work::Blueprint { blueprint, .. } => vec![Blueprint::clone(blueprint)],
        Work::Prompts { .. } => {
            let blueprints = pipeline.blueprints(&request, &sources, &mut run).await?;
            // Before the painter begins: its failure must not lose them.
            outputs.save_blueprints(&blueprints, report)?;
            blueprints
        }
    };
    let pictures = if outputs.blueprint_only {
        Vec::new()
    } else {
        pipeline.pictures(blueprints, &request, &sources, &mut run).await?
    };
    guard::check_interrupt()?;
    if let Some(path) = &outputs.trace {
        trace::write(path, &run.trace.into_tensors().await?)?;
    }
    for (image, picture) in pictures.iter().enumerate() {
        let record = RunRecord {
            format: RUN_FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: plan.model.to_string(),
            device: device_name(&device_report),
            blueprint: Blueprint::clone(&picture.blueprint),
            paint: picture.options,
            image,
            images: pictures.len(),
            sources: plan.sources.iter().map(|source| source.path.display().to_string()).collect(),
            latents: plan.latents.as_ref().map(|latents| latents.record(image)),
        };
        outputs.save_picture(picture, &record, &mut report.borrow_mut())?;
    }
    Ok(())
}

/// Says what begins.
fn announce(plan: &Plan, request: &Request, device: &DeviceReport, report: &mut Report) {
    let Request { width, height, steps, guidance, seed, .. } = *request;
    let (device_text, model_text) = (device.to_string(), plan.model.to_string());
    report.send(&RunEvent::Start {
        version: env!("CARGO_PKG_VERSION"),
        device: &device_text,
        model: &model_text,
        seed,
        width,
        height,
        steps,
        guidance,
        prompts: request.prompts.len(),
        images: request.images(),
    });
    let model = plan.model.title();
    report.progress.say(&format!("{model} on {device_text}: {width}x{height}, {steps} steps, seed {seed}"));
    let now = device_name(device);
    if let Some(then) = plan.recorded_device.as_ref().filter(|then| **then != now) {
        report.warn(&format!("the picture was made on {then}; on {now} pixels may differ slightly"));
    }
}

/// The files that a run writes.
struct Outputs {
    pictures: Names,
    /// Names that the user did not choose are never written over.
    first_free: bool,
    blueprints: Option<Names>,
    blueprint_only: bool,
    trace: Option<PathBuf>,
    metadata: bool,
}

impl Outputs {
    /// Checks that each of them can be written.
    fn new(args: &GenerateArgs, plan: &Plan) -> Result<Self> {
        let (prompts, images) = (plan.prompts(), plan.prompts().saturating_mul(plan.images_per_prompt));
        let output = args.output.as_deref().unwrap_or(Path::new(DEFAULT_OUTPUT));
        let pictures = Names::new("--output", output, "png", images)?;
        let blueprint = args.save_blueprint.as_deref();
        let blueprints =
            blueprint.map(|path| Names::new("--save-blueprint", path, "json", prompts)).transpose()?;
        let trace =
            args.trace.as_deref().map(|path| Names::new("--trace", path, "safetensors", 1)).transpose()?;
        let trace = trace.map(|names| names.path(1));
        if !args.blueprint_only {
            files::check_target("--output", &pictures.path(1))?;
        }
        if let Some(names) = &blueprints {
            files::check_target("--save-blueprint", &names.path(1))?;
        }
        if let Some(path) = &trace {
            files::check_target("--trace", path)?;
        }
        let (first_free, metadata) = (args.output.is_none(), !args.no_metadata);
        Ok(Self { pictures, first_free, blueprints, blueprint_only: args.blueprint_only, trace, metadata })
    }

    fn save_blueprints(&self, blueprints: &[Blueprint], report: &RefCell<Report>) -> Result<()> {
        for (prompt, blueprint) in blueprints.iter().enumerate() {
            if let Some(names) = &self.blueprints {
                let path = names.path(prompt + 1);
                blueprints::write(&path, blueprint)?;
                let mut report = report.borrow_mut();
                report.send(&RunEvent::BlueprintSaved { prompt, path: Some(&path), blueprint: None });
                report.progress.say(&format!("saved     {}", path.display()));
            } else if self.blueprint_only && report.borrow().prints_events() {
                let event = RunEvent::BlueprintSaved { prompt, path: None, blueprint: Some(blueprint) };
                report.borrow_mut().send(&event);
            } else if self.blueprint_only {
                report.borrow_mut().progress.clear();
                stdout::line(&blueprints::to_json(blueprint)?)?;
            }
        }
        Ok(())
    }

    fn save_picture(&self, picture: &Picture, record: &RunRecord, report: &mut Report) -> Result<()> {
        let bytes = metadata::encode(&picture.image, self.metadata.then_some(record))?;
        let path = if self.first_free {
            files::write_new(self.pictures.paths(), &bytes)?
        } else {
            let path = self.pictures.path(record.image + 1);
            files::write(&path, &bytes)?;
            path
        };
        let (prompt, seed) = (picture.blueprint.prompt.as_str(), picture.options.seed);
        report.send(&RunEvent::Saved { path: &path, prompt, seed, image: record.image });
        report.progress.say(&format!("saved     {} (seed {seed})", path.display()));
        Ok(())
    }
}
