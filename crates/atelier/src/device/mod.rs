//! Where the tensors live: chosen once, at run time.

mod choice;
mod cpu;
mod findings;
mod gpu;

use std::fmt;

pub use atelier_shaders::check::{Finding, check};
pub use atelier_shaders::{Limits, Tally, Variant, Variants};
use burn::tensor::Device;
use serde::Serialize;

use crate::error::{Error, Result};

pub use choice::DeviceChoice;
use choice::select;
pub use findings::{DeviceCheck, KernelCheck};
pub(crate) use gpu::{Mark, Pace, computes};

/// A graphics adapter of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AdapterReport {
    /// As the driver calls it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `webgpu`.
    pub api: String,
    /// Discrete, integrated, virtual or software.
    pub kind: AdapterKind,
    /// Driver name and version.
    pub driver: String,
    /// Bytes of its own memory that are free for this program; none where it has none of its own, or does not say.
    pub free_memory: Option<u64>,
    /// The largest buffer, in bytes.
    pub max_buffer: u64,
    /// The largest part of a buffer a kernel sees at once, in bytes.
    pub max_binding: u64,
    /// Whether kernels can compute in f16.
    pub f16: bool,
    /// Whether kernels have subgroup operations.
    pub subgroups: bool,
    /// Whether kernels have dot products of packed bytes.
    pub packed_dot: bool,
    /// The side of the cooperative matrices that kernels use, if there are such.
    pub cooperative: Option<u32>,
    /// The variants that kernels do not use unless they are told to.
    pub unused: Vec<UnusedVariant>,
    /// How much it is given to do at a time.
    pub submission: Submission,
}

/// The work of one submission, which neither a driver nor a screen should have to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Submission {
    /// Seconds that it takes, at the best rate that was seen of the device.
    pub seconds: f64,
    /// The rate before any was seen, in floating-point operations a second.
    pub first_rate: f64,
}

// Neither is ever NaN.
impl Eq for Submission {}

/// A variant of kernels that is not used on an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UnusedVariant {
    /// `subgroups`, `dot` or `matrices`.
    pub name: &'static str,
    /// The reason.
    pub why: String,
}

/// What sort of adapter it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum AdapterKind {
    /// A card with memory of its own.
    Discrete,
    /// A GPU that shares the host's memory.
    Integrated,
    /// A GPU lent to a virtual machine.
    Virtual,
    /// No GPU at all: the driver computes on the CPU.
    Software,
    /// The driver does not say.
    Other,
}

/// The device in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "device", rename_all = "kebab-case")]
pub enum DeviceReport {
    /// The CPU device.
    Cpu {
        /// Threads it uses at most.
        threads: usize,
    },
    /// A graphics adapter.
    Gpu(AdapterReport),
}

impl AdapterReport {
    /// The variants that kernels use where nobody says which.
    pub fn variants(&self) -> Variants {
        let used = |variant: &Variant| match variant {
            Variant::Subgroups => self.subgroups,
            Variant::Dot => self.packed_dot,
            Variant::Matrices => self.cooperative.is_some(),
        };
        Variant::ALL.iter().copied().filter(used).collect()
    }
}

impl DeviceReport {
    /// The same where kernels use no more than these.
    fn within(self, variants: Option<Variants>) -> Self {
        let (Self::Gpu(adapter), Some(variants)) = (&self, variants) else { return self };
        Self::Gpu(AdapterReport {
            subgroups: adapter.subgroups && variants.has(Variant::Subgroups),
            packed_dot: adapter.packed_dot && variants.has(Variant::Dot),
            cooperative: adapter.cooperative.filter(|_| variants.has(Variant::Matrices)),
            ..adapter.clone()
        })
    }
}

impl AdapterKind {
    fn is_real(self) -> bool {
        self != Self::Software
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete GPU",
            Self::Integrated => "integrated GPU",
            Self::Virtual => "virtual GPU",
            Self::Software => "software, for tests only",
            Self::Other => "other",
        })
    }
}

impl fmt::Display for DeviceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads } => write!(f, "CPU ({threads} threads)"),
            Self::Gpu(adapter) => write!(f, "{} ({}, {})", adapter.name, adapter.api, adapter.kind),
        }
    }
}

/// The graphics adapters of this machine; none when this build has no GPU support or there is no driver.
pub async fn adapters() -> Vec<AdapterReport> {
    gpu::list(Limits::Adapter).await.into_iter().map(|(report, _)| report).collect()
}

/// The device that `choice` would open within limits, without opening it.
///
/// # Errors
/// [`Error::Device`] when there is no such device; the message lists what was found.
pub async fn choose(choice: &DeviceChoice, limits: Limits) -> Result<DeviceReport> {
    let adapters: Vec<AdapterReport> =
        gpu::list(limits).await.into_iter().map(|(report, _)| report).collect();
    select(choice, &adapters).map(|(report, _)| report)
}

/// Bytes that the driver has set aside for a GPU device; `None` on the CPU, or where the driver does not say.
pub fn memory(device: &Device) -> Option<u64> {
    gpu::memory(device)
}

/// Floating-point operations a second that a GPU device was seen to do at best; `None` on the CPU, which is given its work piece
/// by piece.
pub fn rate(device: &Device) -> Option<f64> {
    gpu::rate(device)
}

/// What was handed to a GPU device since it was last asked for; nothing on the CPU.
pub fn tally(device: &Device) -> Tally {
    gpu::tally(device)
}

/// Bytes of the largest buffer that kernels can be given on this device; `None` on the CPU, which takes any.
pub fn largest_buffer(device: &Device) -> Option<u64> {
    gpu::largest_buffer(device)
}

/// Opens the device that `choice` means, with all that its adapter can do.
///
/// # Errors
/// [`Error::Device`] when there is no such device or its driver refuses.
pub async fn open(choice: &DeviceChoice) -> Result<(Device, DeviceReport)> {
    open_within(choice, Limits::Adapter, None).await
}

/// The same within limits, and with kernels that use no more than `variants`, or what is usual on the adapter.
///
/// # Errors
/// As [`open`].
pub async fn open_within(
    choice: &DeviceChoice,
    limits: Limits,
    variants: Option<Variants>,
) -> Result<(Device, DeviceReport)> {
    if *choice == DeviceChoice::Cpu {
        // Not even the list of adapters is asked for: a broken driver must not matter here.
        return Ok((cpu::open()?, cpu::report()?));
    }
    let adapters = gpu::list(limits).await;
    let reports: Vec<AdapterReport> = adapters.iter().map(|(report, _)| report.clone()).collect();
    match select(choice, &reports)? {
        (report, None) => Ok((cpu::open()?, report)),
        (report, Some(index)) => match adapters.into_iter().nth(index) {
            Some((_, adapter)) => Ok((gpu::open(adapter, limits, variants).await?, report.within(variants))),
            None => Err(Error::Device("the adapter went away".into())),
        },
    }
}

/// Whether tensors of this device lie on a GPU.
pub(crate) fn is_gpu(device: &Device) -> bool {
    gpu::owns(device)
}

/// A device for parameters that are never materialised. burn's own default would ask the environment and may start a GPU.
pub(crate) fn nowhere() -> Device {
    cpu::open().unwrap_or_default()
}
