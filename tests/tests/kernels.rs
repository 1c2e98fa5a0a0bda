//! Every WGSL kernel on the software Vulkan adapter against its plain Rust twin, on random shapes with ragged edges.

#![allow(missing_docs, clippy::unwrap_used)]

use atelier::error::Error;
use atelier::prior::sampler::{Sampling, sample, sample_on_device};
use atelier_shaders::Draw;
use atelier_tests::twins::{Random, RandomData, TOLERANCE, compare, compare_on, gpus, on};
use atelier_tests::{block_on, software_gpu};
use burn::tensor::{DType, Device, Tensor, TensorData};

#[test]
fn attention() {
    compare(
        |random| {
            let (batch, key_value_heads, head_dim) = (random.size(2), random.size(2), random.size(128));
            let heads = key_value_heads * random.size(3);
            let (seq, causal) = (random.size(100), random.flag());
            let context = if causal { seq + random.size(60) - 1 } else { random.size(80) };
            // The heads lie behind the sequence in memory, as they come out of a projection.
            let q = random.data([batch, seq, heads, head_dim]);
            let k = random.data([batch, context, key_value_heads, head_dim]);
            let v = random.data([batch, context, key_value_heads, head_dim]);
            (q, k, v, causal)
        },
        |(q, k, v, causal), device| {
            let heads = |x| on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::attention(heads(q), heads(k), heads(v), *causal)
        },
    );
}

#[test]
fn attention_on_a_cache_that_is_longer_than_what_it_holds() {
    compare(
        |random| {
            let (heads, head_dim, context) = (random.size(3), random.size(64), random.size(200));
            let capacity = context + random.size(20);
            let caches = [(); 2].map(|()| random.data([1, heads, capacity, head_dim]));
            (random.data([1, 2 * heads, 1, head_dim]), caches, context)
        },
        |(q, [k, v], context), device| {
            atelier_shaders::attention_over_cache(on(q, device), on(k, device), on(v, device), *context)
        },
    );
}

/// Few queries and a context that is shared out: around the borders of its splits, and of the rows of a block.
#[test]
fn attention_of_few_queries_over_a_long_context() {
    compare(
        |random| {
            let (batch, key_value_heads) = (random.size(2), random.size(2));
            // Workgroups are of the size that rows and channels ask for.
            let (group, seq) = if random.flag() {
                (random.size(4), random.size(2))
            } else {
                (random.size(20), random.size(8))
            };
            let widest = 32 << random.size(3);
            let (head_dim, causal) = (random.size(widest), random.flag());
            // More than 256 / 2 splits of one tile each, sometimes.
            let tiles = if random.size(4) == 1 { 128 + random.size(9) } else { random.size(5) };
            let context = (64 * tiles + random.size(3) - 2).max(seq);
            let q = random.data([batch, seq, key_value_heads * group, head_dim]);
            let k = random.data([batch, context, key_value_heads, head_dim]);
            let v = random.data([batch, context, key_value_heads, head_dim]);
            (q, k, v, causal)
        },
        |(q, k, v, causal), device| {
            let heads = |x| on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::attention(heads(q), heads(k), heads(v), *causal)
        },
    );
}

#[test]
fn ada_layer_norm() {
    compare(
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            let pictures = if random.flag() { 1 } else { batch };
            let condition = [pictures, 1, width];
            (random.data([batch, seq, width]), random.data(condition), random.data(condition))
        },
        |(x, shift, scale), device| {
            atelier_shaders::ada_layer_norm(on(x, device), on(shift, device), on(scale, device), 1e-5)
        },
    );
}

#[test]
fn rms_norm() {
    compare(
        |random| {
            let (batch, seq, width) = (random.size(2), random.size(40), random.size(600));
            (random.data([batch, seq, width]), random.data([width]))
        },
        |(x, weight), device| atelier_shaders::rms_norm(on::<3>(x, device), on(weight, device), 1e-5),
    );
}

#[test]
fn norm_rope() {
    compare(
        |random| {
            let (batch, heads, first, turning) =
                (random.size(2), random.size(4), random.size(4) - 1, random.size(30));
            let rotary = 2 * random.size(40);
            let head_dim = rotary + random.size(9) - 1;
            let angles = [if random.flag() { 1 } else { batch }, 1, turning, rotary];
            let x = random.data([batch, first + turning, heads, head_dim]);
            (x, random.data(angles), random.data(angles), first, random.flag().then_some(1e-5))
        },
        |(x, cos, sin, first, eps), device| {
            let x = on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::norm_rope(x, on(cos, device), on(sin, device), *first, *eps)
        },
    );
}

