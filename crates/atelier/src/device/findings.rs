//! What the check of a device found, as it is written down.

use atelier_shaders::Variants;
use atelier_shaders::check::Finding;
use serde::Serialize;

use super::DeviceReport;

/// What the check of all kernels of a device found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceCheck {
    /// The device.
    pub device: DeviceReport,
    /// Whether all passed.
    pub passed: bool,
    /// Every kernel in every variant that the device has.
    pub checks: Vec<KernelCheck>,
    /// The variants that kernels are better off without.
    pub broken: Vec<&'static str>,
    /// How long it took.
    pub seconds: f64,
}

/// What was found of a kernel in one variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KernelCheck {
    /// The kernel.
    pub kernel: &'static str,
    /// `subgroups`, `dot`, `matrices`, or `plain`: what every device can do.
    pub variant: &'static str,
    /// Whether the kernel computes what it should.
    pub passed: bool,
    /// The largest error, as a share of what it may be; none where a number was missing, or finite that must not be.
    pub error: Option<f64>,
    /// What went in when it was largest, and what came out.
    pub worst: String,
}

impl DeviceCheck {
    /// What `findings` say of a device.
    pub fn of(device: DeviceReport, findings: &[Finding], seconds: f64) -> Self {
        let failed = || findings.iter().filter(|finding| !finding.passed());
        let broken: Variants = failed().filter_map(|finding| finding.variant).collect();
        Self {
            device,
            passed: failed().next().is_none(),
            checks: findings.iter().map(KernelCheck::from).collect(),
            broken: broken.iter().map(|variant| variant.name()).collect(),
            seconds,
        }
    }
}

impl From<&Finding> for KernelCheck {
    fn from(finding: &Finding) -> Self {
        Self {
            kernel: finding.kernel,
            variant: finding.variant.map_or("plain", |variant| variant.name()),
            passed: finding.passed(),
            error: Some(finding.error).filter(|error| error.is_finite()),
            worst: finding.worst.clone(),
        }
    }
}
