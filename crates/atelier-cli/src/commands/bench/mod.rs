//! `atelier bench`: each stage compared with the copy and matmul throughput of the same device in the same run.

mod ceilings;
mod dispatches;
mod kernels;
mod report;
mod work;

use std::ops::ControlFlow;
use std::path::absolute;
use std::time::Instant;

use atelier::blueprint::{BLUEPRINT_FORMAT, TokenGrid};
use atelier::geometry::LATENT_PIXELS;
use atelier::prompt::{TargetGrids, check_size};
use atelier::rng::RNG_VERSION;
use atelier::{
    ArchitectOptions, Blueprint, Event, Latents, Observer, PreparedPrompt, Request, Run, Stage, device,
};
use futures_lite::future::block_on;

use crate::args::{BenchArgs, Measured};
use crate::error::{Error, Result};
use crate::guard;
use crate::model::Model;
use crate::session::{Session, Target};
use crate::ui::progress::Progress;
use crate::ui::style::{Style, say};
use ceilings::Kind;
use dispatches::Log;
use report::{ArchitectReport, PainterReport, PictureReport, Report, SubmissionsReport, VaeReport};

/// The prompt that is measured.
const PROMPT: &str = "A navy poster with the title 'OPEN' in large white letters at the top.";

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<()> {
    if args.kernel_table {
        return block_on(kernels::run(args));
    }
    if let Some(size) = args.size {
        check_size(size, size).map_err(|error| match error {
            atelier::Error::Request { expected, found, .. } => Error::flag("--size", expected, found),
            other => other.into(),
        })?;
    }
    let report = block_on(measure(args))?;
    report.print(args.json)
}

async fn measure(args: &BenchArgs) -> Result<Report> {
    let style = Style::of(args.json, args.quiet);
    let note = |text: &str| {
        if style != Style::Silent {
            say(text);
        }
    };
    let target = Target::of(&args.device)?;
    let model = match Model::choose(args.device.model.as_ref(), None) {
        // Counting kernels changes the folder for a moment.
        Model::Folder(path) => Model::Folder(absolute(&path).map_err(|error| Error::read(&path, error))?),
        built_in => built_in,
    };
    let log = if args.dispatches { Some(Log::new()?) } else { None };
    let opened = Session::open(model, &target).await;
    let log = log.map(Log::begin).transpose()?;
    let mut session = opened?;
    if let Some(warning) = session.warning() {
        note(&format!("warning: {warning}"));
    }
    let request =
        Request { width: args.size, height: args.size, steps: Some(args.steps), ..Request::new([PROMPT]) };
    let run = session.prepare(&request)?;
    let prompt = run.prompts()[0].clone();
    let painted = Request { steps: Some(args.steps), ..Request::of_blueprints([blueprint(&run, &prompt)]) };
    let size = prompt.options.width;
    let mut bench = Bench { args, session, prompt, written: request, painted, log, peak: 0 };
    let wanted = |stage| matches!(args.stage, Measured::All) || args.stage == Measured::Stage(stage);
    let (mut architect, mut painter, mut vae, mut picture) = (None, None, None, None);
    if wanted(Stage::Architect) {
        note("architect");
        architect = Some(bench.architect().await?);
    }
    if wanted(Stage::Painter) {
        note("painter");
        painter = Some(bench.painter().await?);
    }
    if wanted(Stage::Decoder) {
        note("VAE");
        vae = Some(bench.vae().await?);
    }
    if args.stage == Measured::Picture {
        note("a whole picture");
        picture = Some(bench.picture().await?);
    }
    let peak_bytes = bench.peak.max(work::host_peak().filter(|_| bench.peak == 0).unwrap_or(0));
    let submissions = SubmissionsReport::of(bench.session.device());
    // The log is still written to.
    let Bench { mut session, painted, log: _log, .. } = bench;
    session.prepare(&painted)?.release();
    note(&format!("measuring the throughput of {}", session.device));
    // After all stages: they take memory, of which the peak must not know.
    let ceilings = ceilings::measure(session.device(), Kind::of(&session.device))?;
    if let Some(found) = &mut architect {
        found.compare(&ceilings);
    }
    if let Some(found) = &mut painter {
        found.compare(&ceilings);
    }
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        model: session.model.name(),
        device: session.device.clone(),
        size,
        open_seconds: session.seconds,
        ceilings,
        architect,
        painter,
        vae,
        picture,
        submissions,
        peak_bytes,
    })
}

struct Bench<'a> {
    args: &'a BenchArgs,
    session: Session,
    prompt: PreparedPrompt,
    /// For the architect, and for the other stages.
    written: Request,
    painted: Request,
    log: Option<Log>,
    /// The most that was seen on a GPU.
    peak: u64,
}

/// When things happened, in seconds since the stage was asked for, and how many kernels had run.
#[derive(Debug, Default)]
struct Times {
    loaded: f64,
    /// Of every token or step.
    ends: Vec<f64>,
    launched: Vec<u64>,
}

impl Times {
    /// Seconds for one token or step: of all but the first, in which kernels are compiled.
    fn pace(&self) -> f64 {
        match (self.ends.first(), self.ends.last()) {
            (Some(first), Some(last)) if self.ends.len() > 1 => (last - first) / (self.ends.len() - 1) as f64,
            _ => f64::NAN,
        }
    }

    /// Kernels of one token or step.
    fn launches(&self) -> Option<u64> {
        let (first, last) = (self.launched.first()?, self.launched.last()?);
        (last - first).checked_div(self.launched.len() as u64 - 1)
    }
}

