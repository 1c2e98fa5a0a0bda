//! The device that the flags ask for.

mod machine;
pub mod memory;

use atelier::device::{self, Limits};
use atelier::{Device, DeviceChoice, DeviceReport};

use crate::args::{DeviceArgs, DeviceName, KernelsName};
use crate::error::{Error, Result};

/// A device, and what its kernels may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    choice: DeviceChoice,
    limits: Limits,
}

impl Target {
    /// What was asked for; that it exists is seen when it is opened.
    pub fn of(args: &DeviceArgs) -> Result<Self> {
        if args.device == DeviceName::Cpu {
            let beside = "--device auto or gpu beside it";
            if args.adapter.is_some() {
                return Err(Error::flag("--adapter", beside, "--device cpu"));
            }
            if args.kernels == KernelsName::Plain {
                return Err(Error::flag("--kernels", beside, "--device cpu"));
            }
        }
        let choice = match (&args.adapter, args.device) {
            (Some(name), _) => DeviceChoice::Adapter(name.clone()),
            (None, DeviceName::Auto) => DeviceChoice::Auto,
            (None, DeviceName::Cpu) => DeviceChoice::Cpu,
            (None, DeviceName::Gpu) => DeviceChoice::Gpu,
        };
        let limits = match args.kernels {
            KernelsName::Fast => Limits::Adapter,
            KernelsName::Plain => Limits::AdapterWithPlainKernels,
        };
        Ok(Self { choice, limits })
    }

    /// Opens it. What it refuses is told of the flag that asked for it.
    pub async fn open(&self) -> Result<(Device, DeviceReport)> {
        let flag = if matches!(self.choice, DeviceChoice::Adapter(_)) { "--adapter" } else { "--device" };
        device::open_within(&self.choice, self.limits).await.map_err(|error| match error {
            atelier::Error::Device(problem) => Error::input(flag, problem),
            other => other.into(),
        })
    }
}
