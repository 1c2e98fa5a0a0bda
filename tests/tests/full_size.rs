//! One layer of the architect and one block of the painter at the full model's width, from a pack in memory.

use std::sync::Arc;

use atelier::loader::Loader;
use atelier::packing::plan as lay_out;
use atelier::plan::{PlanRequest, plan};
use atelier::transformer::{Guides, PictureFrame};
use atelier::{Checkpoint, Device, ModelConfig, Run, Stage, Trace};
use atelier_tests::{block_on, cpu, reference};
use atelier_weights::{
    BLOCK, Dtype, FileEntry, Layout, MANIFEST, Manifest, MemorySource, PACK_FORMAT, Policy, Scheme, Search,
};
use burn::tensor::{Tensor, TensorData};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const CONFIGS: [&str; 8] = [
    "model_index.json",
    "processor/preprocessor_config.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "transformer/config.json",
    "vae/config.json",
    "vision_language_encoder/config.json",
    "vision_language_encoder/generation_config.json",
];
const CODES: usize = 512;

/// The full model's configurations with one layer of everything, small tables, and a small VAE and vision tower: what is
/// left is as wide as the full model.
fn config(path: &str) -> Value {
    let text = std::fs::read_to_string(reference().join("full/config").join(path)).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let mut set = |pointer: &str, value: Value| *config.pointer_mut(pointer).unwrap() = value;
    match path {
        "vision_language_encoder/config.json" => {
            set("/text_config/num_hidden_layers", json!(1));
            set("/text_config/vocab_size", json!(2048));
            set("/text_config/vision_vocab_size", json!(CODES));
            set("/vision_config/depth", json!(1));
            set("/vision_config/hidden_size", json!(64));
            set("/vision_config/num_heads", json!(2));
            set("/vision_config/intermediate_size", json!(64));
            set("/vq_config/num_embeddings", json!(CODES));
            set("/vq_config/latent_channels", json!(64));
            set("/image_start_token_id", json!(2000));
            set("/image_end_token_id", json!(2001));
            set("/image_token_id", json!(2002));
        }
        "transformer/config.json" => {
            set("/num_layers", json!(1));
            set("/prior_vq_quantizer_codebook_size", json!(CODES));
        }
        "text_encoder/config.json" => set("/num_layers", json!(1)),
        "vae/config.json" => set("/block_out_channels", json!([32, 32, 32, 32])),
        _ => {}
    }
    config
}

