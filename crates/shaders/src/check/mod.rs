//! Whether a device computes what it should: every kernel in every variant that the device has, on hard numbers, against f64.

mod cases;
mod exact;
mod numbers;

use burn::tensor::{Device, Tensor};

#[cfg(feature = "gpu")]
use crate::Features;
use crate::{Variant, Variants};
use cases::Case;
#[cfg(not(target_family = "wasm"))]
pub(crate) use numbers::{Hard, Numbers};

/// What was found of a kernel in one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The kernel.
    pub kernel: &'static str,
    /// None: what every device can do.
    pub variant: Option<Variant>,
    /// The largest error, as a share of what the kernel may be off; infinite where something is missing, or finite that must not
    /// be.
    pub error: f64,
    /// What went in when it was largest, and what came out.
    pub worst: String,
}

impl Finding {
    /// Whether the kernel computes what it should.
    pub fn passed(&self) -> bool {
        self.error <= 1.0
    }
}

/// Checks all kernels of a device; tells `each` finding as soon as it is there. Meanwhile nobody else may use the device.
///
/// # Errors
/// The device fails to give results back.
pub async fn check(device: &Device, mut each: impl FnMut(&Finding)) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for variant in variants(device) {
        let _only = Only::these(device, variant.into_iter().collect());
        let mut of_variant: Vec<Finding> = Vec::new();
        for case in cases::of(variant) {
            let Case { kernel, .. } = case;
            if of_variant.last().is_some_and(|last| last.kernel != kernel) {
                of_variant.last().into_iter().for_each(&mut each);
            }
            let found = case.try_on(device).await?;
            match of_variant.last_mut().filter(|last| last.kernel == kernel) {
                Some(last) if last.error >= found.error => {}
                Some(last) => *last = Finding { variant, ..found },
                None => of_variant.push(Finding { variant, ..found }),
            }
        }
        of_variant.last().into_iter().for_each(&mut each);
        findings.extend(of_variant);
    }
    Ok(findings)
}

/// The cases of all kernels, made once, to check one kernel after another.
#[derive(Default)]
pub struct Checks(Vec<(Option<Variant>, Vec<Case>)>);

impl Checks {
    /// Checks one kernel that uses no more than `variants` of what the device has; `None` where there is nothing to check.
    ///
    /// # Errors
    /// The device fails to give results back.
    pub async fn of(
        &mut self,
        device: &Device,
        kernel: &str,
        variants: Variants,
    ) -> Result<Option<Finding>, String> {
        // These round, and may be off by more.
        let of = [Variant::Dot, Variant::Matrices].into_iter().find(|&variant| variants.has(variant));
        if self.0.iter().all(|(variant, _)| *variant != of) {
            self.0.push((of, cases::of(of)));
        }
        let _only = Only::these(device, variants);
        let mut worst: Option<Finding> = None;
        for case in self.0.iter().filter(|(variant, _)| *variant == of).flat_map(|(_, cases)| cases) {
            if case.kernel != kernel {
                continue;
            }
            let found = case.try_on(device).await?;
            if worst.as_ref().is_none_or(|worst| found.error > worst.error) {
                worst = Some(found);
            }
        }
        Ok(worst)
    }
}

/// What every device can do, and what this one has besides.
fn variants(device: &Device) -> Vec<Option<Variant>> {
    std::iter::once(None).chain(in_use(device).iter().map(Some)).collect()
}

/// What kernels use of a device.
pub fn in_use(device: &Device) -> Variants {
    #[cfg(feature = "gpu")]
    return crate::gpu::enabled(device).variants();
    #[cfg(not(feature = "gpu"))]
    {
        let _ = device;
        Variants::NONE
    }
}

/// A device whose kernels use no more than some variants, until this is dropped.
pub struct Only {
    #[cfg(feature = "gpu")]
    before: (Device, Features),
}

impl Only {
    /// None but these, of what is in use.
    #[cfg(feature = "gpu")]
    pub fn these(device: &Device, variants: Variants) -> Self {
        let before = crate::gpu::enabled(device);
        crate::gpu::enable(device, before.within(variants));
        Self { before: (device.clone(), before) }
    }

    /// None but these, of which there are none.
    #[cfg(not(feature = "gpu"))]
    pub fn these(_: &Device, _: Variants) -> Self {
        Self {}
    }
}

#[cfg(feature = "gpu")]
impl Drop for Only {
    fn drop(&mut self) {
        let (device, features) = &self.before;
        crate::gpu::enable(device, *features);
    }
}

impl Case {
    async fn try_on(&self, device: &Device) -> Result<Finding, String> {
        let Self { kernel, what, run, expected } = self;
        let output: Tensor<1> = run(device);
        let data = output.into_data_async().await.map_err(|error| error.to_string())?;
        let found: Vec<f32> = data.iter::<f32>().collect();
        let mut finding = Finding { kernel, variant: None, error: 0.0, worst: what.clone() };
        if found.len() != expected.len() {
            finding.error = f64::INFINITY;
            finding.worst = format!("{what}: expected {} numbers, found {}", expected.len(), found.len());
            return Ok(finding);
        }
        for (place, (&found, &(value, allowed))) in found.iter().zip(expected).enumerate() {
            let error = match (value.is_finite(), found.is_finite()) {
                (true, true) => (f64::from(found) - value).abs() / allowed.max(f64::MIN_POSITIVE),
                // What is not finite must be seen, in whatever form.
                (false, false) => 0.0,
                _ => f64::INFINITY,
            };
            if error > finding.error {
                finding.error = error;
                finding.worst = format!("{what}, number {place}: expected {value:.7e}, found {found:.7e}");
            }
        }
        Ok(finding)
    }
}
