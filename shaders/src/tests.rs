//! Every twin against its reference, on random shapes with ragged edges.

#![allow(clippy::expect_used)]

use atelier_weights::{BLOCK, Packed, Scheme, Search};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, TensorData};
use burn_flex::FlexTensor;
use proptest::prelude::*;

use crate::{Draw, Kernels};

/// A tensor of numbers in about -3..3 that depends on `seed` alone.
fn random(seed: u64, shape: impl Into<Shape>) -> FlexTensor {
    let shape = shape.into();
    let values = testkit::Random(seed).values(shape.num_elements());
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// As attention and rotation get it: the heads lie behind the sequence in memory.
fn heads(seed: u64, [batch, heads, seq, head_dim]: [usize; 4]) -> FlexTensor {
    Flex::float_swap_dims(random(seed, [batch, seq, heads, head_dim]), 1, 2)
}

/// A packed matrix: what the codec makes of random weights.
fn packed(seed: u64, [rows, columns]: [usize; 2], scheme: Scheme) -> (FlexTensor, FlexTensor) {
    let weights = random(seed, [rows, columns]).into_data().try_to_vec::<f32>().expect("f32");
    let Packed { codes, scales } = scheme.pack(Search::Nearest, columns, &weights, &[]);
    let words = |words: Vec<u32>| {
        let words: Vec<i32> = words.into_iter().map(u32::cast_signed).collect();
        let width = words.len() / rows;
        FlexTensor::from_data(TensorData::new(words, [rows, width]))
    };
    (words(codes), words(scales))
}

/// What the codec itself unpacks is what the reference reads.
#[test]
fn packed_weights_mean_what_the_codec_says() {
    for &scheme in Scheme::ALL {
        let weights: Vec<f32> = random(3, [5, 96]).into_data().try_to_vec().expect("f32");
        let expected = scheme.unpack(96, &scheme.pack(Search::Nearest, 96, &weights, &[]));
        let (codes, scales) = packed(3, [5, 96], scheme);
        let found = crate::packed::unpack::<Flex>(codes, scales, scheme);
        assert_eq!(found.into_data().try_to_vec::<f32>().expect("f32"), expected, "{scheme:?}");
    }
}

fn assert_close(twin: FlexTensor, reference: FlexTensor, tolerance: f32) {
    assert_eq!(twin.shape(), reference.shape());
    let values = |x: FlexTensor| x.into_data().try_to_vec::<f32>().expect("f32");
    let (twin, reference) = (values(twin), values(reference));
    for (place, (a, b)) in twin.iter().zip(&reference).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "at {place}: {a}, reference {b}");
    }
}

