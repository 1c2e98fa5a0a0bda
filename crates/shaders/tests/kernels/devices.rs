//! What is known of a device stays with it.
#![cfg(feature = "gpu")]

use atelier_shaders::gpu::{enabled, largest_buffer, memory};
use atelier_shaders::{Features, Limits, Variant, Variants};
use burn::tensor::{Device, Tensor};
use testkit::block_on;

use crate::witnesses::adapter;

/// In a browser the adapter does not say it: whoever opens the device does.
#[test]
fn kernels_use_the_subgroups_that_a_browser_was_asked_for() {
    let usual = |limits| adapter().usual(limits).has(Variant::Subgroups);
    let limits = [Limits::Adapter, Limits::AdapterAndSubgroups, Limits::WebGpuDefault];
    assert_eq!(limits.map(usual), [true, true, false]);
}

#[test]
fn two_devices_open_at_once_give_each_its_own_answer() {
    let open = |limits, variants| block_on(adapter().open(limits, variants)).expect("software Vulkan");
    let (all, default) = (open(Limits::Adapter, None), open(Limits::WebGpuDefault, None));
    let plain = open(Limits::Adapter, Some(Variants::NONE));
    let limits = adapter().limits();
    let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    assert_eq!(largest_buffer(&all), Some(most));
    assert_eq!(largest_buffer(&plain), Some(most));
    assert_eq!(largest_buffer(&default), Some(128 << 20));

    let usual = |limits| adapter().features(limits).within(adapter().usual(limits));
    assert_eq!(enabled(&all), usual(Limits::Adapter));
    assert_eq!(enabled(&default), usual(Limits::WebGpuDefault));
    assert_eq!(enabled(&plain), Features::default());
    assert_eq!(enabled(&default).subgroup, None);

    let before = [&all, &default].map(|device| memory(device).expect("Vulkan tells"));
    let kept = Tensor::<1>::zeros([16 << 20], &all);
    all.sync().expect("it works");
    let after = [&all, &default].map(|device| memory(device).expect("Vulkan tells"));
    assert!(after[0] >= before[0] + (64 << 20), "{before:?} {after:?}");
    assert_eq!(after[1], before[1]);
    drop(kept);

    let cpu = Device::flex();
    assert_eq!((largest_buffer(&cpu), memory(&cpu), enabled(&cpu)), (None, None, Features::default()));
}
