//! Random packs in memory.

use atelier::ModelConfig;
use atelier::packing::plan;
use atelier_weights::checkpoint::TOKENIZER;
use atelier_weights::{
    Dtype, FileEntry, Layout, MANIFEST, Manifest, MemorySource, PACK_FORMAT, Policy, Scheme, Search,
    TensorEntry,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use testkit::{Random, block_on};

/// Random words for codes, one scale for all; small numbers where there are no codes, changed by `change`.
fn shard(layout: &Layout, index: usize, change: &impl Fn(&TensorEntry, &mut [f32])) -> Vec<u8> {
    let mut bytes = layout.headers[index].clone();
    let mut random = Random(index as u64);
    for &(tensor, piece) in &layout.contents[index] {
        let tensor = &layout.tensors[tensor];
        let columns = tensor.columns().max(1);
        for (name, dtype, shape) in tensor.parts(piece) {
            let count: usize = shape.iter().product();
            match dtype {
                Dtype::U32 if name.ends_with(".scales") => {
                    // Codes of -8 to 7, or of -128 to 127.
                    let spread = if tensor.scheme == Scheme::Q8 { 74.0 } else { 4.6 };
                    let scale = 1.0 / (spread * (columns as f32).sqrt());
                    // An offset puts the codes 0 to 15 around zero.
                    let second = if tensor.scheme == Scheme::Q4Offset { -7.5 * scale } else { scale };
                    let word = Scheme::F16.float_bytes(&[scale, second]);
                    (0..count).for_each(|_| bytes.extend(&word));
                }
                Dtype::U32 => (0..count).for_each(|_| bytes.extend(random.word().to_le_bytes())),
                _ => {
                    let norm = shape.len() == 1 && tensor.name.ends_with(".weight");
                    let mut value = || (random.share() - 0.5) * (12.0 / columns as f32).sqrt();
                    let mut values: Vec<f32> = (0..count).map(|_| if norm { 1.0 } else { value() }).collect();
                    change(tensor, &mut values);
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

/// A pack in memory of the model that `configs` describe, by their paths, with a tokenizer.
pub fn random_pack(configs: Vec<(String, Value)>, tokenizer: Vec<u8>, policy: &Policy) -> MemorySource {
    changed_pack(configs, tokenizer, policy, |_, _| {})
}

/// The same with `change` made to the tensors that have no codes, piece by piece.
pub fn changed_pack(
    configs: Vec<(String, Value)>,
    tokenizer: Vec<u8>,
    policy: &Policy,
    change: impl Fn(&TensorEntry, &mut [f32]),
) -> MemorySource {
    let files: MemorySource = configs.iter().map(|(path, json)| (path.clone(), json.to_string())).collect();
    let model = block_on(ModelConfig::read(&files)).expect("the configurations fit each other");
    let mut layout = plan(&model, policy, |_, _| Scheme::Bf16);
    let mut source = MemorySource::new();
    for index in 0..layout.shards.len() {
        let bytes = shard(&layout, index, &change);
        layout.shards[index].file.sha256 = sha256(&bytes);
        source.insert(layout.shards[index].file.path.clone(), bytes);
    }
    let path = TOKENIZER;
    let entry = FileEntry { path: path.into(), bytes: tokenizer.len() as u64, sha256: sha256(&tokenizer) };
    source.insert(path, tokenizer);
    let manifest = Manifest {
        format: PACK_FORMAT.into(),
        source: String::new(),
        policy: policy.name.clone(),
        search: Search::Nearest,
        calibrated: None,
        configs: configs.into_iter().collect(),
        files: vec![entry],
        shards: layout.shards,
        tensors: layout.tensors,
    };
    source.insert(MANIFEST, serde_json::to_vec(&manifest).expect("a manifest is JSON"));
    source
}
