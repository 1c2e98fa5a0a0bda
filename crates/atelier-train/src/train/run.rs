//! The loop around a training: rate, records, checkpoints and resumption.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::error::{Result, TrainError};
use super::files;
use super::parameters::Parameters;
use super::task::{Figures, Progress, Task};

/// Share of the steps in which the rate rises.
const RISE: f64 = 0.02;
/// Share of the steps, at the end, in which it falls to nothing.
const FALL: f64 = 0.3;
const CLIP: f64 = 1.0;
const SAVE_EVERY: Duration = Duration::from_secs(120);

/// How a training is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of all trainings; each has its own below.
    pub work: PathBuf,
    /// Steps in all, those already taken included.
    pub steps: u64,
    /// Steps between checks.
    pub check_every: u64,
    /// Factor on the task's own learning rate.
    pub rate: f64,
    /// Seed of weights.
    pub seed: u64,
}

impl Options {
    /// Where a training keeps its weights.
    pub fn state(&self, task: &str) -> PathBuf {
        self.work.join(task).join("state.safetensors")
    }
}

/// Trains until all steps are taken or `stop` is set; goes on where an earlier run left off.
///
/// # Errors
/// A file cannot be written, the device fails, or the loss diverges. The last checkpoint stays.
pub fn run(task: &mut dyn Task, options: &Options, device: &Device, stop: &AtomicBool) -> Result<()> {
    let state = options.state(task.name());
    let mut parameters = Parameters::new(device, options.seed, task.policy());
    let mut seen_before = 0;
    if state.is_file() {
        let notes = parameters.load(&state)?;
        seen_before = notes.get("seen").and_then(|seen| seen.parse().ok()).unwrap_or(0);
        task.resume(seen_before);
        eprintln!("{}: going on after step {}", task.name(), parameters.steps());
    } else {
        task.begin(&mut parameters)?;
    }
    let mut record = Record::open(&options.work.join(task.name()))?;
    let (begin, first) = (Instant::now(), parameters.steps());
    let mut saved = Instant::now();
    let mut losses = Vec::new();

    while parameters.steps() < options.steps && !stop.load(Ordering::Relaxed) {
        let progress = Progress { step: parameters.steps(), total: options.steps };
        parameters.track();
        let loss = task.loss(progress, &mut parameters)?;
        let value = files::scalar(loss.clone().inner())?;
        let rate = task.rate() * options.rate * schedule(progress.share());
        let norm = parameters.step(loss.backward(), rate, CLIP)?;
        losses.push(f64::from(value));

        let step = parameters.steps();
        let last = step == options.steps;
        if step % 20 == 0 || last {
            let seconds = begin.elapsed().as_secs_f64();
            let each = seconds / (step - first) as f64;
            let left = Duration::from_secs_f64(each * (options.steps - step) as f64);
            let samples = (task.seen() - seen_before) as f64 / seconds;
            let mean = losses.iter().sum::<f64>() / losses.len() as f64;
            eprintln!(
                "{} {step}/{} · loss {mean:.4} · norm {norm:.2} · {each:.2} s a step, {samples:.1} samples a second · {} left",
                task.name(),
                options.steps,
                minutes(left),
            );
            record.line(step, task.seen(), "loss", mean)?;
            losses.clear();
        }
        if step % options.check_every == 0 || last {
            parameters.use_average();
            let figures = task.check(&mut parameters)?;
            report(task.name(), step, &figures);
            for (name, value) in figures {
                record.line(step, task.seen(), name, value)?;
            }
        }
        if saved.elapsed() > SAVE_EVERY || last {
            parameters.save(&state, task.seen())?;
            saved = Instant::now();
        }
    }
    parameters.save(&state, task.seen())
}

/// Measures a trained model without training it.
///
/// # Errors
/// There is no checkpoint, or the check fails.
pub fn check(task: &mut dyn Task, options: &Options, device: &Device) -> Result<Figures> {
    let mut parameters = averages(task, options, device)?;
    let figures = task.check(&mut parameters)?;
    report(task.name(), parameters.steps(), &figures);
    Ok(figures)
}

/// The averaged weights of a training.
///
/// # Errors
/// There is no checkpoint.
pub(super) fn averages(task: &dyn Task, options: &Options, device: &Device) -> Result<Parameters> {
    let state = options.state(task.name());
    if !state.is_file() {
        return Err(TrainError::Missing { path: state, stage: task.name() });
    }
    let mut parameters = Parameters::new(device, options.seed, task.policy());
    parameters.load(&state)?;
    parameters.use_average();
    Ok(parameters)
}

/// Up, along, and down to nothing: the factor on the rate.
fn schedule(share: f64) -> f64 {
    (share / RISE).min(1.0).min((1.0 - share) / FALL).max(0.002)
}

fn report(task: &str, step: u64, figures: &Figures) {
    let figures: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    eprintln!("{task} {step} · {}", figures.join(" · "));
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// The curves of a training: `curve.csv`, one figure a line.
struct Record {
    path: PathBuf,
}

impl Record {
    fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| TrainError::file(folder, error))?;
        let path = folder.join("curve.csv");
        if !path.is_file() {
            std::fs::write(&path, "step,samples,figure,value\n")
                .map_err(|error| TrainError::file(&path, error))?;
        }
        Ok(Self { path })
    }

    fn line(&mut self, step: u64, samples: u64, figure: &str, value: f64) -> Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path);
        file.and_then(|mut file| writeln!(file, "{step},{samples},{figure},{value}"))
            .map_err(|error| TrainError::file(&self.path, error))
    }
}
