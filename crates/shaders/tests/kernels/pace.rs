//! No submission holds more than its device does in a moment, and what is cut up is still the same.
#![cfg(feature = "gpu")]

use atelier_shaders::gpu::{self, Pace};
use atelier_shaders::{Features, Limits, RowPrecision};
use atelier_weights::Scheme;
use burn::tensor::{Device, Tensor, TensorData};
use testkit::block_on;

use super::packed::Words;
use crate::witnesses::{Outputs, Random, RandomData, adapter, gpu_with, on};

/// A kernel in dispatches of about a seventh of its operations gives the very same numbers, and no submission is larger.
fn cut_up(device: &Device, operations: f64, kernel: impl Fn(&Device) -> TensorData) {
    gpu::pin_rate(device, 1e15);
    let whole = kernel(device);
    let before = gpu::tally(device);
    assert!(before.submissions == 0 && before.largest >= operations, "{before:?}");

    let most = operations / 6.5;
    gpu::pin_rate(device, most / gpu::SUBMISSION);
    let cut = kernel(device);
    let after = gpu::tally(device);
    assert_eq!(cut, whole);
    assert!(after.dispatches >= before.dispatches + 6, "{before:?} {after:?}");
    assert!(after.submissions >= 6, "{after:?}");
    assert!(after.largest <= most && after.largest > most / 2.0, "{most}: {after:?}");
    assert!((after.operations - before.operations).abs() < 1e-6 * operations, "{before:?} {after:?}");
}

fn read<const D: usize>(tensor: Tensor<D>) -> TensorData {
    tensor.read().remove(0)
}

#[test]
fn large_dispatches_are_cut_and_give_the_same_bits() {
    for features in [Features::default(), adapter().features(Limits::Adapter)] {
        let device = gpu_with(features);
        let random = &mut Random(1);
        let [heads, seq, head_dim] = [8, 150, 64];
        let q = random.data([1, seq, heads, head_dim]);
        let k = random.data([1, seq, heads, head_dim]);
        let v = random.data([1, seq, heads, head_dim]);
        let of_heads = |x: &TensorData, device: &Device| on::<4>(x, device).swap_dims(1, 2);
        cut_up(&device, 4.0 * (heads * seq * seq * head_dim) as f64, |device| {
            let [q, k, v] = [&q, &k, &v].map(|x| of_heads(x, device));
            read(atelier_shaders::attention(q, k, v, true))
        });

        let [rows, columns, out] = [300, 320, 500];
        let (x, bias) = (random.data([rows, columns]), random.data([out]));
        let words = Words::of(random, Scheme::Q4, [out, columns]);
        cut_up(&device, 2.0 * (rows * columns * out) as f64, |device| {
            words.on(device, |weights| {
                let product =
                    atelier_shaders::mul_mat(on(&x, device), weights, on(&bias, device), RowPrecision::Exact);
                read(product)
            })
        });

        let [inputs, outputs, height, width] = [9, 70, 60, 50];
        let x = random.data([1, inputs, height / 2, width / 2]);
        let (weight, bias) = (random.data([outputs, inputs, 3, 3]), random.data([outputs]));
        cut_up(&device, 18.0 * (inputs * outputs * height * width) as f64, |device| {
            read(atelier_shaders::conv2d_3x3(on(&x, device), on(&weight, device), on(&bias, device), true))
        });
    }
}

#[test]
fn a_pause_sees_how_fast_the_device_is() {
    let device = gpu_with(Features::default());
    assert_eq!(gpu::rate(&device), Some(gpu::FIRST_RATE));
    assert_eq!(gpu::rate(&Device::flex()), None);
    let random = &mut Random(2);
    let (x, weight) = (random.data([1, 64, 128, 128]), random.data([64, 64, 3, 3]));
    let (weight, bias) = (on(&weight, &device), Tensor::zeros([64], &device));
    // Kernels are compiled once.
    let mut x = atelier_shaders::conv2d_3x3(on::<4>(&x, &device), weight, bias, false).clamp(-1.0, 1.0);
    x.clone().read();
    let weight: Tensor<4> = on(&random.data([64, 64, 3, 3]), &device);
    let mut pace = Pace::new(&device);
    for _ in 0..6 {
        x = atelier_shaders::conv2d_3x3(x, weight.clone(), Tensor::zeros([64], &device), false);
        block_on(pace.pause()).unwrap();
    }
    x.read();
    pace.caught_up();
    let seen = gpu::rate(&device).unwrap();
    assert!((gpu::FIRST_RATE..1e15).contains(&seen), "{seen:e}");

    // A device that is pinned stays what it is said to be.
    gpu::pin_rate(&device, 1e9);
    pace.caught_up();
    assert_eq!(gpu::rate(&device), Some(1e9));
}