fn id(ids: FlexTensor) -> i64 {
    let ids = ids.into_data().convert::<i64>().try_to_vec::<i64>().expect("ids");
    assert_eq!(ids.len(), 1);
    ids[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn attention(
        seed: u64, batch in 1..3_usize, key_value_heads in 1..3_usize, group in 1..4_usize, seq in 1..140_usize,
        before in 0..400_usize, head_dim in 1..40_usize, causal: bool,
    ) {
        let context = if causal { before + seq } else { before + 1 };
        let q = heads(seed, [batch, key_value_heads * group, seq, head_dim]);
        let k = heads(seed ^ 1, [batch, key_value_heads, context, head_dim]);
        let v = heads(seed ^ 2, [batch, key_value_heads, context, head_dim]);
        let reference = crate::attention::reference::<Flex>(q.clone(), k.clone(), v.clone(), context, causal);
        assert_close(Flex::grouped_attention(q, k, v, context, causal), reference, 2e-5);
    }

    #[test]
    fn ada_layer_norm(seed: u64, batch in 1..3_usize, seq in 1..70_usize, width in 1..300_usize, shared: bool) {
        let x = random(seed, [batch, seq, width]);
        let pictures = if shared { 1 } else { batch };
        let (shift, scale) = (random(seed ^ 1, [pictures, 1, width]), random(seed ^ 2, [pictures, 1, width]));
        let reference = crate::ada_layer_norm::reference::<Flex>(x.clone(), shift.clone(), scale.clone(), 1e-5);
        assert_close(Flex::ada_layer_norm(x, shift, scale, 1e-5), reference, 2e-4);
    }

    #[test]
    fn rms_norm(seed: u64, rows in 1..90_usize, width in 1..300_usize) {
        let (x, weight) = (random(seed, [rows, width]), random(seed ^ 1, [width]));
        let reference = crate::rms_norm::reference::<Flex>(x.clone(), weight.clone(), 1e-5);
        assert_close(Flex::rms_norm(x, weight, 1e-5), reference, 1e-5);
    }

    #[test]
    fn norm_rope(
        seed: u64, batch in 1..3_usize, count in 1..4_usize, first in 0..4_usize, turning in 1..40_usize,
        half in 1..20_usize, rest in 0..9_usize, norm: bool, shared: bool,
    ) {
        let x = heads(seed, [batch, count, first + turning, 2 * half + rest]);
        let angles = [if shared { 1 } else { batch }, 1, turning, 2 * half];
        let (cos, sin) = (random(seed ^ 1, angles), random(seed ^ 2, angles));
        let eps = norm.then_some(1e-5);
        let reference = crate::norm_rope::reference::<Flex>(x.clone(), cos.clone(), sin.clone(), first, eps);
        assert_close(Flex::norm_rope(x, cos, sin, first, eps), reference, 2e-4);
    }

    #[test]
    fn residual_norm(seed: u64, rows in 1..90_usize, width in 1..300_usize) {
        let (x, y) = (random(seed, [rows, width]), random(seed ^ 1, [rows, width]));
        let (post, next) = (random(seed ^ 2, [width]), random(seed ^ 3, [width]));
        let eps = [1e-5, 1e-2];
        let reference =
            crate::residual_norm::reference::<Flex>(x.clone(), y.clone(), post.clone(), next.clone(), eps);
        let twin = Flex::residual_norm(x, y, post, next, eps);
        assert_close(twin.0, reference.0, 2e-5);
        assert_close(twin.1, reference.1, 2e-5);
    }

    #[test]
    fn rope_append(
        seed: u64, heads in 1..5_usize, key_value_heads in 1..3_usize, seq in 1..9_usize, before in 0..9_usize,
        after in 0..9_usize, half in 1..9_usize, rest in 0..5_usize,
    ) {
        let head_dim = 2 * half + rest;
        let qkv = random(seed, [1, seq, (heads + 2 * key_value_heads) * head_dim]);
        let angles = [1, 1, seq, 2 * half];
        let (cos, sin) = (random(seed ^ 1, angles), random(seed ^ 2, angles));
        let buffer = [1, key_value_heads, before + seq + after, head_dim];
        let (keys, values) = (random(seed ^ 3, buffer), random(seed ^ 4, buffer));
        let reference = crate::rope_append::reference::<Flex>(
            qkv.clone(), cos.clone(), sin.clone(), keys.clone(), values.clone(), before,
        );
        let twin = Flex::rope_append(qkv, cos, sin, keys, values, before);
        assert_close(twin.0, reference.0, 1e-6);
        assert_close(twin.1, reference.1, 1e-6);
        assert_close(twin.2, reference.2, 0.0);
    }

    #[test]
    fn mul_mat(seed: u64, rows in 1..12_usize, out in 1..70_usize, blocks in 1..6_usize, scheme in 0..Scheme::ALL.len()) {
        let scheme = Scheme::ALL[scheme];
        let (x, bias) = (random(seed, [rows, blocks * BLOCK]), random(seed ^ 1, [out]));
        let (codes, scales) = packed(seed ^ 2, [out, blocks * BLOCK], scheme);
        let reference = crate::mul_mat::reference::<Flex>(x.clone(), codes.clone(), scales.clone(), scheme, bias.clone());
        assert_close(Flex::mul_mat(x, codes, scales, scheme, bias), reference, 2e-4);
    }

    #[test]
    fn embedding(seed: u64, rows in 1..70_usize, blocks in 1..6_usize, first in 0..5_usize, scheme in 0..Scheme::ALL.len()) {
        let scheme = Scheme::ALL[scheme];
        let (codes, scales) = packed(seed, [rows, blocks * BLOCK], scheme);
        // Some ids lie before the piece, some after.
        let ids: Vec<i32> = (0..12).map(|i| (seed.wrapping_add(7 * i) % (rows as u64 + 9)) as i32).collect();
        let ids = FlexTensor::from_data(TensorData::new(ids, [12]));
        let reference =
            crate::embedding::reference::<Flex>(codes.clone(), scales.clone(), scheme, ids.clone(), first);
        assert_close(Flex::embedding_rows(codes, scales, scheme, ids, first), reference, 0.0);
    }

    #[test]
    fn gelu_tanh(seed: u64, rows in 1..90_usize, width in 1..300_usize) {
        let x = random(seed, [rows, width]);
        let reference = crate::gelu_tanh::reference::<Flex>(x.clone());
        assert_close(Flex::gelu_tanh(x), reference, 1e-6);
    }

    #[test]
    fn swiglu(seed: u64, rows in 1..90_usize, width in 1..300_usize) {
        let gate_up = random(seed, [rows, 2 * width]);
        let reference = crate::swiglu::reference::<Flex>(gate_up.clone());
        assert_close(Flex::swiglu(gate_up), reference, 1e-6);
    }

    #[test]
    fn group_norm_silu(
        seed: u64, batch in 1..3_usize, groups in 1..4_usize, each in 1..5_usize, height in 1..12_usize,
        width in 1..12_usize,
    ) {
        let channels = groups * each;
        let x = random(seed, [batch, channels, height, width]);
        let (weight, bias) = (random(seed ^ 1, [channels]), random(seed ^ 2, [channels]));
        let reference =
            crate::group_norm_silu::reference::<Flex>(x.clone(), weight.clone(), bias.clone(), groups, 1e-5);
        assert_close(Flex::group_norm_silu(x, weight, bias, groups, 1e-5), reference, 2e-4);
    }

    #[test]
    fn conv2d_3x3(
        seed: u64, batch in 1..3_usize, inputs in 1..40_usize, outputs in 1..9_usize, height in 1..80_usize,
        width in 1..60_usize, doubled: bool,
    ) {
        // Whole numbers, whose sums are exact in any order. Rows lie behind columns in memory.
        let whole = |seed, shape: Shape| Flex::float_round(random(seed, shape));
        let x = Flex::float_swap_dims(whole(seed, [batch, inputs, width, height].into()), 2, 3);
        let weight = whole(seed ^ 1, [outputs, inputs, 3, 3].into());
        let bias = whole(seed ^ 2, [outputs].into());
        let reference = crate::conv2d_3x3::reference::<Flex>(x.clone(), weight.clone(), bias.clone(), doubled);
        assert_close(Flex::conv2d_3x3(x, weight, bias, doubled), reference, 0.0);
    }

    #[test]
    fn sample_top_p(
        seed: u64, vocab in 1..600_usize, beyond in 0..9_usize, greedy in 0..6_u8, temperature in 0.1_f32..2.0,
        top_p in 0.01_f32..1.2, top_k in proptest::option::of(1..700_usize), uniform in 0.0..1.0_f64,
    ) {
        let logits = random(seed, [vocab + beyond]);
        let temperature = if greedy == 0 { 0.0 } else { temperature };
        let draw = Draw { allowed: vocab, temperature, top_p: top_p.min(1.0), top_k, uniform };
        // A little before and after, so that rounding may decide.
        let [least, most] = [-1e-5, 1e-5].map(|step| {
            let draw = Draw { uniform: (uniform + step).clamp(0.0, 1.0), ..draw };
            id(crate::sample_top_p::reference::<Flex>(logits.clone(), draw))
        });
        let drawn = id(Flex::sample_top_p(logits, draw));
        prop_assert!((least..=most).contains(&drawn), "{drawn}, reference {least} to {most}");
    }
}

/// A twin that changes its input in place must not change what somebody else still holds.
#[test]
fn a_shared_input_stays_as_it_was() {
    let x = random(7, [3, 40]);
    let before = x.clone().into_data();
    let held = x.clone();
    let _ = Flex::gelu_tanh(x);
    assert_eq!(held.into_data(), before);
}

/// What has no token in the twin has none in the reference.
#[test]
fn logits_without_a_token() {
    let draw = Draw { allowed: 3, temperature: 1.0, top_p: 0.9, top_k: None, uniform: 0.5 };
    let hidden = f32::NEG_INFINITY;
    for logits in [[0.0, f32::NAN, 1.0, 0.0], [f32::INFINITY, 0.0, 0.0, 0.0], [hidden, hidden, hidden, 0.0]] {
        let logits = FlexTensor::from_data(TensorData::new(logits.to_vec(), [4]));
        for temperature in [0.0, 1.0] {
            let draw = Draw { temperature, ..draw };
            assert_eq!(id(Flex::sample_top_p(logits.clone(), draw)), 4);
            assert_eq!(id(crate::sample_top_p::reference::<Flex>(logits.clone(), draw)), 4);
        }
    }
}

#[cfg(feature = "autodiff")]
mod derivatives {
    use burn::tensor::{Device, Tensor};

    use super::*;

    /// The derivatives of attention, written by hand, against those of its definition.
    #[test]
    fn attention_is_derived_like_its_definition() {
        let device = Device::flex().autodiff();
        for (sizes, causal) in [([2, 4, 2, 150, 150, 8], true), ([1, 3, 3, 20, 37, 5], false)] {
            let [batch, heads, key_value_heads, seq, context, head_dim] = sizes;
            let leaf = |seed, shape: [usize; 4]| {
                Tensor::<4>::from_data(random(seed, shape).into_data(), &device).require_grad()
            };
            let q = leaf(1, [batch, heads, seq, head_dim]);
            let k = leaf(2, [batch, key_value_heads, context, head_dim]);
            let v = leaf(3, [batch, key_value_heads, context, head_dim]);
            let weight =
                Tensor::<4>::from_data(random(4, [batch, heads, seq, head_dim]).into_data(), &device);

            let group = heads / key_value_heads;
            let repeat = |x: &Tensor<4>| {
                let shape = [batch, key_value_heads, group, context, head_dim];
                x.clone().unsqueeze_dim::<5>(2).expand(shape).reshape([batch, heads, context, head_dim])
            };
            let scores = q.clone().matmul(repeat(&k).transpose()) / (head_dim as f64).sqrt();
            let scores = if causal {
                let hidden: Vec<f32> = (0..seq * context)
                    .map(|at| if at % context > at / context + context - seq { -1e9 } else { 0.0 })
                    .collect();
                scores + Tensor::from_data(TensorData::new(hidden, [1, 1, seq, context]), &device)
            } else {
                scores
            };
            let defined = burn::tensor::activation::softmax(scores, 3).matmul(repeat(&v));
            let ours = crate::attention(q.clone(), k.clone(), v.clone(), causal);

            let expected = (defined * weight.clone()).sum().backward();
            let found = (ours * weight).sum().backward();
            for leaf in [&q, &k, &v] {
                let values = |gradient: Option<Tensor<4>>| {
                    gradient.expect("a gradient").into_data().try_to_vec::<f32>().expect("f32")
                };
                for (a, b) in values(leaf.grad(&found)).iter().zip(values(leaf.grad(&expected))) {
                    assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a}, by definition {b}");
                }
            }
        }
    }
}
