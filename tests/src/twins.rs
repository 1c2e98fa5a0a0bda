//! Kernels on the GPU against their plain Rust twins on the CPU, in random cases.

use std::fmt::Debug;
use std::sync::OnceLock;

use atelier_shaders::Features;
use burn::tensor::{Device, Tensor, TensorData};

use crate::{software_gpu, software_gpu_with};

/// How far a kernel may be off: sums are added in another order.
pub const TOLERANCE: f32 = 2e-4;

/// Random numbers in -3..3 and random sizes, from a seed.
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// In `1..=most`.
    pub fn size(&mut self, most: u64) -> usize {
        usize::try_from(self.number() % most + 1).unwrap()
    }

    pub fn flag(&mut self) -> bool {
        self.number() % 2 == 1
    }

    pub fn data<const D: usize>(&mut self, shape: [usize; D]) -> TensorData {
        let count = shape.iter().product();
        let values: Vec<f32> =
            (0..count).map(|_| self.number() as f32 / (1_u64 << 31) as f32 * 6.0 - 3.0).collect();
        TensorData::new(values, shape)
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
