//! `atelier plan`: the device memory that a run would need.

use std::fmt::Write;

use atelier::memory::{MemoryPlan, Part, PlanRequest, StagePlan, plan};
use atelier::packing::{plan as lay_out, plan_checkpoint};
use atelier::prior::CachePrecision;
use atelier::vae::DecodeMode;
use atelier::{Checkpoint, ModelConfig};
use atelier_weights::{Encoding, Policy, Scheme, TensorEntry};
use futures_lite::future::block_on;
use serde::Serialize;

use crate::args::{PlanArgs, PlanScheme};
use crate::error::{Error, Result, one_line};
use crate::model::Model;
use crate::session::memory::{GB, bytes_of};
use crate::ui::stdout;

/// What is planned for, and the plan.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    scheme: String,
    width: usize,
    height: usize,
    images: usize,
    /// The most bytes at once, and so the smallest budget that does.
    peak: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
    largest_buffer: Option<Part>,
    /// Of packed weights; other buffers are bound as they are.
    largest_packed: Option<Part>,
    stages: Vec<StageReport>,
}

#[derive(Debug, Serialize)]
struct StageReport {
    weights: u64,
    persistent: u64,
    workspace: u64,
    peak: u64,
    peak_at: String,
    #[serde(flatten)]
    plan: StageDetail,
}

/// The stage's own fields under the names that do not clash with the sums.
#[derive(Debug, Serialize)]
struct StageDetail {
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<DecodeMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CachePrecision>,
    persistent_parts: Vec<Part>,
    workspace_parts: Vec<Part>,
}

/// Prints the plan; what does not fit the budget is an error with a code of its own.
pub fn run(args: &PlanArgs) -> Result<()> {
    let budget = args.vram_budget.map(bytes_of).transpose()?;
    let subject = Subject::of(args)?;
    let side = subject.config.vae.sample_size;
    let request = PlanRequest {
        sources: args.images,
        budget,
        prompt_tokens: args.prompt_tokens.unwrap_or(256),
        glyph_tokens: args.glyph_tokens.unwrap_or(256),
        ..PlanRequest::new(args.width.unwrap_or(side), args.height.unwrap_or(side), subject.packed)
    };
    let plan = plan(&subject.config, &subject.tensors, &request)?;
    let report = report(&plan, &subject, &request);
    if args.json {
        stdout::line(&serde_json::to_string(&report).map_err(|error| Error::Crash(error.to_string()))?)?;
    } else {
        stdout::write(describe(&report).as_bytes())?;
    }
    match budget {
        Some(budget) if !plan.fits(budget) => {
            let largest = report.stages.iter().max_by_key(|stage| stage.peak);
            let stage = largest.map_or("", |stage| stage.plan.stage);
            Err(Error::Budget { stage, needed: report.peak, budget })
        }
        _ => Ok(()),
    }
}

/// The model that is planned for.
struct Subject {
    name: String,
    scheme: String,
    config: ModelConfig,
    tensors: Vec<TensorEntry>,
    packed: bool,
}

impl Subject {
    fn of(args: &PlanArgs) -> Result<Self> {
        if let Some(preset) = args.like {
            let config = preset.config()?;
            let scheme = args.scheme.unwrap_or_default();
            let (policy, kept) = scheme.policy(preset.stored());
            let layout = lay_out(&config, &policy, |_, _| kept);
            let name = format!("like {}", preset.name());
            let (scheme, packed) = (scheme.name().to_owned(), scheme.is_packed());
            return Ok(Self { name, scheme, config, tensors: layout.tensors, packed });
        }
        let model = Model::choose(args.model.as_ref(), None);
        let checkpoint = block_on(Checkpoint::open(model.source()?))?;
        let (name, config) = (model.title(), checkpoint.config().clone());
        if let Some(manifest) = checkpoint.manifest() {
            if let Some(scheme) = args.scheme {
                return Err(Error::flag("--scheme", "none for a pack, which has its own", scheme.name()));
            }
            let (scheme, tensors) = (manifest.policy.clone(), manifest.tensors.clone());
            return Ok(Self { name, scheme, config, tensors, packed: true });
        }
        // A checkpoint is computed with as f32, unless it is packed before.
        let scheme = args.scheme.unwrap_or(PlanScheme::F32);
        let (policy, kept) = scheme.policy(Scheme::Bf16);
        let layout = match scheme {
            PlanScheme::F16 | PlanScheme::F32 => lay_out(&config, &policy, |_, _| kept),
            _ => plan_checkpoint(&checkpoint, &policy)?,
        };
        let (scheme, packed) = (scheme.name().to_owned(), scheme.is_packed());
        Ok(Self { name, scheme, config, tensors: layout.tensors, packed })
    }
}

