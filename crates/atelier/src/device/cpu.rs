//! The CPU device, in builds that have it.

use burn::tensor::Device;

use super::DeviceReport;
#[cfg(not(feature = "cpu"))]
use crate::error::Error;
use crate::error::Result;

#[cfg(feature = "cpu")]
pub(super) fn open() -> Result<Device> {
    Ok(Device::flex())
}

#[cfg(feature = "cpu")]
pub(super) fn report() -> Result<DeviceReport> {
    Ok(DeviceReport::Cpu { threads: std::thread::available_parallelism().map_or(1, usize::from) })
}

#[cfg(not(feature = "cpu"))]
pub(super) fn open() -> Result<Device> {
    Err(Error::Device("expected the CPU device, found a build without it (feature `cpu`)".into()))
}

#[cfg(not(feature = "cpu"))]
pub(super) fn report() -> Result<DeviceReport> {
    Err(Error::Device("expected a GPU, found none, and this build has no CPU device (feature `cpu`)".into()))
}
