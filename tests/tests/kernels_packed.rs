//! The kernels that read packed matrices, in every variant, on the software Vulkan adapter against their twins.

#![allow(missing_docs, clippy::unwrap_used)]

use atelier_shaders::{Features, enabled};
use atelier_tests::twins::{Random, RandomData, TOLERANCE, compare, compare_on, gpus, on};
use atelier_tests::{software_adapter, software_gpu, software_gpu_with};
use atelier_weights::{Packed, Scheme, Search};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// F32 has no kernels: it is never packed.
const PACKED: &[Scheme] = &[Scheme::F16, Scheme::Bf16, Scheme::F8, Scheme::Q8, Scheme::Q4, Scheme::Q4Offset];

/// A packed matrix as a kernel gets it: words of codes and of scales.
#[derive(Debug, Clone)]
struct Words {
    scheme: Scheme,
    codes: TensorData,
    scales: TensorData,
}

impl Words {
    fn of(random: &mut Random, scheme: Scheme, [rows, columns]: [usize; 2]) -> Self {
        let weights = random.data([rows, columns]).try_to_vec::<f32>().unwrap();
        let Packed { codes, scales } = scheme.pack(Search::Nearest, columns, &weights, &[]);
        let data = |words: Vec<u32>| {
            let words = if words.is_empty() { vec![0; rows] } else { words };
            let (words, width): (Vec<i32>, _) =
                (words.iter().map(|w| w.cast_signed()).collect(), words.len() / rows);
            TensorData::new(words, [rows, width])
        };
        Self { scheme, codes: data(codes), scales: data(scales) }
    }

    fn on(&self, device: &Device) -> [Tensor<2, Int>; 2] {
        [&self.codes, &self.scales].map(|words| Tensor::from_data(words.clone(), (device, DType::I32)))
    }
}

/// Rows, a packed matrix, and what is added.
type Product = (TensorData, Words, TensorData);

/// Few rows and many, which take different kernels.
fn products(random: &mut Random, schemes: &[Scheme]) -> Product {
    let (columns, out) = (32 * random.size(5), random.size(150));
    let rows = if random.flag() { random.size(8) } else { random.size(140) };
    let scheme = schemes[random.size(schemes.len() as u64) - 1];
    (random.data([rows, columns]), Words::of(random, scheme, [out, columns]), random.data([out]))
}

fn product((x, words, bias): &Product, device: &Device) -> Tensor<2> {
    let [codes, scales] = words.on(device);
    atelier_shaders::mul_mat(on(x, device), codes, scales, words.scheme, on(bias, device))
}

#[test]
fn mul_mat() {
    compare_on(&gpus()[1], TOLERANCE, |random| products(random, PACKED), product, product);
}

/// Subgroups may have more invocations than they usually have, or fewer.
#[test]
fn mul_mat_by_subgroups_of_another_size() {
    assert!(software_adapter().subgroups, "an adapter with subgroups");
    for usual in [4, 16, 64] {
        let gpu = software_gpu_with(Features { subgroup: Some(usual), ..Features::default() });
        compare_on(&gpu, TOLERANCE, |random| products(random, PACKED), product, product);
    }
}

/// Numbers of 16 bits in the tiles: each is off by 2⁻¹² of itself at most, and a sum has up to 160 products of up to 9.
#[test]
fn mul_mat_in_f16() {
    assert!(software_adapter().f16, "an adapter with f16");
    let gpu = software_gpu_with(Features { f16: true, ..Features::default() });
    compare_on(&gpu, 5e-2, |random| products(random, PACKED), product, product);
    // Beyond f16 it stays finite.
    let huge = TensorData::new(vec![1e6_f32; 9 * 32], [9, 32]);
    let words = Words::of(&mut Random(1), Scheme::Q8, [1, 32]);
    let found = product(&(huge, words, TensorData::new(vec![0.0_f32], [1])), &gpu).into_data();
    assert!(found.try_to_vec::<f32>().unwrap().iter().all(|x| x.is_finite()));
}

/// With rows of eight bits the twin computes on the rounded rows.
#[test]
fn mul_mat_of_bytes() {
    assert!(software_adapter().packed_dot, "wgpu has packed dot products everywhere");
    let gpu = software_gpu_with(Features { packed_dot: true, ..Features::default() });
    let rounded = |(x, words, bias): &Product, device: &Device| {
        let mut values = x.clone().try_to_vec::<f32>().unwrap();
        let few = x.shape()[0] <= 8;
        for block in values.chunks_mut(32).filter(|_| few) {
            let step = block.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())) / 127.0;
            block.iter_mut().for_each(|x| *x = (*x / step).round_ties_even() * step);
        }
        product(&(TensorData::new(values, x.shape().clone()), words.clone(), bias.clone()), device)
    };
    // A number halfway between two steps may go either way.
    compare_on(&gpu, 2e-3, |random| products(random, Scheme::QUANTIZED), product, rounded);
    // Zeros are no division by zero.
    let zeros = TensorData::new(vec![0.0_f32; 32], [1, 32]);
    let words = Words::of(&mut Random(1), Scheme::Q4, [3, 32]);
    let found = product(&(zeros, words, TensorData::new(vec![1.0_f32, 2.0, 3.0], [3])), &gpu).into_data();
    assert_eq!(found.try_to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
}

/// Where the adapter has cooperative matrices; Mesa's software adapter has them from version 26 on, and every other machine
/// translates the kernel at least (`kernels_translate` in `shaders`).
#[test]
fn mul_mat_by_cooperative_matrices() {
    let features = enabled(&software_gpu());
    println!("cooperative matrices: {:?}", features.cooperative);
    if features.cooperative.is_some() {
        let gpu = software_gpu_with(Features { packed_dot: false, ..features });
        compare_on(&gpu, 5e-2, |random| products(random, PACKED), product, product);
    }
}

#[test]
fn embedding() {
    compare(
        |random| {
            let (rows, columns) = (random.size(60), 32 * random.size(5));
            let first = random.size(20) - 1;
            let ids: Vec<i32> = (0..random.size(30)).map(|_| random.size(90) as i32 - 1).collect();
            let scheme = PACKED[random.size(PACKED.len() as u64) - 1];
            (Words::of(random, scheme, [rows, columns]), first, ids)
        },
        |(words, first, ids), device| {
            let [codes, scales] = words.on(device);
            let ids = Tensor::from_data(TensorData::new(ids.clone(), [ids.len()]), (device, DType::I32));
            atelier_shaders::embedding(codes, scales, words.scheme, ids, *first)
        },
    );
}
