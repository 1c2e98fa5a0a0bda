//! What `atelier bench` found.

use std::fmt::Write;

use atelier::{Device, DeviceReport, device};
use serde::Serialize;

use super::ceilings::Ceilings;
use crate::error::{Error, Result};
use crate::ui::events::Seconds;
use crate::ui::format::{duration, rate_of_bytes, rate_of_operations, short_duration, size};
use crate::ui::stdout;

#[derive(Debug, Serialize)]
pub struct Report {
    pub version: &'static str,
    pub model: String,
    pub device: DeviceReport,
    pub size: usize,
    /// Seconds to open the model: configurations, headers, small hashes.
    pub open_seconds: f64,
    pub ceilings: Ceilings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architect: Option<ArchitectReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub painter: Option<PainterReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vae: Option<VaeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureReport>,
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
    /// Of multiply-adds in registers, which matrix units exceed.
    pub multiply_add_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels_of_step: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct VaeReport {
    /// Loading and compiling included.
    pub first_seconds: f64,
    pub seconds: f64,
}

/// A whole picture.
#[derive(Debug, Serialize)]
pub struct PictureReport {
    pub seconds: f64,
    /// Where they went.
    pub stages: Seconds,
    /// That were written.
    pub tokens: usize,
    pub steps: usize,
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

impl ArchitectReport {
    /// Fills in the shares.
    pub fn compare(&mut self, ceilings: &Ceilings) {
        let rate = self.bytes_of_token as f64 * self.tokens_per_second;
        self.bandwidth_share = rate / ceilings.copy_bytes_per_second;
    }
}

impl PainterReport {
    /// Fills in the shares.
    pub fn compare(&mut self, ceilings: &Ceilings) {
        self.matmul_share = self.operations_per_second / ceilings.best_matmul();
        self.multiply_add_share = self.operations_per_second / ceilings.multiply_add_operations_per_second;
    }
}

impl Report {
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            let json = serde_json::to_string(self).map_err(|error| Error::Crash(error.to_string()))?;
            return stdout::line(&json);
        }
        stdout::write(self.describe().as_bytes())
    }

    fn describe(&self) -> String {
        let Self {
            model, device, size: side, open_seconds, ceilings, architect, painter, vae, picture, ..
        } = self;
        let mut text = format!("{model} on {device}, {side}x{side}\n\n");
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<28}{value}");
        };
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        line("copy", rate_of_bytes(ceilings.copy_bytes_per_second));
        line("multiply-adds", rate_of_operations(ceilings.multiply_add_operations_per_second));
        line("matmul, f32", rate_of_operations(ceilings.dense_operations_per_second));
        line("matmul, packed f16", rate_of_operations(ceilings.packed_operations_per_second));
        if let Some(seconds) = ceilings.dispatch_seconds {
            line("empty dispatch", short_duration(seconds));
        }
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
            let rate = rate_of_operations(found.operations_per_second);
            let of_all = percent(found.multiply_add_share);
            line(
                "  a step",
                format!("{step}, {rate}: {share} of the matmul rate, {of_all} of multiply-adds"),
            );
            if let Some(kernels) = found.kernels_of_step {
                line("  kernels per step", kernels.to_string());
            }
        }
        if let Some(found) = vae {
            line("VAE: first picture", duration(found.first_seconds));
            line("  another", duration(found.seconds));
        }
        if let Some(PictureReport { seconds, stages, tokens, steps }) = picture {
            line("a whole picture", duration(*seconds));
            line("  loading", duration(stages.load));
            line("  reading the prompt", duration(stages.prompt));
            line("  writing", format!("{}, {tokens} tokens", duration(stages.architect)));
            line("  painting", format!("{}, {steps} steps", duration(stages.painter)));
            line("  decoding", duration(stages.decoder));
        }
        if let Some(found) = &self.submissions {
            let (seen, largest) = (rate_of_operations(found.operations_per_second), found.largest / 1e9);
            line("submissions", format!("up to {largest:.1} GFLOP, at {seen} as seen at best"));
        }
        line("peak memory", size(self.peak_bytes));
        text
    }
}
