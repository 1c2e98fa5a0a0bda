//! Weights as real models have them, and weights that are broken.

#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use atelier::device::{Variant, Variants};
use atelier::{Blueprint, Device, Error, Observer, Pipeline, Request, RgbImage};
use atelier_mini::Mini;
use atelier_tests::packs::changed_pack;
use atelier_tests::{block_on, cpu, software_gpu, software_gpu_with};
use atelier_weights::checkpoint::CONFIGS;
use atelier_weights::{MemorySource, Policy, TensorEntry, read_all};

/// What intermediate numbers are multiplied by: a power of two, so that nothing else changes.
const FAR: f32 = 131_072.0;

/// Random weights of mini's sizes in bf16, changed.
fn pack(change: impl Fn(&TensorEntry, &mut [f32])) -> Arc<MemorySource> {
    let read = |path| block_on(read_all(&Mini, path, u64::MAX)).unwrap().unwrap();
    let configs = CONFIGS.map(|path| (path.to_owned(), serde_json::from_slice(&read(path)).unwrap()));
    Arc::new(changed_pack(configs.into(), read("processor/tokenizer.json"), &Policy::keep(), change))
}

/// The same function with large numbers inside: values of the painter's attention and what the architect's MLPs gate are far
/// beyond what 16 bits can hold.
fn rescaled(tensor: &TensorEntry, values: &mut [f32]) {
    let scale = |values: &mut [f32], by: f32| values.iter_mut().for_each(|value| *value *= by);
    let name = tensor.name.as_str();
    if name.contains("attn1.to_v.") {
        scale(values, FAR);
    } else if name.ends_with("attn1.to_out.0.weight") || name.ends_with("mlp.down_proj.weight") {
        scale(values, 1.0 / FAR);
    } else if name.ends_with("mlp.gate_up_proj.weight") {
        // Gates come first.
        let half = values.len() / 2;
        scale(&mut values[half..], FAR);
    }
}

fn pipeline(source: &Arc<MemorySource>, device: Device) -> Pipeline {
    block_on(Pipeline::load(source.clone(), device)).unwrap()
}

fn request() -> Request {
    let (width, height, steps) = (Some(64), Some(64), Some(2));
    Request { width, height, steps, ..Request::new(["A poster that says 'OPEN'"]) }
}

fn blueprint(pipeline: &mut Pipeline) -> Blueprint {
    let mut run = pipeline.prepare(&request(), None).unwrap();
    Blueprint::clone(&block_on(run.blueprint(0, &mut Observer::silent())).unwrap())
}

fn picture(pipeline: &mut Pipeline, blueprint: &Blueprint) -> RgbImage {
    let request = Request { steps: Some(2), ..Request::of_blueprints([blueprint.clone()]) };
    block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap().remove(0).image
}

fn logits(pipeline: &mut Pipeline, blueprint: &Blueprint) -> Vec<f32> {
    block_on(pipeline.blueprint_logits(blueprint, &mut Observer::silent())).unwrap().0
}

#[test]
fn large_numbers_inside_change_nothing() {
    let (tame, hard) = (pack(|_, _| {}), pack(rescaled));
    let mut here = pipeline(&tame, cpu());
    let blueprint = blueprint(&mut here);
    let (expected, levels) = (logits(&mut here, &blueprint), picture(&mut here, &blueprint));

    let all = atelier_shaders::gpu::enabled(&software_gpu());
    let alone = |variants| software_gpu_with(all.within(variants));
    let one = |&variant: &Variant| (variant.name(), alone(Variants::NONE.with(variant)));
    let gpus = [("usual", software_gpu()), ("plain", alone(Variants::NONE))];
    for (name, device) in [("cpu", cpu())].into_iter().chain(gpus).chain(Variant::ALL.iter().map(one)) {
        // The fingerprint tells the packs apart, and blueprints belong to one.
        let mut there = pipeline(&hard, device);
        let blueprint = Blueprint { model: there.checkpoint().fingerprint().to_owned(), ..blueprint.clone() };
        let found = logits(&mut there, &blueprint);
        let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off <= 2e-2, "{name}: logits are off by {off}");
        let found = picture(&mut there, &blueprint);
        let off = levels.pixels.iter().zip(&found.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= 2, "{name}: pixels are off by {off} levels");
    }
}

/// A weight so large that numbers overflow: an error that names stage, step and block, and no picture.
#[test]
fn a_weight_that_spoils_everything_is_found() {
    let spoil = |wanted: &'static str| {
        pack(move |tensor, values| {
            if format!("{}/{}", tensor.component, tensor.name) == wanted {
                values.fill(1e30);
            }
        })
    };
    for (weight, places) in [
        ("transformer/transformer_blocks.1.ff.net.2.weight", ["the painter, step 1 of 2", "block 1"]),
        (
            "vision_language_encoder/model.language_model.layers.2.mlp.down_proj.weight",
            ["the architect, token 1 of", "layer 2"],
        ),
        ("vae/decoder.up_blocks.1.resnets.0.conv1.weight", ["the decoder", "up block 1"]),
    ] {
        let source = spoil(weight);
        for (name, device) in [("cpu", cpu()), ("usual", software_gpu())] {
            let mut pipeline = pipeline(&source, device);
            let error = block_on(pipeline.generate(&request(), &mut Observer::silent())).unwrap_err();
            assert!(matches!(error, Error::NotFinite { .. }), "{name}, {weight}: {error}");
            for place in places {
                assert!(error.to_string().contains(place), "{name}, {weight}: {error}");
            }
        }
    }
}
