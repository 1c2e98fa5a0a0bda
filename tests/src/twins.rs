//! Kernels on the GPU against their plain Rust twins on the CPU, in random cases.

use std::fmt::Debug;
use std::sync::OnceLock;

use atelier_shaders::Features;
use burn::tensor::{Device, Tensor, TensorData};
pub use testkit::Random;

use crate::{software_gpu, software_gpu_with};

/// How far a kernel may be off: sums are added in another order.
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

/// The GPU as it is opened, and with what every device has.
pub fn gpus() -> [Device; 2] {
    static PORTABLE: OnceLock<Device> = OnceLock::new();
    [software_gpu(), PORTABLE.get_or_init(|| software_gpu_with(Features::default())).clone()]
}

/// Runs `kernel` on the CPU and on the GPU, with random cases, and compares.
pub fn compare<const D: usize, Case>(
    cases: impl Fn(&mut Random) -> Case,
    kernel: impl Fn(&Case, &Device) -> Tensor<D>,
) where
    Case: Debug,
{
    for gpu in gpus() {
        compare_on(&gpu, TOLERANCE, &cases, &kernel, &kernel);
    }
}

/// The same on one GPU, with a twin of its own and a tolerance of its own.
pub fn compare_on<const D: usize, Case>(
    gpu: &Device,
    tolerance: f32,
    cases: impl Fn(&mut Random) -> Case,
    kernel: impl Fn(&Case, &Device) -> Tensor<D>,
    twin: impl Fn(&Case, &Device) -> Tensor<D>,
) where
    Case: Debug,
{
    let cpu = Device::flex();
    for seed in 0..24 {
        let case = cases(&mut Random(seed));
        let (twin, found) = (twin(&case, &cpu), kernel(&case, gpu));
        assert_eq!(found.dims(), twin.dims(), "seed {seed}");
        let values = |x: Tensor<D>| x.into_data().try_to_vec::<f32>().unwrap();
        for (place, (a, b)) in values(found).into_iter().zip(values(twin)).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * b.abs().max(1.0),
                "seed {seed}, place {place}: {a}, twin {b}"
            );
        }
    }
}

pub fn on<const D: usize>(data: &TensorData, device: &Device) -> Tensor<D> {
    Tensor::from_data(data.clone(), device)
}
