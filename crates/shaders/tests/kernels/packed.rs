//! Packed matrices for the kernels that read them.

use atelier_shaders::PackedRef;
use atelier_weights::{Packed, Scheme, Search};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::witnesses::{Random, RandomData};

/// F32 has no WGSL: it is never packed.
pub const PACKED: &[Scheme] =
    &[Scheme::F16, Scheme::Bf16, Scheme::F8, Scheme::Q8, Scheme::Q4, Scheme::Q4Offset];

/// A packed matrix as a kernel gets it: words of codes and of scales.
#[derive(Debug, Clone)]
pub struct Words {
    pub scheme: Scheme,
    codes: TensorData,
    scales: TensorData,
}

impl Words {
    /// Random weights.
    pub fn of(random: &mut Random, scheme: Scheme, shape: [usize; 2]) -> Self {
        Self::pack(scheme, &random.data(shape))
    }

    /// What the codec makes of weights.
    pub fn pack(scheme: Scheme, weights: &TensorData) -> Self {
        let [rows, columns] = weights.shape().dims();
        let weights: Vec<f32> = weights.iter::<f32>().collect();
        let Packed { codes, scales } = scheme.pack(Search::Nearest, columns, &weights, &[]);
        let data = |words: Vec<u32>| {
            let words = if words.is_empty() { vec![0; rows] } else { words };
            let (words, width): (Vec<i32>, _) =
                (words.iter().map(|w| w.cast_signed()).collect(), words.len() / rows);
            TensorData::new(words, [rows, width])
        };
        Self { scheme, codes: data(codes), scales: data(scales) }
    }

    /// Calls `f` with the matrix on a device.
    pub fn on<T>(&self, device: &Device, f: impl FnOnce(PackedRef<'_>) -> T) -> T {
        let words = |data: &TensorData| Tensor::<2, Int>::from_data(data.clone(), (device, DType::I32));
        f(PackedRef { codes: &words(&self.codes), scales: &words(&self.scales), scheme: self.scheme })
    }
}

/// What the codec itself unpacks is what the reference reads, and the twin.
#[test]
fn packed_weights_mean_what_the_codec_says() {
    for &scheme in Scheme::ALL {
        let weights = Random(3).data([5, 96]);
        let values: Vec<f32> = weights.iter::<f32>().collect();
        let expected = scheme.unpack(96, &scheme.pack(Search::Nearest, 96, &values, &[]));
        let words = Words::pack(scheme, &weights);
        let cpu = Device::flex();
        let ids = || Tensor::<1, Int>::from_data([0, 1, 2, 3, 4], &cpu);
        let rows = || words.on(&cpu, |table| atelier_shaders::embedding(table, ids(), 0));
        for found in [rows(), atelier_shaders::with_references(rows)] {
            assert_eq!(found.into_data().try_to_vec::<f32>().unwrap(), expected, "{scheme:?}");
        }
    }
}
