//! Where the tensors live: chosen once, at run time.

use std::fmt;

use burn::tensor::Device;
use serde::Serialize;

use crate::error::{Error, Result};

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, the CPU otherwise. A software adapter is only ever used by name.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first real GPU.
    Gpu,
    /// The first adapter whose name contains this, in any case; also a software adapter.
    Adapter(String),
}

/// What a GPU device is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limits {
    /// All that the adapter has.
    #[default]
    Adapter,
    /// The same of a browser whose devices have subgroups. wgpu neither asks for those there nor hears of them: whoever says
    /// this has seen to it that every device is asked for them.
    AdapterAndSubgroups,
    /// The same, but our kernels use baseline WebGPU only: a workaround for buggy drivers.
    AdapterWithPlainKernels,
    /// What every device with WebGPU has, and no more. For browsers: natively burn makes its own kernels for what the adapter
    /// has, whatever the device was given.
    WebGpuDefault,
}

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
    gpu::list().await.into_iter().map(|(report, _)| report).collect()
}

/// The device that `choice` would open, without opening it.
///
/// # Errors
/// [`Error::Device`] when there is no such device; the message lists what was found.
pub async fn choose(choice: &DeviceChoice) -> Result<DeviceReport> {
    select(choice, &adapters().await).map(|(report, _)| report)
}

/// Bytes that the driver has set aside for the GPU device that was opened last; `None` without one, or where the driver
/// does not say.
pub fn memory() -> Option<u64> {
    gpu::memory()
}

/// Bytes of the largest buffer that kernels can be given on this device; `None` on the CPU, which takes any.
pub(crate) fn largest_buffer(device: &Device) -> Option<u64> {
    if is_gpu(device) { gpu::largest_buffer() } else { None }
}

/// Opens the device that `choice` means, with all that its adapter can do.
///
/// # Errors
/// [`Error::Device`] when there is no such device or its driver refuses.
pub async fn open(choice: &DeviceChoice) -> Result<(Device, DeviceReport)> {
    open_within(choice, Limits::Adapter).await
}

/// The same within limits.
///
/// # Errors
/// As [`open`].
pub async fn open_within(choice: &DeviceChoice, limits: Limits) -> Result<(Device, DeviceReport)> {
    if *choice == DeviceChoice::Cpu {
        // Not even the list of adapters is asked for: a broken driver must not matter here.
        return Ok((cpu::open()?, cpu::report()?));
    }
    let adapters = gpu::list().await;
    let reports: Vec<AdapterReport> = adapters.iter().map(|(report, _)| report.clone()).collect();
    match select(choice, &reports)? {
        (report, None) => Ok((cpu::open()?, report)),
        (report, Some(index)) => match adapters.into_iter().nth(index) {
            Some((_, adapter)) => Ok((gpu::open(adapter, limits).await?, report)),
            None => Err(Error::Device("the adapter went away".into())),
        },
    }
}

/// The device and, for a GPU, its place in `adapters`.
fn select(choice: &DeviceChoice, adapters: &[AdapterReport]) -> Result<(DeviceReport, Option<usize>)> {
    let pick = |index: usize| (DeviceReport::Gpu(adapters[index].clone()), Some(index));
    let real = adapters.iter().position(|adapter| adapter.kind.is_real());
    match choice {
        DeviceChoice::Cpu => Ok((cpu::report()?, None)),
        DeviceChoice::Auto => match real {
            Some(index) => Ok(pick(index)),
            None => Ok((cpu::report()?, None)),
        },
        DeviceChoice::Gpu => {
            real.map(pick).ok_or_else(|| Error::Device(format!("expected a GPU, found {}", names(adapters))))
        }
        DeviceChoice::Adapter(name) => {
            let wanted = name.to_lowercase();
            let found = adapters.iter().position(|adapter| adapter.name.to_lowercase().contains(&wanted));
            found.map(pick).ok_or_else(|| {
                Error::Device(format!("expected an adapter named like '{name}', found {}", names(adapters)))
            })
        }
    }
}

