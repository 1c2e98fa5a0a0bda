//! Hard numbers against f64, as `atelier doctor --check` tries them on the user's own device.

use atelier_shaders::Limits;
use atelier_shaders::check::{Finding, check};
use burn::tensor::Device;
use testkit::block_on;

fn assert_passes(device: &Device, what: &str) -> Vec<Finding> {
    let mut told = 0;
    let findings = block_on(check(device, |_| told += 1)).expect("the device works");
    assert_eq!(told, findings.len());
    let failed: Vec<_> = findings.iter().filter(|finding| !finding.passed()).collect();
    assert!(failed.is_empty(), "{what}: {failed:#?}");
    findings
}

#[test]
fn twins() {
    assert!(assert_passes(&Device::flex(), "twins").len() >= 15);
}

#[test]
fn references() {
    atelier_shaders::with_references(|| assert_passes(&Device::flex(), "references"));
}

#[cfg(feature = "gpu")]
#[test]
fn kernels_in_each_variant() {
    // One of its own: while it is checked its kernels use one variant at a time.
    let gpu = crate::witnesses::gpu_with(crate::witnesses::adapter().features(Limits::Adapter));
    let before = atelier_shaders::gpu::enabled(&gpu);
    let findings = assert_passes(&gpu, "WGSL");
    for variant in before.variants().iter() {
        assert!(findings.iter().any(|finding| finding.variant == Some(variant)), "{variant:?}");
    }
    assert_eq!(atelier_shaders::gpu::enabled(&gpu), before);
}
