//! A packed model from prompt to pixel on the GPU, held against the same pack on the CPU, whose kernels are the oracle.

#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use atelier::prior::Prior;
use atelier::{Blueprint, Checkpoint, Device, Observer, Pipeline, Request};
use atelier_mini::Mini;
use atelier_shaders::Features;
use atelier_tests::packs::random_pack;
use atelier_tests::{block_on, cpu, load, software_gpu, software_gpu_with};
use atelier_weights::checkpoint::CONFIGS;
use atelier_weights::{MemorySource, Policy, read_all};

const PROMPT: &str = "A poster that says 'OPEN'";
/// Of logits, which are about 1: sums are added in another order, through six layers.
const LOGITS: f32 = 2e-3;
/// The same where products are of numbers of 16 bits.
const LOGITS_IN_F16: f32 = 2e-2;
/// Tokens that are fed, and nats by which they may diverge: a tenth of what packing at eight bits may.
const TOKENS: u32 = 48;
const DIVERGENCE: f64 = 5e-4;
/// Of grey levels.
const LEVELS: u8 = 1;
/// The same where products are of numbers of 16 bits, of a picture of random weights.
const LEVELS_IN_F16: u8 = 4;

/// Random weights of mini's sizes, packed by `policy`.
fn pack(policy: &Policy) -> Arc<MemorySource> {
    let read = |path| block_on(read_all(&Mini, path, u64::MAX)).unwrap().unwrap();
    let configs = CONFIGS.map(|path| (path.to_owned(), serde_json::from_slice(&read(path)).unwrap()));
    Arc::new(random_pack(configs.into(), read("processor/tokenizer.json"), policy))
}

fn pipeline(policy: &Policy, device: Device) -> Pipeline {
    block_on(Pipeline::load(pack(policy), device)).unwrap()
}

#[test]
fn a_pack_computes_alike_on_the_cpu_and_the_gpu() {
    computes_alike(&software_gpu_with(Features::default()), LOGITS, LEVELS);
}

/// The same with all that the adapter has.
#[test]
fn a_pack_computes_alike_with_variants_of_the_kernels() {
    computes_alike(&software_gpu(), LOGITS_IN_F16, LEVELS_IN_F16);
}

fn computes_alike(gpu: &Device, tolerance: f32, levels: u8) {
    for policy in [Policy::q4(), Policy::q8(), Policy::mixed()] {
        let observer = &mut Observer::silent();
        let (mut here, mut there) = (pipeline(&policy, cpu()), pipeline(&policy, gpu.clone()));
        let (width, height, steps) = (Some(64), Some(64), Some(2));
        let request = Request { width, height, steps, ..Request::new([PROMPT]) };
        let mut run = here.prepare(&request, None).unwrap();
        let blueprint = Blueprint::clone(&block_on(run.blueprint(0, observer)).unwrap());

        let (expected, codes) = block_on(here.blueprint_logits(&blueprint, observer)).unwrap();
        let (found, _) = block_on(there.blueprint_logits(&blueprint, observer)).unwrap();
        assert_eq!(
            expected.len(),
            codes * (blueprint.large.ids.len() + blueprint.draft.as_ref().unwrap().ids.len())
        );
        let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off <= tolerance, "{}: logits are off by {off}", policy.name);

        let request = Request { steps, ..Request::of_blueprints([blueprint]) };
        let mut picture = |pipeline: &mut Pipeline| {
            block_on(pipeline.generate(&request, observer)).unwrap().remove(0).image
        };
        let (expected, found) = (picture(&mut here), picture(&mut there));
        let off = expected.pixels.iter().zip(&found.pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= levels, "{}: pixels are off by {off} levels", policy.name);
    }
}

/// The logits after each of some tokens that are fed one by one, as a blueprint is written.
fn written(policy: &Policy, device: &Device) -> Vec<Vec<f32>> {
    let checkpoint = block_on(Checkpoint::open(pack(policy))).unwrap();
    let prior: Prior = load(&checkpoint, device);
    let mut cache = prior.new_cache(TOKENS as usize);
    let token = |place: u32| {
        let logits = prior.next_logits(&[place * 7919 % 3000], &[[place; 3]], &mut cache, device);
        block_on(logits.into_data_async()).unwrap().try_to_vec().unwrap()
    };
    (0..TOKENS).map(token).collect()
}

/// Rows rounded to eight bits change the distribution of a token by far less than packing at eight bits may.
#[test]
fn rows_of_eight_bits_change_little() {
    for policy in [Policy::q4(), Policy::q8()] {
        let exact = written(&policy, &software_gpu_with(Features::default()));
        let rounded =
            written(&policy, &software_gpu_with(Features { packed_dot: true, ..Features::default() }));
        let normal = |logits: &[f32]| logits.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
        let divergence = |(p, q): (&Vec<f32>, &Vec<f32>)| {
            let (of_p, of_q) = (normal(p), normal(q));
            let term = |(&p, &q): (&f32, &f32)| {
                let (p, q) = (f64::from(p) - of_p, f64::from(q) - of_q);
                p.exp() * (p - q)
            };
            p.iter().zip(q).map(term).sum::<f64>()
        };
        let mean = exact.iter().zip(&rounded).map(divergence).sum::<f64>() / f64::from(TOKENS);
        println!("{}: rows of eight bits diverge by {mean:.7} nats a token", policy.name);
        assert!(mean > 0.0 && mean < DIVERGENCE, "{}: {mean}", policy.name);
    }
}