impl Bench<'_> {
    /// Reloads the stage and runs it until `enough` tokens or steps are done.
    async fn watch(&mut self, stage: Stage, enough: usize) -> Result<Times> {
        let request = if stage == Stage::Architect { &self.written } else { &self.painted };
        let mut run = self.session.prepare(request)?;
        run.release();
        let started = Instant::now();
        let (mut times, mut peak) = (Times::default(), 0);
        let log = &self.log;
        let target = run.pipeline().device().clone();
        let mut observer = Observer::new(|event: &Event| {
            let now = started.elapsed().as_secs_f64();
            match event {
                Event::Load { stage: loading, bytes, total } if *loading == stage && bytes >= total => {
                    times.loaded = now;
                }
                Event::BlueprintToken { .. } | Event::Step { .. } => {
                    times.ends.push(now);
                    times.launched.extend(log.as_ref().map(Log::count));
                }
                _ => return ControlFlow::Continue(()),
            }
            peak = peak.max(device::memory(&target).unwrap_or(0));
            if times.ends.len() >= enough { ControlFlow::Break(()) } else { guard::flow() }
        })
        .stopping(guard::interrupted);
        let outcome = match stage {
            Stage::Architect => run.blueprint(0, &mut observer).await.map(|_| ()),
            _ => run.paint(0, &mut observer).await.map(|_| ()),
        };
        drop(observer);
        self.peak = self.peak.max(peak);
        guard::check_interrupt()?;
        match outcome {
            // It was this function that stopped the run.
            Ok(()) | Err(atelier::Error::Cancelled) => Ok(times),
            Err(error) => Err(error.into()),
        }
    }

    async fn architect(&mut self) -> Result<ArchitectReport> {
        let cold = self.watch(Stage::Architect, self.args.tokens).await?;
        let warm = self.watch(Stage::Architect, self.args.tokens).await?;
        let bytes = work::bytes_of_token(self.session.checkpoint());
        let rate = 1.0 / warm.pace();
        Ok(ArchitectReport {
            load_seconds: cold.loaded,
            load_again_seconds: warm.loaded,
            prompt_seconds: warm.ends.first().map_or(f64::NAN, |first| first - warm.loaded),
            tokens_per_second: rate,
            bytes_of_token: bytes,
            bandwidth_share: f64::NAN,
            kernels_of_token: warm.launches(),
        })
    }

    async fn painter(&mut self) -> Result<PainterReport> {
        let times = self.watch(Stage::Painter, self.args.steps).await?;
        let checkpoint = self.session.checkpoint();
        let guided = self.session.defaults().guidance > 1.0;
        let operations = work::operations_of_step(checkpoint, &self.prompt, guided);
        let rate = operations / times.pace();
        Ok(PainterReport {
            load_seconds: times.loaded,
            seconds_of_step: times.pace(),
            operations_of_step: operations,
            operations_per_second: rate,
            matmul_share: f64::NAN,
            multiply_add_share: f64::NAN,
            kernels_of_step: times.launches(),
        })
    }

    async fn vae(&mut self) -> Result<VaeReport> {
        let mut run = self.session.prepare(&self.painted)?;
        run.release();
        let channels = run.pipeline().checkpoint().config().vae.latent_channels;
        let side = self.prompt.options.width / LATENT_PIXELS;
        let latents =
            Latents { channels, height: side, width: side, values: vec![0.0; channels * side * side] };
        let mut seconds = Vec::new();
        for _ in 0..2 {
            let started = Instant::now();
            run.decode(0, &latents, &mut Observer::silent()).await?;
            seconds.push(started.elapsed().as_secs_f64());
            self.peak = self.peak.max(device::memory(run.pipeline().device()).unwrap_or(0));
            guard::check_interrupt()?;
        }
        let [first, second] =
            [seconds.first(), seconds.last()].map(|seconds| seconds.copied().unwrap_or(f64::NAN));
        Ok(VaeReport { first_seconds: first, seconds: second })
    }

    /// From the prompt to the pixels, everything loaded anew.
    async fn picture(&mut self) -> Result<PictureReport> {
        let mut run = self.session.prepare(&self.written)?;
        run.release();
        let target = run.pipeline().device().clone();
        let started = Instant::now();
        let (mut progress, mut peak, mut tokens) = (Progress::new(Style::Silent), 0, 0);
        let mut observer = Observer::new(|event: &Event| {
            progress.on(event);
            tokens += usize::from(matches!(event, Event::BlueprintToken { .. }));
            peak = peak.max(device::memory(&target).unwrap_or(0));
            guard::flow()
        });
        while run.next_blueprint(&mut observer).await?.is_some() {}
        while run.next_picture(&mut observer).await?.is_some() {}
        drop(observer);
        self.peak = self.peak.max(peak);
        let seconds = started.elapsed().as_secs_f64();
        Ok(PictureReport { seconds, stages: progress.seconds(), tokens, steps: self.args.steps })
    }
}

/// One whose codes mean nothing: the painter's work does not depend on them.
fn blueprint(run: &Run<'_>, prompt: &PreparedPrompt) -> Blueprint {
    let ArchitectOptions { width, height, seed, sampling } = prompt.options;
    let checkpoint = run.pipeline().checkpoint();
    let grid = TargetGrids::for_size(width, height).large;
    let codes = checkpoint.config().prior.vq_config.num_embeddings.max(1);
    let ids = (0..grid.len()).map(|place| (place * 7919 % codes) as u32).collect();
    Blueprint {
        format: BLUEPRINT_FORMAT.to_owned(),
        model: checkpoint.fingerprint().to_owned(),
        prompt: PROMPT.to_owned(),
        quotes: prompt.quotes,
        width,
        height,
        seed,
        sampling,
        rng: RNG_VERSION,
        draft: None,
        large: TokenGrid { rows: grid.rows, columns: grid.columns, ids },
        sources: Vec::new(),
    }
}