fn names(adapters: &[AdapterReport]) -> String {
    if adapters.is_empty() {
        return "no adapter at all (no Vulkan or Metal driver, or a build without GPU support)".into();
    }
    let names: Vec<String> = adapters.iter().map(|a| format!("'{}' ({})", a.name, a.kind)).collect();
    names.join(", ")
}

/// Whether tensors of this device lie on a GPU.
pub(crate) fn is_gpu(device: &Device) -> bool {
    gpu::owns(device)
}

/// A device for parameters that are never materialised. burn's own default would ask the environment and may start a GPU.
pub(crate) fn nowhere() -> Device {
    cpu::open().unwrap_or_default()
}

#[cfg(feature = "cpu")]
mod cpu {
    use super::{Device, DeviceReport, Result};

    pub(super) fn open() -> Result<Device> {
        Ok(Device::flex())
    }

    pub(super) fn report() -> Result<DeviceReport> {
        Ok(DeviceReport::Cpu { threads: std::thread::available_parallelism().map_or(1, usize::from) })
    }
}

#[cfg(not(feature = "cpu"))]
mod cpu {
    use super::{Device, DeviceReport, Error, Result};

    pub(super) fn open() -> Result<Device> {
        Err(Error::Device("expected the CPU device, found a build without it (feature `cpu`)".into()))
    }

    pub(super) fn report() -> Result<DeviceReport> {
        Err(Error::Device(
            "expected a GPU, found none, and this build has no CPU device (feature `cpu`)".into(),
        ))
    }
}

#[cfg(feature = "gpu")]
mod gpu;

#[cfg(not(feature = "gpu"))]
mod gpu {
    use super::{AdapterReport, Device, Error, Limits, Result};

    /// There is never one.
    pub(super) enum Found {}

    pub(super) fn memory() -> Option<u64> {
        None
    }

    pub(super) fn largest_buffer() -> Option<u64> {
        None
    }

    pub(super) fn owns(_: &Device) -> bool {
        false
    }

    pub(super) async fn list() -> Vec<(AdapterReport, Found)> {
        Vec::new()
    }

    pub(super) async fn open(_: Found, _: Limits) -> Result<Device> {
        Err(Error::Device("this build has no GPU support (feature `gpu`)".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, kind: AdapterKind) -> AdapterReport {
        AdapterReport {
            name: name.into(),
            api: "vulkan".into(),
            kind,
            driver: String::new(),
            max_buffer: 0,
            max_binding: 0,
            f16: false,
            subgroups: false,
            packed_dot: false,
            cooperative: None,
        }
    }

    #[test]
    fn auto_never_takes_a_software_adapter() {
        let software = [adapter("llvmpipe", AdapterKind::Software)];
        assert_eq!(select(&DeviceChoice::Auto, &software).unwrap().1, None);
        let both = [adapter("llvmpipe", AdapterKind::Software), adapter("Card 9", AdapterKind::Discrete)];
        assert_eq!(select(&DeviceChoice::Auto, &both).unwrap().1, Some(1));
        assert_eq!(select(&DeviceChoice::Gpu, &both).unwrap().1, Some(1));
    }

    #[test]
    fn a_software_adapter_is_taken_by_name_only() {
        let software = [adapter("llvmpipe (LLVM 15)", AdapterKind::Software)];
        let error = select(&DeviceChoice::Gpu, &software).unwrap_err().to_string();
        assert!(error.contains("llvmpipe"), "{error}");
        assert_eq!(select(&DeviceChoice::Adapter("LLVMpipe".into()), &software).unwrap().1, Some(0));
        let error = select(&DeviceChoice::Adapter("radeon".into()), &software).unwrap_err().to_string();
        assert!(error.contains("radeon") && error.contains("llvmpipe"), "{error}");
    }
}
