//! What the tests of all kernels share: random cases, devices, and the comparison.

use std::fmt::Debug;
#[cfg(feature = "gpu")]
use std::sync::OnceLock;

use atelier_shaders::with_references;
#[cfg(feature = "gpu")]
use atelier_shaders::{Features, Limits, gpu};
use burn::tensor::{Device, Int, Tensor, TensorData};
pub use testkit::Random;
#[cfg(feature = "gpu")]
use testkit::block_on;

/// How far WGSL may be off its twin: sums are added in another order.
pub const TOLERANCE: f32 = 2e-4;

/// Random tensors.
pub trait RandomData {
    /// Numbers in -3..3.
    fn data<const D: usize>(&mut self, shape: [usize; D]) -> TensorData;
}

impl RandomData for Random {
    fn data<const D: usize>(&mut self, shape: [usize; D]) -> TensorData {
        TensorData::new(self.values(shape.iter().product()), shape)
    }
}

pub fn on<const D: usize>(data: &TensorData, device: &Device) -> Tensor<D> {
    Tensor::from_data(data.clone(), device)
}

/// What a kernel gives: one tensor, or several.
pub trait Outputs {
    fn read(self) -> Vec<TensorData>;
}

impl<const D: usize> Outputs for Tensor<D> {
    fn read(self) -> Vec<TensorData> {
        vec![self.into_data().convert::<f32>()]
    }
}

impl<const D: usize> Outputs for Tensor<D, Int> {
    fn read(self) -> Vec<TensorData> {
        self.float().read()
    }
}

impl<A: Outputs, B: Outputs> Outputs for (A, B) {
    fn read(self) -> Vec<TensorData> {
        [self.0.read(), self.1.read()].concat()
    }
}

impl<A: Outputs, B: Outputs, C: Outputs> Outputs for (A, B, C) {
    fn read(self) -> Vec<TensorData> {
        [self.0.read(), self.1.read(), self.2.read()].concat()
    }
}

pub fn assert_close(found: impl Outputs, expected: impl Outputs, tolerance: f32, what: &str) {
    let (found, expected) = (found.read(), expected.read());
    assert_eq!(found.len(), expected.len(), "{what}");
    for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.shape(), expected.shape(), "{what}, output {output}");
        let pairs = found.iter::<f32>().zip(expected.iter::<f32>());
        for (place, (a, b)) in pairs.enumerate() {
            let near = (a - b).abs() <= tolerance * b.abs().max(1.0);
            assert!(near, "{what}, output {output}, place {place}: {a}, expected {b}");
        }
    }
}

/// Compares the twin with the reference, within `tolerance`, and WGSL with the twin, within [`TOLERANCE`].
pub fn compare<Case: Debug, O: Outputs>(
    tolerance: f32,
    cases: impl Fn(&mut Random) -> Case,
    kernel: impl Fn(&Case, &Device) -> O,
) {
    compare_twin(tolerance, &cases, &kernel);
    for gpu in gpus() {
        compare_on(&gpu, TOLERANCE, &cases, &kernel, &kernel);
    }
}

/// The twin and the reference alone.
pub fn compare_twin<Case: Debug, O: Outputs>(
    tolerance: f32,
    cases: impl Fn(&mut Random) -> Case,
    kernel: impl Fn(&Case, &Device) -> O,
) {
    let cpu = Device::flex();
    for seed in 0..48 {
        let case = cases(&mut Random(seed));
        let reference = with_references(|| kernel(&case, &cpu));
        assert_close(kernel(&case, &cpu), reference, tolerance, &format!("seed {seed}, twin"));
    }
}

/// WGSL on one GPU, with a twin of its own and a tolerance of its own.
pub fn compare_on<Case: Debug, O: Outputs>(
    gpu: &Device,
    tolerance: f32,
    cases: impl Fn(&mut Random) -> Case,
    kernel: impl Fn(&Case, &Device) -> O,
    twin: impl Fn(&Case, &Device) -> O,
) {
    let cpu = Device::flex();
    for seed in 0..24 {
        let case = cases(&mut Random(seed));
        assert_close(kernel(&case, gpu), twin(&case, &cpu), tolerance, &format!("seed {seed}, WGSL"));
    }
}

/// The GPU as it is opened, and with what every device has.
#[cfg(feature = "gpu")]
pub fn gpus() -> Vec<Device> {
    static PORTABLE: OnceLock<Device> = OnceLock::new();
    vec![gpu(), PORTABLE.get_or_init(|| gpu_with(Features::default())).clone()]
}

/// A build without them.
#[cfg(not(feature = "gpu"))]
pub fn gpus() -> Vec<Device> {
    Vec::new()
}

/// The software Vulkan adapter: there is one on every test machine, and a real GPU would hide its absence.
#[cfg(feature = "gpu")]
pub fn adapter() -> gpu::Adapter {
    let name = std::env::var("ATELIER_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into()).to_lowercase();
    let adapters = block_on(gpu::adapters());
    let found = adapters.into_iter().find(|adapter| adapter.info().name.to_lowercase().contains(&name));
    found.expect("software Vulkan (apt-get install mesa-vulkan-drivers)")
}

/// A device of it, the same every time.
#[cfg(feature = "gpu")]
pub fn gpu() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    DEVICE.get_or_init(|| block_on(adapter().open(Limits::Adapter, None)).expect("software Vulkan")).clone()
}

/// Another one, for kernels that use `features` alone.
#[cfg(feature = "gpu")]
pub fn gpu_with(features: Features) -> Device {
    let device = block_on(adapter().open(Limits::Adapter, None)).expect("software Vulkan");
    gpu::enable(&device, features);
    device
}