#[test]
fn residual_norm() {
    for output in 0..2 {
        compare(
            |random| {
                let (rows, width) = (random.size(40), random.size(600));
                let [x, y] = [(); 2].map(|()| random.data([rows, width]));
                let [post, next] = [(); 2].map(|()| random.data([width]));
                (x, y, post, next)
            },
            |(x, y, post, next), device| {
                let weights = [post, next].map(|weight| on::<1>(weight, device));
                let [post, next] = weights;
                let (x, y) = (on::<2>(x, device), on(y, device));
                let (h, normal) = atelier_shaders::residual_norm(x, y, post, next, [1e-5, 1e-2]);
                if output == 0 { h } else { normal }
            },
        );
    }
}

#[test]
fn rope_append() {
    for output in 0..3 {
        compare(
            |random| {
                let (heads, key_value_heads) = (random.size(4), random.size(3));
                let (seq, before, half) = (random.size(9), random.size(9) - 1, random.size(40));
                let head_dim = 2 * half + random.size(5) - 1;
                let qkv = random.data([1, seq, (heads + 2 * key_value_heads) * head_dim]);
                let [cos, sin] = [(); 2].map(|()| random.data([1, 1, seq, 2 * half]));
                let buffer = [1, key_value_heads, before + seq + random.size(9), head_dim];
                (qkv, cos, sin, random.data(buffer), random.data(buffer), before)
            },
            |(qkv, cos, sin, keys, values, before), device| {
                let (cos, sin) = (on(cos, device), on(sin, device));
                let (keys, values) = (on(keys, device), on(values, device));
                let (q, keys, values) =
                    atelier_shaders::rope_append(on(qkv, device), cos, sin, keys, values, *before);
                [q, keys, values].into_iter().nth(output).unwrap()
            },
        );
    }
}

/// A cache of 16 bits: written as the reference rounds it, read by both kernels of attention.
#[test]
fn a_cache_of_16_bits() {
    for gpu in gpus() {
        for output in 0..3 {
            let run = |(qkv, angles, cache, before): &(TensorData, TensorData, TensorData, usize),
                       device: &Device| {
                let half = || on::<4>(cache, device).cast(DType::F16);
                let angles = || on::<4>(angles, device);
                let (q, keys, values) = atelier_shaders::rope_append(
                    on(qkv, device),
                    angles(),
                    angles(),
                    half(),
                    half(),
                    *before,
                );
                let [_, _, seq, _] = q.dims();
                match output {
                    0 => atelier_shaders::attention_over_cache(q, keys, values, before + seq),
                    1 => keys.cast(DType::F32),
                    _ => values.cast(DType::F32),
                }
            };
            let cases = |random: &mut Random| {
                let (heads, key_value_heads) = (random.size(3), random.size(2));
                // One token over a long context, or several.
                let (seq, before) = if random.flag() { (1, random.size(300)) } else { (12, random.size(40)) };
                let head_dim = 2 * random.size(40);
                let slots = heads * key_value_heads + 2 * key_value_heads;
                let qkv = random.data([1, seq, slots * head_dim]);
                let angles = random.data([1, 1, seq, head_dim / 2 / 2 * 2]);
                (qkv, angles, random.data([1, key_value_heads, before + seq + 3, head_dim]), before)
            };
            compare_on(&gpu, 2e-3, cases, run, run);
        }
    }
}

#[test]
fn to_f16_and_back() {
    // Odd counts take burn's own way.
    let cases = |random: &mut Random| {
        let shape = [random.size(9), random.size(400)];
        random.data(shape)
    };
    compare(cases, |x, device| {
        let half = atelier_shaders::to_f16(on::<2>(x, device));
        assert_eq!(half.dtype(), DType::F16);
        atelier_shaders::to_f32(half)
    });
    let far = TensorData::new(vec![1e6_f32, -1e6, 1.0, 0.0], [4]);
    for device in [Device::flex(), software_gpu()] {
        let back = atelier_shaders::to_f32(atelier_shaders::to_f16(on::<1>(&far, &device)));
        assert_eq!(back.into_data().try_to_vec::<f32>().unwrap(), [65_504.0, -65_504.0, 1.0, 0.0]);
    }
}

