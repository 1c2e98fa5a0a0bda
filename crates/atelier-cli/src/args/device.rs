//! Which model runs, and where.

use std::fmt;

use atelier::DeviceChoice;
use atelier::device::{Variant, Variants};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::WHERE;
use super::values::{Name, gigabytes, one_of};
use crate::model::Model;

pub(super) const DEVICES: &[Name<DeviceChoice>] = &[
    Name::new("auto", DeviceChoice::Auto),
    Name::new("cpu", DeviceChoice::Cpu),
    Name::new("gpu", DeviceChoice::Gpu),
];

/// What GPU kernels may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// What helps on the adapter and has not failed `atelier doctor --check` there.
    Fast,
    /// These variants, where the adapter has them.
    Only(Variants),
}

impl Kernels {
    /// As it is typed.
    fn parse(typed: &str) -> Result<Self, String> {
        match typed {
            "fast" => return Ok(Self::Fast),
            "plain" => return Ok(Self::Only(Variants::NONE)),
            _ => {}
        }
        let variant = |name: &str| {
            Variant::ALL.iter().copied().find(|variant| variant.name() == name.trim()).ok_or_else(|| {
                let names: Vec<_> = Variant::ALL.iter().map(|variant| variant.name()).collect();
                format!("expected fast, plain, or some of {}, with commas between them", names.join(", "))
            })
        };
        typed.split(',').map(variant).collect::<Result<_, _>>().map(Self::Only)
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fast => f.write_str("fast"),
            Self::Only(Variants::NONE) => f.write_str("plain"),
            Self::Only(variants) => {
                let names: Vec<_> = variants.iter().map(Variant::name).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

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
    #[arg(long, value_name = "NAME", help_heading = WHERE, value_parser = NonEmptyStringValueParser::new())]
    pub adapter: Option<String>,
    /// GPU kernels: fast, plain (baseline WebGPU only, to work around driver bugs), or any of subgroups, dot and matrices,
    /// with commas between them
    #[arg(long, value_parser = Kernels::parse, default_value = "fast", value_name = "KIND", help_heading = WHERE)]
    pub kernels: Kernels,
    /// Limit on device memory, in GB; `atelier plan` shows how much is needed
    #[arg(long, value_name = "GB", value_parser = gigabytes, help_heading = WHERE, allow_negative_numbers = true)]
    pub vram_budget: Option<f64>,
}