/// Random words for codes, one scale for all; small numbers where there are no codes.
fn shard(layout: &Layout, index: usize) -> Vec<u8> {
    let mut bytes = layout.headers[index].clone();
    let mut word = 0x9e37_79b9_u32 ^ index as u32;
    let mut next = || {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        word
    };
    for &(tensor, piece) in &layout.contents[index] {
        let tensor = &layout.tensors[tensor];
        let columns = tensor.columns().max(1);
        for (name, dtype, shape) in tensor.parts(piece) {
            let count: usize = shape.iter().product();
            match dtype {
                Dtype::U32 if name.ends_with(".scales") => {
                    // Codes of -8 to 7, or of -128 to 127.
                    let spread = if tensor.scheme == Scheme::Q8 { 74.0 } else { 4.6 };
                    let scale = Scheme::F16.float_bytes(&[1.0 / (spread * (columns as f32).sqrt())]);
                    let used = columns / BLOCK % 2 == 0;
                    assert!(used, "{name}: an odd number of blocks has an unused half");
                    (0..2 * count).for_each(|_| bytes.extend(&scale));
                }
                Dtype::U32 => (0..count).for_each(|_| bytes.extend(next().to_le_bytes())),
                _ => {
                    let norm = shape.len() == 1 && tensor.name.ends_with(".weight");
                    let mut value =
                        || (next() as f32 / u32::MAX as f32 - 0.5) * (12.0 / columns as f32).sqrt();
                    let values: Vec<f32> = (0..count).map(|_| if norm { 1.0 } else { value() }).collect();
                    bytes.extend(tensor.scheme.float_bytes(&values));
                }
            }
        }
    }
    assert_eq!(bytes.len() as u64, layout.shards[index].file.bytes);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pack() -> MemorySource {
    let configs = CONFIGS.map(|path| (path.to_owned(), config(path)));
    let files: MemorySource = configs.iter().map(|(path, json)| (path.clone(), json.to_string())).collect();
    let model = block_on(ModelConfig::read(&files)).unwrap();
    let mut layout = block_on(lay_out(&model, &Policy::q4(), |_, _| Scheme::Bf16)).unwrap();
    let mut source = MemorySource::new();
    for index in 0..layout.shards.len() {
        let bytes = shard(&layout, index);
        layout.shards[index].file.sha256 = sha256(&bytes);
        source.insert(layout.shards[index].file.path.clone(), bytes);
    }
    let path = "processor/tokenizer.json";
    let tokenizer = std::fs::read(reference().join("tiny-random").join(path)).unwrap();
    let entry = FileEntry { path: path.into(), bytes: tokenizer.len() as u64, sha256: sha256(&tokenizer) };
    source.insert(path, tokenizer);
    let manifest = Manifest {
        format: PACK_FORMAT.into(),
        source: String::new(),
        policy: "q4".into(),
        search: Search::Nearest,
        calibrated: false,
        configs: configs.into_iter().collect(),
        files: vec![entry],
        shards: layout.shards,
        tensors: layout.tensors,
    };
    source.insert(MANIFEST, serde_json::to_vec(&manifest).unwrap());
    source
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().try_to_vec().unwrap()
}

/// Finite, and neither all alike nor out of proportion.
fn check(what: &str, values: &[f32]) {
    assert!(values.iter().all(|x| x.is_finite()), "{what}: not finite");
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    assert!(high - low > 1e-3 && high.max(-low) < 1e4, "{what}: {low} to {high}");
}

fn architect(checkpoint: &Checkpoint, device: &Device) {
    let mut run = Run::silent();
    let mut loader = Loader::new(checkpoint, Stage::Architect, device, &mut run).unwrap();
    let prior = block_on(loader.prior()).unwrap();
    let mut cache = prior.new_cache(6);
    let prompt = [7, 2047, 0, 1000, 55];
    let positions: Vec<[u32; 3]> = (0..6).map(|i| [i, i + i % 2, i]).collect();
    let first = read(prior.next_logits(&prompt, &positions[..5], &mut cache, device));
    let second = read(prior.next_logits(&[3], &positions[5..], &mut cache, device));
    assert_eq!(first.len(), CODES);
    check("logits after the prompt", &first);
    check("logits after a token", &second);
    assert_ne!(first, second);
}

fn painter(checkpoint: &Checkpoint, device: &Device) {
    let mut run = Run::silent();
    let mut loader = Loader::new(checkpoint, Stage::Painter, device, &mut run).unwrap();
    let transformer = block_on(loader.transformer()).unwrap();
    let glyphs = Tensor::ones([1, 3, 1472], device);
    let guides = Guides {
        glyphs: Some(glyphs),
        prior_ids: &[7; 16],
        drop_prior: &[false],
        patches: [4, 4],
        frames: &[PictureFrame { target_size: [64.0, 64.0], crop: [0.0, 0.0] }],
    };
    let trace = &mut Trace::disabled();
    let conditions = transformer.conditions(guides, trace);
    let noise: Vec<f32> = (0..16 * 64).map(|i| ((i * 7919 % 997) as f32 / 997.0 - 0.5) * 3.0).collect();
    let latent = Tensor::from_data(TensorData::new(noise, [1, 16, 8, 8]), device);
    check("velocity", &read(transformer.forward(latent, &[500.0], &conditions, None, trace)));
}

#[test]
fn a_layer_and_a_block_of_the_full_width_run_from_a_pack() {
    let checkpoint = block_on(Checkpoint::open(Arc::new(pack()))).unwrap();
    let manifest = checkpoint.manifest().unwrap();
    let planned =
        block_on(plan(checkpoint.config(), &manifest.tensors, &PlanRequest::new(64, 64, true))).unwrap();
    assert!(planned.largest_packed().unwrap().bytes <= 128 << 20);
    let device = cpu();
    architect(&checkpoint, &device);
    painter(&checkpoint, &device);
}