impl PlanScheme {
    fn name(self) -> &'static str {
        match self {
            Self::Q4 => "q4",
            Self::Q8 => "q8",
            Self::Mixed => "mixed",
            Self::F16 => "f16",
            Self::F32 => "f32",
        }
    }

    /// Whether matrices stay packed on the device.
    fn is_packed(self) -> bool {
        self != Self::F32
    }

    /// Its policy, and how what that keeps is stored where the checkpoint has `stored`.
    fn policy(self, stored: Scheme) -> (Policy, Scheme) {
        let keep = || Policy { name: self.name().to_owned(), rules: Vec::new(), otherwise: Encoding::Keep };
        match self {
            Self::Q4 => (Policy::q4(), stored),
            Self::Q8 => (Policy::q8(), stored),
            Self::Mixed => (Policy::mixed(), stored),
            Self::F16 => (keep(), Scheme::F16),
            Self::F32 => (keep(), Scheme::F32),
        }
    }
}

fn report(plan: &MemoryPlan, subject: &Subject, request: &PlanRequest) -> Report {
    Report {
        model: subject.name.clone(),
        scheme: subject.scheme.clone(),
        width: request.width,
        height: request.height,
        images: request.sources,
        peak: plan.peak(),
        budget: request.budget,
        fits: request.budget.map(|budget| plan.fits(budget)),
        largest_buffer: plan.largest_buffer(),
        largest_packed: plan.largest_packed().cloned(),
        stages: plan.stages.iter().map(stage_report).collect(),
    }
}

fn stage_report(stage: &StagePlan) -> StageReport {
    let point = stage.largest_point();
    StageReport {
        weights: stage.weights.bytes,
        persistent: stage.persistent(),
        workspace: point.map_or(0, |point| point.total()),
        peak: stage.peak(),
        peak_at: point.map(|point| point.name.clone()).unwrap_or_default(),
        plan: StageDetail {
            stage: stage.stage.name(),
            mode: stage.mode,
            cache: stage.cache,
            persistent_parts: stage.persistent.clone(),
            workspace_parts: point.map(|point| point.parts.clone()).unwrap_or_default(),
        },
    }
}

fn describe(report: &Report) -> String {
    let Report { model, scheme, width, height, images, peak, budget, .. } = report;
    let sources = match images {
        0 => String::new(),
        1 => ", 1 source image".to_owned(),
        count => format!(", {count} source images"),
    };
    let mut text = format!("{}, {scheme}, {width} x {height} pixels{sources}\n\n", one_line(model));
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:<11}{:>10}{:>12}{:>11}{:>10}  peak at",
        "stage", "weights", "persistent", "workspace", "peak"
    );
    for stage in &report.stages {
        let mode = match (stage.plan.mode, stage.plan.cache) {
            (Some(DecodeMode::Bands), _) => " (in bands)",
            (_, Some(CachePrecision::F16)) => " (cache of 16 bits)",
            _ => "",
        };
        let sums = [stage.weights, stage.persistent, stage.workspace, stage.peak].map(gigabytes);
        let [weights, persistent, workspace, peak] = sums;
        let (name, peak_at) = (stage.plan.stage, &stage.peak_at);
        let _ = writeln!(
            text,
            "{name:<11}{weights:>10}{persistent:>12}{workspace:>11}{peak:>10}  {peak_at}{mode}"
        );
    }
    text.push('\n');
    for (name, part) in [("buffer", &report.largest_buffer), ("packed weights", &report.largest_packed)] {
        if let Some(part) = part {
            let _ = writeln!(
                text,
                "largest {name:<15} {:>9} GB  {}",
                gigabytes(part.bytes),
                one_line(&part.what)
            );
        }
    }
    let _ = writeln!(text, "peak                    {:>9} GB  {peak} bytes", gigabytes(*peak));
    if let Some(budget) = budget {
        let fits = if report.fits == Some(true) { "fits" } else { "does not fit" };
        let _ = writeln!(text, "budget                  {:>9} GB  {fits}", gigabytes(*budget));
    }
    text
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.3}", bytes as f64 / GB)
}
