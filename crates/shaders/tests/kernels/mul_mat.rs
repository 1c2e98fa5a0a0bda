//! In every variant.

use atelier_shaders::RowPrecision;
#[cfg(feature = "gpu")]
use atelier_shaders::{Features, Limits, gpu::enabled};
use atelier_weights::Scheme;
use burn::tensor::{Device, Tensor, TensorData};

#[cfg(feature = "gpu")]
use super::packed::PACKED;
use super::packed::Words;
use crate::witnesses::{Random, RandomData, compare_twin, on};
#[cfg(feature = "gpu")]
use crate::witnesses::{TOLERANCE, adapter, compare_on, gpu, gpu_with, gpus};

/// Rows, a packed matrix, and what is added.
type Product = (TensorData, Words, TensorData);

/// Few rows and many, which take different kernels.
fn products(random: &mut Random, schemes: &[Scheme]) -> Product {
    let (columns, out) = (32 * random.size(5), random.size(150));
    let rows = if random.flag() { random.size(8) } else { random.size(140) };
    let scheme = schemes[random.size(schemes.len() as u64) - 1];
    (random.data([rows, columns]), Words::of(random, scheme, [out, columns]), random.data([out]))
}

fn with((x, words, bias): &Product, device: &Device, precision: RowPrecision) -> Tensor<2> {
    words.on(device, |weights| atelier_shaders::mul_mat(on(x, device), weights, on(bias, device), precision))
}

fn product(of: &Product, device: &Device) -> Tensor<2> {
    with(of, device, RowPrecision::Exact)
}

fn rounded(of: &Product, device: &Device) -> Tensor<2> {
    with(of, device, RowPrecision::Rounded)
}

#[test]
fn twin() {
    compare_twin(2e-4, |random| products(random, Scheme::ALL), product);
}

/// Rows of sixteen bits: each number is off by half of a 32767th of the largest, and a sum has up to 160 products of up to 9.
#[test]
fn rounded_twin() {
    compare_twin(2e-3, |random| products(random, Scheme::QUANTIZED), rounded);
}

#[cfg(feature = "gpu")]
#[test]
fn plain() {
    compare_on(&gpus()[1], TOLERANCE, |random| products(random, PACKED), product, product);
}

/// Subgroups may have more invocations than they usually have, or fewer.
#[cfg(feature = "gpu")]
#[test]
fn by_subgroups_of_another_size() {
    assert!(adapter().features(Limits::Adapter).subgroup.is_some(), "an adapter with subgroups");
    for usual in [4, 16, 64] {
        let gpu = gpu_with(Features { subgroup: Some(usual), ..Features::default() });
        compare_on(&gpu, TOLERANCE, |random| products(random, PACKED), product, product);
    }
}

/// With rows of eight bits the twin computes on the rounded rows.
#[cfg(feature = "gpu")]
#[test]
fn of_bytes() {
    assert!(adapter().features(Limits::Adapter).packed_dot, "wgpu has packed dot products everywhere");
    let gpu = gpu_with(Features { packed_dot: true, ..Features::default() });
    let of_rounded = |(x, words, bias): &Product, device: &Device| {
        let mut values = x.clone().try_to_vec::<f32>().unwrap();
        let few = x.shape()[0] <= 8;
        for block in values.chunks_mut(32).filter(|_| few) {
            let step = block.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())) / 127.0;
            block.iter_mut().for_each(|x| *x = (*x / step).round_ties_even() * step);
        }
        product(&(TensorData::new(values, x.shape().clone()), words.clone(), bias.clone()), device)
    };
    // A number halfway between two steps may go either way.
    compare_on(&gpu, 2e-3, |random| products(random, Scheme::QUANTIZED), rounded, of_rounded);
    // Zeros are no division by zero.
    let zeros = TensorData::new(vec![0.0_f32; 32], [1, 32]);
    let words = Words::of(&mut Random(1), Scheme::Q4, [3, 32]);
    let found = rounded(&(zeros, words, TensorData::new(vec![1.0_f32, 2.0, 3.0], [3])), &gpu).into_data();
    assert_eq!(found.try_to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
}

/// Where the adapter has cooperative matrices; Mesa's software adapter has them from version 26 on, and every other machine
/// translates the kernel at least (`kernels_translate`).
#[cfg(feature = "gpu")]
#[test]
fn by_cooperative_matrices() {
    let features = enabled(&gpu());
    println!("cooperative matrices: {:?}", features.cooperative);
    if features.cooperative.is_some() {
        let gpu = gpu_with(Features { packed_dot: false, ..features });
        // f16 is off by 2⁻¹² of itself at most, and a sum has up to 160 products of up to 9.
        compare_on(&gpu, 5e-2, |random| products(random, PACKED), product, product);
    }
}
