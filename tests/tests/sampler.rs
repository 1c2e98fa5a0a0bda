//! Tokens drawn on a device against those that the host draws in f64.

#![allow(missing_docs, clippy::unwrap_used)]

use atelier::Device;
use atelier::error::Error;
use atelier::prior::sampler::{Drawn, Sampling, sample};
use atelier_shaders::Draw;
use atelier_tests::{block_on, software_gpu};
use burn::tensor::{Tensor, TensorData};
use testkit::Random;

/// In f32 a token differs from the one in f64 only where rounding decides: for a draw a little before or after, it is
/// between those of f64.
#[test]
fn tokens_are_those_of_the_host() {
    for (device, count, agreeing) in [(Device::flex(), 1000, 999), (software_gpu(), 50, 50)] {
        let mut random = Random(5);
        let (mut agreed, vocab) = (0, 16_512);
        for _ in 0..count {
            let spread = random.size(6) as f32;
            let logits: Vec<f32> = random.values(vocab);
            let logits: Vec<f32> = logits.iter().map(|value| value * spread).collect();
            let top_p = [0.5, 0.75, 0.95, 1.0][random.size(4) - 1];
            let top_k = random.flag().then(|| random.size(5000));
            let sampling = Sampling { temperature: 0.5 + random.size(10) as f32 / 10.0, top_p, top_k };
            let uniform = random.number() as f64 / (1_u64 << 31) as f64;
            let host =
                |uniform: f64| sample(&logits, &sampling, vocab - 128, uniform.clamp(0.0, 1.0)).unwrap();
            let Sampling { temperature, top_p, top_k } = sampling;
            let draw = Draw { allowed: vocab - 128, temperature, top_p, top_k, uniform };
            let tensor = Tensor::<1>::from_data(TensorData::new(logits.clone(), [vocab]), &device);
            let drawn = atelier_shaders::sample_top_p(tensor, draw).into_data().convert::<i64>();
            let drawn = u32::try_from(drawn.try_to_vec::<i64>().unwrap()[0]).unwrap();
            let (least, most) = (host(uniform - 1e-5), host(uniform + 1e-5));
            assert!(
                (least..=most).contains(&drawn),
                "{drawn}, host {least} to {most}: {sampling:?} {uniform}"
            );
            agreed += usize::from(drawn == host(uniform));
        }
        assert!(agreed >= agreeing, "{agreed} of {count} agree");
    }
}

/// Where no token can be drawn, both devices say the same.
#[test]
fn bad_logits_are_reported_alike() {
    let sampling = Sampling { temperature: 1.0, top_p: 0.75, top_k: None };
    for logits in [[0.0, f32::NAN, 1.0], [0.0, 1.0, f32::INFINITY], [f32::NEG_INFINITY; 3]] {
        let [cpu, gpu] = [Device::flex(), software_gpu()].map(|device| {
            let logits = Tensor::<1>::from_data(TensorData::new(logits.to_vec(), [3]), &device);
            block_on(Drawn::new(logits, &sampling, 3, 0.5).id()).unwrap_err()
        });
        assert!(matches!(&gpu, Error::NotFinite { .. }), "{gpu}");
        assert_eq!(cpu.to_string(), gpu.to_string());
    }
}
