//! `atelier rehearse`: all that should be known of a machine before it draws, in one go, for a table.
//!
//! Every stage is this program once more: one that crashes, or hangs in a driver, costs its own figures and no others.

mod markdown;
mod process;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use atelier::DeviceChoice;

use crate::args::RehearseArgs;
use crate::error::{Error, Result};
use crate::guard;
use crate::io::files;
use crate::session::check_adapter;
use crate::ui::format::{counted, duration};
use crate::ui::style::{Style, say};
use process::{Outcome, Status};

/// Steps of the painter, of which the first is not counted.
const STEPS: &str = "4";

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    /// `full`, or `mini` where it is small.
    sizes: &'static str,
    /// Of each model; none where there are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<usize>,
    stages: Vec<Stage>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    /// What it is about, such as a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    /// As one would type it.
    command: String,
    limit_seconds: f64,
    seconds: f64,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What the command printed.
    #[serde(skip_serializing_if = "Value::is_null")]
    result: Value,
}

/// A stage that is still to be run.
struct Task {
    name: &'static str,
    size: Option<usize>,
    args: Vec<OsString>,
    /// In seconds.
    limit: f64,
    needs_model: bool,
}

impl Task {
    fn new(name: &'static str, limit: f64, args: &[&str]) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { name, size: None, args, limit, needs_model: false }
    }

    fn and(mut self, args: &[OsString]) -> Self {
        self.args.extend_from_slice(args);
        self
    }

    /// A measurement of the model at a size.
    fn bench(name: &'static str, limit: f64, stage: &str, size: usize, model: &Path) -> Self {
        let side = size.to_string();
        let args = ["bench", "--stage", stage, "--size", &side, "--steps", STEPS, "--json", "--model"];
        let task = Self::new(name, limit, &args).and(&[model.into()]);
        Self { size: Some(size), needs_model: true, ..task }
    }

    /// The command, with the model's place left out.
    fn typed(&self, model: &Path) -> String {
        let words = self.args.iter().map(|arg| {
            if Path::new(arg) == model { "PACK".into() } else { arg.to_string_lossy().into_owned() }
        });
        std::iter::once("atelier".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Runs the command.
///
/// # Errors
/// [`Error::Broken`] when a stage has failed or ran out of time, after all of them.
pub fn run(args: &RehearseArgs) -> Result<()> {
    if let Some(limit) = args.limit.filter(|limit| !(limit.is_finite() && *limit > 0.0)) {
        return Err(Error::flag("--limit", "a number of seconds above 0", limit));
    }
    check_adapter(&args.device, args.adapter.as_deref())?;
    let place = place(args);
    guard::watch_interrupts();
    fs::create_dir_all(&args.output).map_err(|error| Error::write(&args.output, error))?;
    // Of the size of a model: beside the results, where there is room, and gone in the end.
    let folder = tempfile::tempdir_in(&args.output).map_err(|error| Error::write(&args.output, error))?;
    let model = folder.path().join("model");
    let style = Style::of(false, args.quiet);
    let note = |text: &str| {
        if style != Style::Silent {
            say(text);
        }
    };
    let start = Instant::now();
    let layers = if args.all_layers { None } else { Some(args.layers) };
    let sizes = if args.small { "mini" } else { "full" };
    let mut report =
        Report { version: env!("CARGO_PKG_VERSION"), sizes, layers, stages: Vec::new(), seconds: 0.0 };
    let mut has_model = false;
    let mut cancelled = Ok(());
    for task in tasks(args, &place, &model) {
        let limit = args.limit.unwrap_or(task.limit);
        note(&format!("{}, at most {}", task.title(), duration(limit)));
        let outcome = if task.needs_model && !has_model {
            Outcome {
                status: Status::Skipped,
                seconds: 0.0,
                result: Value::Null,
                problem: Some("there is no model".into()),
            }
        } else {
            match process::run(&task.args, Duration::from_secs_f64(limit.min(1e6)), folder.path()) {
                Ok(outcome) => outcome,
                Err(error) => {
                    cancelled = Err(error);
                    break;
                }
            }
        };
        has_model |= task.name == "model" && outcome.status == Status::Done;
        let Outcome { status, seconds, result, problem } = outcome;
        if let Some(problem) = &problem {
            note(&format!("  {}: {problem}", markdown::status_name(status)));
        }
        let (name, size, command) = (task.name, task.size, task.typed(&model));
        let stage = Stage { name, size, command, limit_seconds: limit, seconds, status, problem, result };
        report.stages.push(stage);
    }
    report.seconds = start.elapsed().as_secs_f64();
    // Also of what a Ctrl-C has cut short.
    let json = serde_json::to_vec_pretty(&report).map_err(|error| Error::Crash(error.to_string()))?;
    let [json_path, table_path] = ["rehearsal.json", "rehearsal.md"].map(|name| args.output.join(name));
    files::write(&json_path, &json)?;
    files::write(&table_path, markdown::of(&report).as_bytes())?;
    note(&format!("saved {} and {}", json_path.display(), table_path.display()));
    cancelled?;
    let failed = report.stages.iter().filter(|stage| stage.status != Status::Done).count();
    if failed == 0 {
        return Ok(());
    }
    let stages = counted(report.stages.len(), "stage");
    Err(Error::Broken(format!("{failed} of {stages} did not end well: {} says which", table_path.display())))
}

impl Task {
    fn title(&self) -> String {
        self.size.map_or_else(|| self.name.to_owned(), |size| format!("{}, {size}x{size}", self.name))
    }
}

/// The device as further commands take it.
fn place(args: &RehearseArgs) -> Vec<OsString> {
    let device = match args.device {
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Gpu => "gpu",
        DeviceChoice::Auto | DeviceChoice::Adapter(_) => "auto",
    };
    let adapter = args.adapter.iter().flat_map(|name| ["--adapter", name]);
    ["--device", device].into_iter().chain(adapter).map(OsString::from).collect()
}

fn tasks(args: &RehearseArgs, place: &[OsString], model: &Path) -> Vec<Task> {
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let (preset, sizes, scale) = if args.small {
        ("mini", [128, 256], words(&["--small"]))
    } else {
        ("full", [512, 1024], Vec::new())
    };
    let (fewer, making) = if args.all_layers {
        (Vec::new(), 1800.0)
    } else {
        (words(&["--layers", &args.layers.to_string()]), 600.0)
    };
    let [_, largest] = sizes;
    let mut tasks = vec![
        Task::new("device", 60.0, &["doctor", "--json"]),
        Task::new("check", 120.0, &["doctor", "--check", "--json"]).and(place),
        Task::new("kernels", 300.0, &["bench", "--kernel-table", "--json"]).and(&scale).and(place),
        Task::new("model", making, &["synth", "-q", "--like", preset])
            .and(&fewer)
            .and(&["-o".into(), model.into()]),
    ];
    let more = words(&["--tokens", "256"]);
    for size in sizes {
        tasks.push(Task::bench("architect", 180.0, "architect", size, model).and(&more).and(place));
        tasks.push(Task::bench("painter", 240.0, "painter", size, model).and(place));
    }
    tasks.push(Task::bench("decoder", 240.0, "vae", largest, model).and(place));
    tasks.push(Task::bench("picture", 600.0, "picture", largest, model).and(place));
    tasks
}
