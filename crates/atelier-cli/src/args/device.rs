//! Which model runs, and where.

use atelier::DeviceChoice;
use atelier::device::Limits;
use clap::{Args, ValueHint};

use super::WHERE;
use super::values::{Name, one_of};
use crate::model::Model;

const DEVICES: &[Name<DeviceChoice>] = &[
    Name::new("auto", DeviceChoice::Auto),
    Name::new("cpu", DeviceChoice::Cpu),
    Name::new("gpu", DeviceChoice::Gpu),
];

const KERNELS: &[Name<Limits>] =
    &[Name::new("fast", Limits::Adapter), Name::new("plain", Limits::AdapterWithPlainKernels)];

/// Model and device.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// Model folder, or the built-in mini (./mini is a folder of that name) [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", help_heading = WHERE, value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// Device to compute on; auto uses a GPU if there is one
    #[arg(long, value_parser = one_of(DEVICES), default_value = "auto", help_heading = WHERE)]
    pub device: DeviceChoice,
    /// Use the graphics adapter of this number, or the first whose name, interface or kind contains this; `atelier doctor` lists
    /// them
    #[arg(long, value_name = "NAME", help_heading = WHERE)]
    pub adapter: Option<String>,
    /// GPU kernels; plain uses only baseline WebGPU features, to work around driver bugs
    #[arg(long, value_parser = one_of(KERNELS), default_value = "fast", value_name = "KIND", help_heading = WHERE)]
    pub kernels: Limits,
    /// Limit on device memory, in GB; `atelier plan` shows how much is needed
    #[arg(long, value_name = "GB", help_heading = WHERE, allow_negative_numbers = true)]
    pub vram_budget: Option<f64>,
}
