//! What `atelier bench` found.

use std::fmt::Write;

use atelier::{Device, DeviceReport, device};
use serde::Serialize;

use super::ceilings::Ceilings;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::ui::format::{duration, rate, size};
use crate::ui::stdout;

#[derive(Debug, Serialize)]
pub struct Report {
    version: &'static str,
    model: String,
    device: DeviceReport,
    size: usize,
    /// Seconds to open the model: configurations, headers, small hashes.
    open_seconds: f64,
    pub ceilings: Ceilings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architect: Option<ArchitectReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub painter: Option<PainterReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vae: Option<VaeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submissions: Option<SubmissionsReport>,
    /// Peak memory: of the GPU, as its driver allocated it, or else of the process.
    pub peak_bytes: u64,
}

#[derive(Debug, Serialize)]
pub struct ArchitectReport {
    /// The first time in this process, and again.
    pub load_seconds: f64,
    pub load_again_seconds: f64,
    /// Reading the prompt, up to the first token.
    pub prompt_seconds: f64,
    pub tokens_per_second: f64,
    /// Weights that a token reads.
    pub bytes_of_token: u64,
    /// Of the copy's bytes a second.
    pub bandwidth_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels_of_token: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct PainterReport {
    pub load_seconds: f64,
    pub seconds_of_step: f64,
    pub operations_of_step: f64,
    pub operations_per_second: f64,
    /// Of the faster matrix product's.
    pub matmul_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels_of_step: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct VaeReport {
    /// Loading and compiling included.
    pub first_seconds: f64,
    pub seconds: f64,
}

/// What a GPU was given to do at a time.
#[derive(Debug, Serialize)]
pub struct SubmissionsReport {
    /// The best rate that was seen of it, which submissions are measured by.
    pub operations_per_second: f64,
    /// The most operations of a submission.
    pub largest: f64,
}

impl SubmissionsReport {
    pub fn of(device: &Device) -> Option<Self> {
        let operations_per_second = device::rate(device)?;
        Some(Self { operations_per_second, largest: device::tally(device).largest })
    }
}

impl Report {
    pub fn new(
        model: &Model,
        device: DeviceReport,
        size: usize,
        open_seconds: f64,
        ceilings: Ceilings,
    ) -> Self {
        let (version, model) = (env!("CARGO_PKG_VERSION"), model.name());
        let (architect, painter, vae, submissions, peak_bytes) = (None, None, None, None, 0);
        Self {
            version,
            model,
            device,
            size,
            open_seconds,
            ceilings,
            architect,
            painter,
            vae,
            submissions,
            peak_bytes,
        }
    }

    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            let json = serde_json::to_string(self).map_err(|error| Error::Crash(error.to_string()))?;
            return stdout::line(&json);
        }
        stdout::write(self.describe().as_bytes())
    }

    fn describe(&self) -> String {
        let Self { model, device, size: side, open_seconds, ceilings, architect, painter, vae, .. } = self;
        let mut text = format!("{model} on {device}, {side}x{side}\n\n");
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<28}{value}");
        };
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        line("copy", format!("{}/s", size(ceilings.copy_bytes_per_second as u64)));
        line("matmul, f32", rate(ceilings.dense_operations_per_second));
        line("matmul, packed f16", rate(ceilings.packed_operations_per_second));
        line("opening the model", duration(*open_seconds));
        if let Some(found) = architect {
            let (first, again) = (duration(found.load_seconds), duration(found.load_again_seconds));
            line("architect: loading", format!("{first}, again {again}"));
            line("  reading the prompt", duration(found.prompt_seconds));
            let share = percent(found.bandwidth_share);
            let bytes = size(found.bytes_of_token);
            let rate = format!("{:.1} tokens/s", found.tokens_per_second);
            line("  writing", format!("{rate}, {bytes} per token: {share} of the copy rate"));
            if let Some(kernels) = found.kernels_of_token {
                line("  kernels per token", kernels.to_string());
            }
        }
        if let Some(found) = painter {
            line("painter: loading", duration(found.load_seconds));
            let (step, share) = (duration(found.seconds_of_step), percent(found.matmul_share));
            line(
                "  a step",
                format!("{step}, {}: {share} of the matmul rate", rate(found.operations_per_second)),
            );
            if let Some(kernels) = found.kernels_of_step {
                line("  kernels per step", kernels.to_string());
            }
        }
        if let Some(found) = vae {
            line("VAE: first picture", duration(found.first_seconds));
            line("  another", duration(found.seconds));
        }
        if let Some(found) = &self.submissions {
            let (seen, largest) = (rate(found.operations_per_second), found.largest / 1e9);
            line("submissions", format!("up to {largest:.1} GFLOP, at {seen} as seen at best"));
        }
        line("peak memory", size(self.peak_bytes));
        text
    }
}
