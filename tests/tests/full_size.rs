//! One layer of the architect and one block of the painter at the full model's width, from a pack in memory.

use std::sync::Arc;

use atelier::memory::{PlanRequest, plan};
use atelier::prior::Prior;
use atelier::transformer::{ConditioningInputs, PictureFrame, Transformer};
use atelier::{Checkpoint, Device};
use atelier_tests::packs::random_pack;
use atelier_tests::{block_on, cpu, load, reference};
use atelier_weights::Policy;
use atelier_weights::checkpoint::CONFIGS;
use burn::tensor::{Tensor, TensorData};
use serde_json::{Value, json};

const CODES: usize = 512;
const VOCABULARY: usize = 60_000;

/// The full model's configurations with one layer of everything, small tables, and a small VAE and vision tower: what is
/// left is as wide as the full model.
fn config(path: &str) -> Value {
    let text = std::fs::read_to_string(reference().join("full/config").join(path)).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let mut set = |pointer: &str, value: Value| *config.pointer_mut(pointer).unwrap() = value;
    match path {
        "vision_language_encoder/config.json" => {
            set("/text_config/num_hidden_layers", json!(1));
            // Just so many that the table is cut in two.
            set("/text_config/vocab_size", json!(VOCABULARY));
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
    let prior: Prior = load(checkpoint, device);
    let mut cache = prior.new_cache(6);
    // From both pieces of the table.
    let prompt = [7, VOCABULARY as u32 - 1, 0, 1000, 45_000];
    let positions: Vec<[u32; 3]> = (0..6).map(|i| [i, i + i % 2, i]).collect();
    let first = read(prior.next_logits(&prompt, &positions[..5], &mut cache, device));
    let second = read(prior.next_logits(&[3], &positions[5..], &mut cache, device));
    assert_eq!(first.len(), CODES);
    check("logits after the prompt", &first);
    check("logits after a token", &second);
    assert_ne!(first, second);
}

fn painter(checkpoint: &Checkpoint, device: &Device) {
    let transformer: Transformer = load(checkpoint, device);
    let glyphs = Tensor::ones([1, 3, 1472], device);
    let guides = ConditioningInputs {
        glyphs: Some(glyphs),
        prior_ids: &[7; 16],
        drop_prior: &[false],
        patches: [4, 4],
        frames: &[PictureFrame { target_size: [64.0, 64.0], crop: [0.0, 0.0] }],
    };
    let conditions = transformer.conditions(guides);
    let noise: Vec<f32> = (0..16 * 64).map(|i| ((i * 7919 % 997) as f32 / 997.0 - 0.5) * 3.0).collect();
    let latent = Tensor::from_data(TensorData::new(noise, [1, 16, 8, 8]), device);
    check("velocity", &read(transformer.forward(latent, &[500.0], &conditions, None)));
}

#[pollster::test]
async fn a_layer_and_a_block_of_the_full_width_run_from_a_pack() {
    let configs = CONFIGS.map(|path| (path.to_owned(), config(path)));
    let tokenizer = std::fs::read(reference().join("tiny-random/processor/tokenizer.json")).unwrap();
    let pack = random_pack(configs.into(), tokenizer, &Policy::q4());
    let checkpoint = Checkpoint::open(Arc::new(pack)).await.unwrap();
    let manifest = checkpoint.manifest().unwrap();
    let planned = plan(checkpoint.config(), &manifest.tensors, &PlanRequest::new(64, 64, true)).unwrap();
    assert!(planned.largest_packed().unwrap().bytes <= 128 << 20);
    let table = manifest.tensors.iter().find(|tensor| tensor.name.ends_with("embed_tokens.weight")).unwrap();
    assert_eq!(table.pieces.len(), 2);
    let device = cpu();
    architect(&checkpoint, &device);
    painter(&checkpoint, &device);
}