#[test]
fn gelu_tanh() {
    compare(
        |random| {
            let shape = [random.size(40), random.size(600)];
            random.data(shape)
        },
        |x, device| atelier_shaders::gelu_tanh(on::<2>(x, device) * 10.0),
    );
}

#[test]
fn swiglu() {
    compare(
        |random| {
            let shape = [random.size(40), 2 * random.size(300)];
            random.data(shape)
        },
        |gate_up, device| atelier_shaders::swiglu(on::<2>(gate_up, device) * 10.0),
    );
}

#[test]
fn group_norm_silu() {
    compare(
        |random| {
            let (groups, each) = (random.size(4), random.size(5));
            let channels = groups * each;
            let shape = [random.size(2), channels, random.size(20), random.size(20)];
            (random.data(shape), random.data([channels]), random.data([channels]), groups)
        },
        |(x, weight, bias, groups), device| {
            atelier_shaders::group_norm_silu(
                on(x, device),
                on(weight, device),
                on(bias, device),
                *groups,
                1e-6,
            )
        },
    );
}

#[test]
fn conv2d_3x3() {
    compare(
        |random| {
            let (batch, inputs, outputs) = (random.size(2), random.size(20), random.size(70));
            let (height, width, doubled) = (random.size(40), random.size(40), random.flag());
            // Rows behind columns in memory.
            let x = random.data([batch, inputs, width, height]);
            (x, random.data([outputs, inputs, 3, 3]), random.data([outputs]), doubled)
        },
        |(x, weight, bias, doubled), device| {
            let x = on::<4>(x, device).swap_dims(2, 3);
            atelier_shaders::conv2d_3x3(x, on(weight, device), on(bias, device), *doubled)
        },
    );
}

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

#[test]
fn sample_top_p() {
    compare(draws, |(logits, draw), device| {
        atelier_shaders::sample_top_p(on::<1>(logits, device), *draw).float()
    });
}

/// In f32 a token differs from the one in f64 only where rounding decides: for a draw a little before or after, it is
/// between those of f64.
#[test]
fn tokens_are_those_of_the_host() {
    for (device, count, agreeing) in [(Device::flex(), 1000, 999), (software_gpu(), 50, 50)] {
        let mut random = Random(5);
        let (mut agreed, vocab) = (0, 16_512);
        for _ in 0..count {
            let spread = random.size(6) as f32;
            let logits: Vec<f32> = random.data([vocab]).try_to_vec::<f32>().unwrap();
            let logits: Vec<f32> = logits.iter().map(|value| value * spread).collect();
            let top_p = [0.5, 0.75, 0.95, 1.0][random.size(4) - 1];
            let top_k = random.flag().then(|| random.size(5000));
            let sampling = Sampling { temperature: 0.5 + random.size(10) as f32 / 10.0, top_p, top_k };
            let uniform = random.number() as f64 / (1_u64 << 31) as f64;
            let host =
                |uniform: f64| sample(&logits, &sampling, vocab - 128, uniform.clamp(0.0, 1.0)).unwrap();
            let Sampling { temperature, top_p, top_k } = sampling;
            let draw = Draw { allowed: vocab - 128, temperature, top_p, top_k, uniform };
            let tensor = on::<1>(&TensorData::new(logits.clone(), [vocab]), &device);
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
            let logits = on::<1>(&TensorData::new(logits.to_vec(), [3]), &device);
            block_on(sample_on_device(&logits, &sampling, 3, 0.5)).unwrap_err()
        });
        assert!(matches!(&gpu, Error::Compute(_)), "{gpu}");
        assert_eq!(cpu.to_string(), gpu.to_string());
    }
}

/// More rows than one dimension of a dispatch may have workgroups.
#[test]
fn many_rows() {
    let (cpu, gpu) = (Device::flex(), software_gpu());
    let mut random = Random(9);
    let (x, weight) = (random.data([70_001, 5]), random.data([5]));
    let on_device = |device| atelier_shaders::rms_norm(on::<2>(&x, device), on(&weight, device), 1e-5);
    let values = |x: Tensor<2>| x.into_data().try_to_vec::<f32>().unwrap();
    let (twin, found) = (values(on_device(&cpu)), values(on_device(&gpu)));
    assert!(twin.iter().zip(&found).all(|(a, b)| (a - b).abs() <= TOLERANCE * a.abs().max(1.0)));
}
