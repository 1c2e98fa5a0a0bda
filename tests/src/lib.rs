//! Parity of the pipeline with the reference: golden files, tolerances, and the checks that run on every device.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod checks;
pub mod packs;
pub mod traced;

use std::sync::Arc;

use atelier::loader::Loader;
use atelier::weights::FromWeights;
use atelier::{Checkpoint, Device, DeviceChoice, Observer, device};
use atelier_shaders::Features;
use atelier_weights::FolderSource;
pub use testkit::{Golden, assert_close, block_on, reference};

/// The tiny random checkpoint that every golden file was made with.
pub fn tiny_random() -> Arc<FolderSource> {
    Arc::new(FolderSource::open(reference().join("tiny-random")).expect("the tiny checkpoint"))
}

/// The same, opened.
pub fn tiny_checkpoint() -> Checkpoint {
    block_on(Checkpoint::open(tiny_random())).expect("the tiny checkpoint opens")
}

/// The CPU device.
pub fn cpu() -> Device {
    block_on(device::open(&DeviceChoice::Cpu)).expect("the CPU device").0
}

/// A part of the model, on the device.
pub fn load<M: FromWeights>(checkpoint: &Checkpoint, device: &Device) -> M {
    let mut run = Observer::silent();
    let mut loader = Loader::new(checkpoint, M::STAGE, device, &mut run).expect("a loader");
    block_on(loader.load()).expect("the part loads")
}

/// The adapter that GPU tests run on.
fn software() -> DeviceChoice {
    DeviceChoice::Adapter(std::env::var("ATELIER_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into()))
}

/// The software Vulkan adapter: there is one on every test machine, and a real GPU would hide its absence.
pub fn software_gpu() -> Device {
    use std::sync::OnceLock;
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE
        .get_or_init(|| {
            let (device, report) = block_on(device::open(&software()))
                .expect("software Vulkan (apt-get install mesa-vulkan-drivers)");
            eprintln!("device: {report}");
            device
        })
        .clone()
}

/// The same, opened once more for kernels that use `features` alone.
pub fn software_gpu_with(features: Features) -> Device {
    let (device, _) = block_on(device::open(&software())).expect("software Vulkan");
    atelier_shaders::gpu::enable(&device, features);
    device
}

/// One test for each golden file that needs the model, on the device that `$device` opens.
#[macro_export]
macro_rules! checks_on {
    ($device:ident) => {
        $crate::checks_on! { $device:
            glyph_encoder { t2i_a, t2i_b, t2i_c, negative }
            vae { decode, encode }
            vision { a, b, square }
            transformer { cond, uncond, crop }
            architect { t2i_a, t2i_b, t2i_c }
            end_to_end { t2i_a, t2i_b, t2i_c, t2i_batch2, i2i_one, i2i_two }
        }
    };
    ($device:ident: $($module:ident { $($check:ident),* $(,)? })*) => {
        $(mod $module {
            $(#[test]
            fn $check() {
                atelier_tests::checks::$module::$check(&super::$device());
            })*
        })*
    };
}
