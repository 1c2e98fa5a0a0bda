//! A model on the device that the flags ask for.

pub mod broken;
mod machine;
pub mod memory;

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

use atelier::device::{self, Limits, Variant, Variants};
use atelier::{Device, DeviceChoice, DeviceReport, Pipeline};

use crate::args::{DeviceArgs, Kernels};
use crate::error::{Error, Result};
use crate::guard;
use crate::model::Model;

/// A device, what its kernels may use, and the memory that a run may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    choice: DeviceChoice,
    /// None: what is usual on the adapter.
    variants: Option<Variants>,
    /// In bytes.
    budget: Option<u64>,
}

const BESIDE_GPU: &str = "--device auto or gpu beside it";

/// Refuses an adapter beside `--device cpu`.
pub fn check_adapter(device: &DeviceChoice, adapter: Option<&str>) -> Result<()> {
    match adapter {
        Some(_) if *device == DeviceChoice::Cpu => Err(Error::flag("--adapter", BESIDE_GPU, "--device cpu")),
        _ => Ok(()),
    }
}

impl Target {
    pub const CPU: Self = Self { choice: DeviceChoice::Cpu, variants: None, budget: None };

    /// What was asked for; that it exists is seen when it is opened.
    pub fn of(args: &DeviceArgs) -> Result<Self> {
        check_adapter(&args.device, args.adapter.as_deref())?;
        if args.device == DeviceChoice::Cpu && args.kernels != Kernels::Fast {
            return Err(Error::flag("--kernels", BESIDE_GPU, "--device cpu"));
        }
        let choice = args.adapter.clone().map_or_else(|| args.device.clone(), DeviceChoice::Adapter);
        let budget = args.vram_budget.map(memory::bytes_of).transpose()?;
        let variants = match args.kernels {
            Kernels::Fast => None,
            Kernels::Only(variants) => Some(variants),
        };
        Ok(Self { choice, variants, budget })
    }

    /// Opens it. An error names the flag that asked for what is not there.
    ///
    /// Where nobody said what kernels may use, they do without what was found broken here; that is told, too.
    pub async fn open(&self) -> Result<(Device, DeviceReport, Variants)> {
        let flag = if matches!(self.choice, DeviceChoice::Adapter(_)) { "--adapter" } else { "--device" };
        let named = |error| match error {
            atelier::Error::Device(problem) => Error::input(flag, problem),
            other => other.into(),
        };
        let (mut variants, mut broken) = (self.variants, Variants::NONE);
        if variants.is_none()
            && self.choice != DeviceChoice::Cpu
            && let DeviceReport::Gpu(adapter) =
                device::choose(&self.choice, Limits::Adapter).await.map_err(named)?
        {
            let usual = adapter.variants();
            broken = broken::on(&adapter)?.iter().filter(|&variant| usual.has(variant)).collect();
            if broken != Variants::NONE {
                variants = Some(broken.iter().fold(usual, Variants::without));
            }
        }
        let opened = device::open_within(&self.choice, Limits::Adapter, variants).await;
        let (device, report) = opened.map_err(named)?;
        Ok((device, report, broken))
    }
}

/// An open pipeline, and what it was opened from.
pub struct Session {
    /// Never dropped: the process ends with the run, and after a panic the device must not be touched again.
    pipeline: ManuallyDrop<Pipeline>,
    pub model: Model,
    pub device: DeviceReport,
    /// What kernels do without since it is broken here.
    pub broken: Variants,
    /// What they were asked to use and is not there.
    absent: Variants,
    budget: Option<u64>,
    /// How long it took to open the model.
    pub seconds: f64,
}

impl Session {
    /// Opens `model` on a device. From now on Ctrl-C ends the run at the next token or step.
    pub async fn open(model: Model, target: &Target) -> Result<Self> {
        guard::watch_interrupts();
        let source = model.source()?;
        let (device, report, broken) = target.open().await?;
        let start = Instant::now();
        let pipeline = ManuallyDrop::new(Pipeline::load(source, device).await?);
        let seconds = start.elapsed().as_secs_f64();
        let there = variants_of(&report);
        let wanted = target.variants.unwrap_or(Variants::NONE);
        let absent = wanted.iter().filter(|&variant| !there.has(variant)).collect();
        Ok(Self { pipeline, model, device: report, broken, absent, budget: target.budget, seconds })
    }
}

impl Session {
    /// What the user should know of the device.
    pub fn warning(&self) -> Option<String> {
        if self.broken != Variants::NONE {
            return Some(format!(
                "kernels do without {}, which `atelier doctor --check` found broken on this adapter and driver",
                names(self.broken)
            ));
        }
        (self.absent != Variants::NONE).then(|| absent(self.absent, &self.device))
    }
}

/// What kernels may use on a device.
fn variants_of(device: &DeviceReport) -> Variants {
    match device {
        DeviceReport::Gpu(adapter) => adapter.variants(),
        DeviceReport::Cpu { .. } => Variants::NONE,
    }
}

fn names(variants: Variants) -> String {
    variants.iter().map(Variant::name).collect::<Vec<_>>().join(" and ")
}

/// Says that variants were asked for and are not there, and what kernels use instead.
fn absent(variants: Variants, device: &DeviceReport) -> String {
    let asked = names(variants);
    let DeviceReport::Gpu(adapter) = device else {
        return format!(
            "--kernels {asked} is for GPUs, and this run computes on the CPU with its own kernels"
        );
    };
    let why =
        adapter.unused.iter().find(|unused| variants.iter().any(|variant| variant.name() == unused.name));
    let why = why.map_or_else(String::new, |unused| format!(" ({})", unused.why));
    format!("{} has no {asked} for kernels{why}: they use their plain forms instead", adapter.name)
}

impl Deref for Session {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        &self.pipeline
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        let cpu = DeviceReport::Cpu { threads: 2 };
        let wanted = Variants::NONE.with(Variant::Matrices);
        assert_eq!(variants_of(&cpu), Variants::NONE);
        assert_eq!(
            absent(wanted, &cpu),
            "--kernels matrices is for GPUs, and this run computes on the CPU with its own kernels"
        );
    }
}
