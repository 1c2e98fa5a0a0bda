//! `atelier doctor`: what this machine has, what a model is, and what would be used.

mod check;
mod model;

use std::fmt::Write;

use atelier::device::{Limits, Submission, UnusedVariant, Variant, Variants};
use atelier::{AdapterReport, DeviceChoice, DeviceReport, device};
use futures_lite::future::block_on;
use serde::Serialize;

use model::ModelReport;

use crate::args::DoctorArgs;
use crate::error::{Error, Result, one_line};
use crate::model::Model;
use crate::session::broken;
use crate::ui::format::{rate_of_operations, size};
use crate::ui::stdout;

const HINT: &str = "no graphics adapter was found: to use a GPU, install its Vulkan driver (Debian and Ubuntu: \
                    mesa-vulkan-drivers for AMD and Intel, the nvidia-driver package for NVIDIA)";

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
    threads: usize,
    adapters: Vec<Adapter>,
    devices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    model: ModelReport,
}

/// A graphics adapter, and what an earlier `--check` found there.
#[derive(Debug, Serialize)]
struct Adapter {
    #[serde(flatten)]
    found: AdapterReport,
    /// Variants that kernels would use and that are broken with its driver, so that they are not used.
    broken: Vec<&'static str>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_unknown: Option<String>,
}

impl From<AdapterReport> for Adapter {
    fn from(found: AdapterReport) -> Self {
        let usual = found.variants();
        let (broken, unknown) = match broken::on(&found) {
            Ok(broken) => (broken, None),
            Err(error) => (Variants::NONE, Some(error.to_string())),
        };
        let broken = broken.iter().filter(|&variant| usual.has(variant)).map(Variant::name).collect();
        Self { found, broken, broken_unknown: unknown }
    }
}

/// What a value of `--device` leads to.
#[derive(Debug, Serialize)]
struct Choice {
    choice: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<DeviceReport>,
    why: String,
}

/// Prints the report; what is missing is part of it and no error.
///
/// # Errors
/// With `--check`, [`Error::Broken`] where a kernel is.
pub fn run(args: &DoctorArgs) -> Result<()> {
    if args.check {
        return block_on(check::run(args));
    }
    let report = block_on(examine(&Model::choose(args.model.as_ref(), None)));
    if args.json {
        return stdout::line(
            &serde_json::to_string(&report).map_err(|error| Error::Crash(error.to_string()))?,
        );
    }
    stdout::write(describe(&report).as_bytes())
}

async fn examine(model: &Model) -> Report {
    let adapters: Vec<Adapter> = device::adapters().await.into_iter().map(Adapter::from).collect();
    let mut devices = Vec::new();
    for (name, choice) in
        [("auto", DeviceChoice::Auto), ("cpu", DeviceChoice::Cpu), ("gpu", DeviceChoice::Gpu)]
    {
        devices.push(match device::choose(&choice, Limits::Adapter).await {
            Ok(opens) => {
                let why = match (&choice, &opens) {
                    (DeviceChoice::Auto, DeviceReport::Cpu { .. }) => "there is no real GPU",
                    (_, DeviceReport::Gpu(_)) => {
                        "the first GPU with memory of its own, or else the first real one"
                    }
                    _ => "as asked",
                };
                Choice { choice: name, opens: Some(opens), why: why.to_owned() }
            }
            Err(atelier::Error::Device(why)) => Choice { choice: name, opens: None, why },
            Err(error) => Choice { choice: name, opens: None, why: error.to_string() },
        });
    }
    Report {
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        hint: adapters.is_empty().then_some(HINT),
        adapters,
        model: ModelReport::of(model, devices.iter().find_map(|choice| choice.opens.as_ref())).await,
        devices,
    }
}

fn describe(report: &Report) -> String {
    let Report { version, os, arch, threads, adapters, devices, hint, model } = report;
    let mut text = format!("atelier {version} on {os}, {arch}, {threads} CPU threads\n\nGraphics adapters\n");
    let mut line = |value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", one_line(value));
    };
    if adapters.is_empty() {
        line("none");
    }
    for (place, Adapter { found: adapter, broken, broken_unknown }) in adapters.iter().enumerate() {
        let AdapterReport { name, api, kind, driver, free_memory, max_buffer, max_binding, .. } = adapter;
        let AdapterReport { unused, submission, .. } = adapter;
        line(&format!("{}. {name} ({api}, {kind})", place + 1));
        let limits = format!("buffers to {}, bindings to {}", size(*max_buffer), size(*max_binding));
        line(&format!("   driver {driver}; {limits}"));
        if let Some(free) = free_memory {
            line(&format!("   {} of its own memory are free", size(*free)));
        }
        let in_use = adapter.variants().iter().filter(|variant| !broken.contains(&variant.name())).collect();
        line(&format!("   kernels use {}", kernels(adapter, in_use)));
        let Submission { seconds, first_rate } = submission;
        line(&format!(
            "   a submission holds {seconds} s of work, at {} until more is seen",
            rate_of_operations(*first_rate)
        ));
        for UnusedVariant { name, why } in unused {
            line(&format!("   not {name}: {why}"));
        }
        for variant in broken {
            line(&format!("   not {variant}: --check found it broken with this driver"));
        }
        if let Some(error) = broken_unknown {
            line(&format!("   what --check found before is not known: {error}"));
        }
    }
    text.push('\n');
    for Choice { choice, opens, why } in devices {
        let result = opens.as_ref().map_or("fails".into(), ToString::to_string);
        let _ = writeln!(text, "  --device {choice:<5} {result}: {}", one_line(why));
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "\n  {hint}");
    }
    text.push_str("\nModel\n");
    text += &model.describe();
    text
}

/// What the kernels use of an adapter.
fn kernels(adapter: &AdapterReport, variants: Variants) -> String {
    let name = |variant| match variant {
        Variant::Subgroups => "subgroups".to_owned(),
        Variant::Dot => "packed dot products".to_owned(),
        Variant::Matrices => {
            let side = adapter.cooperative.unwrap_or(0);
            format!("cooperative matrices of {side}×{side}")
        }
    };
    let used: Vec<String> = variants.iter().map(name).collect();
    if used.is_empty() { "nothing beyond the defaults".into() } else { used.join(", ") }
}
