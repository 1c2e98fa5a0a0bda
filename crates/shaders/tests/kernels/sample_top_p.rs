use atelier_shaders::{Draw, with_references};
use burn::tensor::{Device, Tensor, TensorData};

use crate::witnesses::{Random, RandomData, on};

fn drawn(logits: &TensorData, draw: Draw, device: &Device) -> Tensor<1> {
    atelier_shaders::sample_top_p(on::<1>(logits, device), draw).float()
}

fn id(drawn: Tensor<1>) -> f32 {
    drawn.into_scalar()
}

/// The reference adds up in another order: a draw a little before or after may decide.
#[test]
fn the_twin_draws_what_the_reference_draws() {
    let cpu = Device::flex();
    for seed in 0..48 {
        let random = &mut Random(seed);
        let (vocab, beyond) = (random.size(600), random.size(9) - 1);
        let logits = random.data([vocab + beyond]);
        let temperature = if random.size(6) == 1 { 0.0 } else { 0.1 + 1.9 * random.share() };
        let top_p = (0.01 + 1.19 * random.share()).min(1.0);
        let top_k = random.flag().then(|| random.size(700));
        let uniform = f64::from(random.share());
        let draw = Draw { allowed: vocab, temperature, top_p, top_k, uniform };
        let [least, most] = [-1e-5, 1e-5].map(|step| {
            let draw = Draw { uniform: (uniform + step).clamp(0.0, 1.0), ..draw };
            with_references(|| id(drawn(&logits, draw, &cpu)))
        });
        let drawn = id(drawn(&logits, draw, &cpu));
        assert!((least..=most).contains(&drawn), "seed {seed}: {drawn}, reference {least} to {most}");
    }
}

/// What has no token in the twin has none in the reference.
#[test]
fn logits_without_a_token() {
    let draw = Draw { allowed: 3, temperature: 1.0, top_p: 0.9, top_k: None, uniform: 0.5 };
    let (hidden, cpu) = (f32::NEG_INFINITY, Device::flex());
    for logits in [[0.0, f32::NAN, 1.0, 0.0], [f32::INFINITY, 0.0, 0.0, 0.0], [hidden, hidden, hidden, 0.0]] {
        let logits = TensorData::new(logits.to_vec(), [4]);
        for temperature in [0.0, 1.0] {
            let run = || id(drawn(&logits, Draw { temperature, ..draw }, &cpu));
            assert_eq!([run(), with_references(run)], [4.0, 4.0]);
        }
    }
}

#[cfg(feature = "gpu")]
mod wgsl {
    use super::*;
    use crate::witnesses::{TOLERANCE, compare_on, gpus};

    /// Logits of all sorts, and how to draw from them.
    fn draws(random: &mut Random) -> (TensorData, Draw) {
        let vocab = random.size(20_000);
        let values = random.data([vocab]).try_to_vec::<f32>().unwrap();
        let (spread, kind) = (random.size(8) as f32, random.size(6));
        let mut logits: Vec<f32> = values.iter().map(|value| value * spread).collect();
        match kind {
            // Many equals.
            1 | 2 => logits.iter_mut().for_each(|logit| *logit = logit.round() + 0.0),
            3 => logits.iter_mut().filter(|logit| **logit < 0.0).for_each(|logit| *logit = f32::NEG_INFINITY),
            _ => {}
        }
        if random.size(8) == 1 {
            let place = random.size(vocab as u64) - 1;
            logits[place] = [f32::NAN, -f32::NAN, f32::INFINITY][random.size(3) - 1];
        }
        let share = |random: &mut Random| random.size(1000) as f32 / 1000.0;
        let draw = Draw {
            allowed: if random.flag() { vocab } else { random.size(vocab as u64) },
            temperature: if random.size(5) == 1 { 0.0 } else { 0.1 + share(random) },
            top_p: if random.flag() { share(random) } else { 1.0 },
            top_k: random.flag().then(|| random.size(vocab as u64)),
            uniform: f64::from(share(random) - 0.0005),
        };
        (TensorData::new(logits, [vocab]), draw)
    }

    /// WGSL draws what the twin draws, exactly.
    #[test]
    fn sample_top_p() {
        for gpu in gpus() {
            let run = |(logits, draw): &(TensorData, Draw), device: &Device| drawn(logits, *draw, device);
            compare_on(&gpu, TOLERANCE, draws, run, run);
        }
    }
}
