//! A checkpoint that is not what it should be is refused before a weight is read, naming the place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use atelier::packing::plan_checkpoint;
use atelier::{Checkpoint, Observer, Pipeline, Request, Settings};
use atelier_tests::checks::architect::greedy;
use atelier_tests::{block_on, cpu, reference};
use atelier_weights::{Component, Dtype, MemorySource, Policy, Scheme, safetensors_header};

/// The tiny checkpoint, in memory, for tampering.
fn files() -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let root = reference().join("tiny-random");
    let mut files = BTreeMap::new();
    collect(&root, &root, &mut files);
    files
}

fn open(files: &BTreeMap<String, Vec<u8>>) -> Result<Checkpoint, String> {
    block_on(Checkpoint::open(Arc::new(source(files)))).map_err(|e| e.to_string())
}

fn source(files: &BTreeMap<String, Vec<u8>>) -> MemorySource {
    let mut source = MemorySource::new();
    for (name, bytes) in files {
        source.insert(name.clone(), bytes.clone());
    }
    source
}

#[track_caller]
fn refused(files: &BTreeMap<String, Vec<u8>>, words: &[&str]) {
    let error = open(files).err().expect("the checkpoint is refused");
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    assert!(!error.contains('\n'), "one line: {error}");
}

/// Changes the JSON header of a safetensors file.
fn with_header(file: &[u8], change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut header = serde_json::from_slice(&file[8..8 + length]).unwrap();
    change(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &file[8 + length..]].concat()
}

const PRIOR: &str = "vision_language_encoder/model.safetensors";
const DIT: &str = "transformer/diffusion_pytorch_model.safetensors";
const GLYPH: &str = "text_encoder/model.safetensors";

#[test]
fn the_untouched_checkpoint_opens() {
    assert!(open(&files()).is_ok());
}

#[test]
fn a_missing_file_is_named() {
    for name in files().into_keys() {
        // What the model does not need: it builds ids without these files.
        let spare = ["model_index.json", "chat_template", "tokenizer_config", "added_tokens"];
        let mut rest = files();
        rest.remove(&name);
        if spare.iter().any(|s| name.contains(s)) {
            assert!(open(&rest).is_ok(), "{name} is not needed");
        } else {
            refused(&rest, &[&name]);
        }
    }
}

#[test]
fn a_missing_tensor_is_named() {
    let mut files = files();
    // Renamed, so that the file itself stays sound.
    let renamed = with_header(&files[DIT], |header| {
        let tensor = header.remove("proj_out.bias").unwrap();
        header.insert("proj_out.bia".into(), tensor);
    });
    files.insert(DIT.into(), renamed);
    refused(&files, &["transformer", "proj_out.bias", "[64]", "no such tensor"]);
}

#[test]
fn tensors_that_are_computed_anew_are_passed_over() {
    let mut files = files();
    let names = ["model.language_model.rotary_emb.inv_freq", "model.visual.embeddings.position_ids"];
    let extended = with_header(&files[PRIOR], |header| {
        let mut end = header.values().filter_map(|t| t["data_offsets"][1].as_u64()).max().unwrap();
        for name in names {
            // Of a dtype and a shape that nothing else here has.
            header.insert(
                name.into(),
                serde_json::json!({"dtype": "I64", "shape": [1, 1], "data_offsets": [end, end + 8]}),
            );
            end += 8;
        }
    });
    files.insert(PRIOR.into(), [extended, vec![0xff; 16]].concat());
    let checkpoint = open(&files).unwrap();
    let packed = plan_checkpoint(&checkpoint, &Policy::q4()).unwrap();
    assert!(packed.tensors.iter().all(|tensor| !names.contains(&&*tensor.name)));
    let mut pipeline = block_on(Pipeline::load(Arc::new(source(&files)), cpu())).unwrap();
    let request = Request { width: Some(32), height: Some(32), steps: Some(1), ..greedy(["a cat"]) };
    assert_eq!(block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap().len(), 1);
}

/// Black pictures are what others make of it, after the last step.
#[test]
fn an_overflow_of_the_painter_ends_the_run_at_its_step() {
    let mut files = files();
    let mut range = 0..0;
    let mut file = with_header(&files[DIT], |header| {
        let offsets = &header["proj_out.weight"]["data_offsets"];
        range = offsets[0].as_u64().unwrap() as usize..offsets[1].as_u64().unwrap() as usize;
    });
    let start = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    for weight in file[start + range.start..start + range.end].chunks_exact_mut(4) {
        weight.copy_from_slice(&3e38_f32.to_le_bytes());
    }
    files.insert(DIT.into(), file);
    let mut pipeline = block_on(Pipeline::load(Arc::new(source(&files)), cpu())).unwrap();
    let request = Request { width: Some(32), height: Some(32), steps: Some(2), ..greedy(["a cat"]) };
    let error = block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap_err().to_string();
    assert!(error.contains("the painter, step 1 of 2, dit_cond.sample: expected finite numbers"), "{error}");
}

#[test]
fn a_superfluous_tensor_is_named() {
    let mut files = files();
    let extended = with_header(&files[DIT], |header| {
        let end = header.values().filter_map(|t| t["data_offsets"][1].as_u64()).max().unwrap();
        header.insert(
            "extra".into(),
            serde_json::json!({"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}),
        );
    });
    files.insert(DIT.into(), [extended, vec![0; 4]].concat());
    refused(&files, &["transformer", "extra", "no place"]);
}

#[test]
fn a_wrong_shape_is_named() {
    let mut files = files();
    let reshaped = with_header(&files[PRIOR], |header| {
        let shape = &mut header["lm_head.weight"]["shape"];
        *shape = serde_json::json!([shape[1], shape[0]]);
    });
    files.insert(PRIOR.into(), reshaped);
    refused(&files, &["vision_language_encoder", "lm_head.weight", "[272, 128]", "[128, 272]"]);
}

#[test]
fn a_dtype_that_is_no_weight_is_named() {
    let mut files = files();
    let retyped = with_header(&files[PRIOR], |header| header["lm_head.weight"]["dtype"] = "I32".into());
    files.insert(PRIOR.into(), retyped);
    refused(&files, &["vision_language_encoder", "lm_head.weight", "I32", "F32, F16, BF16 or F8_E4M3"]);
    let unknown = with_header(&files[PRIOR], |header| header["lm_head.weight"]["dtype"] = "Q4".into());
    files.insert(PRIOR.into(), unknown);
    refused(&files, &[PRIOR, "lm_head.weight", "Q4"]);
}

#[pollster::test]
async fn weights_that_are_not_numbers_are_refused_when_read() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut files = files();
        let file = files.get_mut(PRIOR).unwrap();
        let end = file.len();
        file[end - 4..].copy_from_slice(&bad.to_le_bytes());
        let pipeline = Pipeline::load(Arc::new(source(&files)), cpu()).await;
        let mut pipeline = pipeline.unwrap();
        let observer = &mut Observer::silent();
        let image = atelier::RgbImage::new(64, 64, vec![0; 64 * 64 * 3]).unwrap();
        let request = Request { sources: vec![image], ..Request::new(["x"]) };
        // Which stage reads the last tensor of the file does not matter: one of the two does.
        let mut run = pipeline.prepare(&request, None).unwrap();
        let error = run.next_blueprint(observer).await.unwrap_err().to_string();
        assert!(error.contains(PRIOR) || error.contains("vision_language_encoder"), "{error}");
    }
}

/// The same weights in another dtype of floats.
fn converted(file: &[u8], scheme: Scheme, dtype: Dtype) -> Vec<u8> {
    let source: MemorySource = [("w", file)].into_iter().collect();
    let part = block_on(Component::open_file(Arc::new(source), "w")).unwrap();
    let tensors = part.tensors().map(|(name, stored)| (name.to_owned(), dtype, stored.shape.clone()));
    let (mut bytes, _) = safetensors_header(tensors);
    for (name, _) in part.tensors() {
        bytes.extend(scheme.float_bytes(&block_on(part.read_f32(name)).unwrap()));
    }
    bytes
}

#[test]
fn floats_of_eight_bits_are_the_numbers_that_they_stand_for() {
    let mut eight = files();
    for (name, file) in &mut eight {
        if name.ends_with(".safetensors") {
            *file = converted(file, Scheme::F8, Dtype::F8E4m3);
        }
    }
    let mut full = eight.clone();
    for (name, file) in &mut full {
        if name.ends_with(".safetensors") {
            *file = converted(file, Scheme::F32, Dtype::F32);
            assert!(file.len() > 3 * eight[name].len(), "{name}");
        }
    }
    let pixels = |files: &BTreeMap<String, Vec<u8>>| {
        let mut pipeline = block_on(Pipeline::load(Arc::new(source(files)), cpu())).unwrap();
        let request =
            Request { width: Some(64), height: Some(32), steps: Some(2), ..Request::new(["a sign 'OPEN'"]) };
        let pictures = block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap();
        pictures[0].image.pixels.clone()
    };
    assert!(pixels(&eight) == pixels(&full));
    // NaN of either sign is no weight.
    for nan in [0x7f, 0xff] {
        let file = eight.get_mut(DIT).unwrap();
        let end = file.len();
        file[end - 1] = nan;
        let mut pipeline = block_on(Pipeline::load(Arc::new(source(&eight)), cpu())).unwrap();
        let request = Request { width: Some(32), height: Some(32), steps: Some(1), ..Request::new(["x"]) };
        let error = block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap_err().to_string();
        assert!(error.contains(DIT) && error.contains("NaN"), "{error}");
    }
}

#[test]
fn configurations_are_checked_by_field() {
    let cases: [(&str, &str, &str, &[&str]); 10] = [
        ("transformer/config.json", "\"patch_size\": 2", "\"patch_size\": 3", &["patch_size", "2", "3"]),
        ("transformer/config.json", "\"num_layers\": 3", "\"num_layers\": 16000000", &["num_layers", "1000"]),
        ("transformer/config.json", "\"num_layers\": 3", "\"num_layers\": 0", &["num_layers", "1 to", "0"]),
        (
            "transformer/config.json",
            "\"text_embed_dim\": 40",
            "\"text_embed_dim\": 41",
            &["text_embed_dim", "40"],
        ),
        (
            "vision_language_encoder/config.json",
            "\"num_key_value_heads\": 2",
            "\"num_key_value_heads\": 3",
            &["num_attention_heads"],
        ),
        (
            "vision_language_encoder/config.json",
            "\"image_token_id\": 706",
            "\"image_token_id\": 70600",
            &["image_token_id", "720"],
        ),
        (
            "scheduler/scheduler_config.json",
            "FlowMatchEulerDiscreteScheduler",
            "DDIMScheduler",
            &["_class_name", "FlowMatchEulerDiscreteScheduler", "DDIMScheduler"],
        ),
        ("vae/config.json", "\"norm_num_groups\": 4", "\"norm_num_groups\": 0", &["norm_num_groups"]),
        ("text_encoder/config.json", "\"vocab_size\": 384", "\"vocab_size\": 10", &["vocab_size", "384"]),
        (
            "processor/preprocessor_config.json",
            "\"min_pixels\": 4096",
            "\"min_pixels\": \"x\"",
            &["invalid type"],
        ),
    ];
    for (name, from, to, words) in cases {
        let mut files = files();
        let text = String::from_utf8(files[name].clone()).unwrap();
        assert!(text.contains(from), "{name} has {from}");
        files.insert(name.into(), text.replacen(from, to, 1).into_bytes());
        refused(&files, &[&[name][..], words].concat());
    }
}

#[test]
fn a_card_gives_the_defaults_and_belongs_to_no_fingerprint() {
    let defaults = |files: &BTreeMap<String, Vec<u8>>| {
        let checkpoint = open(files).unwrap();
        let Settings { steps, guidance, .. } = Settings::default_of(&checkpoint);
        (steps, guidance, checkpoint.fingerprint().to_owned())
    };
    let mut files = files();
    let (steps, guidance, without) = defaults(&files);
    assert_eq!((steps, guidance), (50, 1.5));
    assert!(open(&files).unwrap().card().is_none());
    let mut card = |text: &str| {
        files.insert("atelier.json".into(), text.as_bytes().to_vec());
        files.clone()
    };
    let some =
        card(r#"{"format": "atelier-card/1", "name": "tiny", "default_steps": 7, "default_guidance": 1}"#);
    assert_eq!(defaults(&some), (7, 1.0, without.clone()));
    let none = card(r#"{"format": "atelier-card/1", "name": "tiny", "is": "more"}"#);
    assert_eq!(defaults(&none), (50, 1.5, without));
    assert_eq!(open(&none).unwrap().card().unwrap().name, "tiny");
    let wrong = card(r#"{"format": "atelier-card/1", "name": "tiny", "default_steps": 0}"#);
    refused(&wrong, &["atelier.json: default_steps: expected a whole number from 1 to 1000, found 0"]);
    refused(&card("[]"), &["atelier.json: ", "expected a map"]);
    refused(&card("{"), &["atelier.json: ", "line 1"]);
}

#[test]
fn the_glyph_embedding_may_have_its_other_name() {
    let mut files = files();
    let picture = |files: &BTreeMap<String, Vec<u8>>| {
        let mut pipeline = block_on(Pipeline::load(Arc::new(source(files)), cpu())).unwrap();
        let request = Request { width: Some(32), height: Some(32), steps: Some(1), ..greedy(["x 'y'"]) };
        let mut run = pipeline.prepare(&request, None).unwrap();
        block_on(run.paint(0, &mut Observer::silent())).unwrap()
    };
    let before = picture(&files);
    let renamed = with_header(&files[GLYPH], |header| {
        let tensor = header.remove("shared.weight").unwrap();
        header.insert("encoder.embed_tokens.weight".into(), tensor);
    });
    files.insert(GLYPH.into(), renamed);
    assert_eq!(picture(&files), before);
}

#[pollster::test]
async fn half_precision_and_shards_load_like_single_files() {
    let mut files = files();
    let before = open(&files).unwrap();
    // The transformer again, as two bf16 shards with an index.
    let file = files.remove(DIT).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&file[8..8 + length]).unwrap();
    let mut weight_map = serde_json::Map::new();
    let names: Vec<&String> = header.keys().filter(|k| *k != "__metadata__").collect();
    for (shard, part) in names.chunks(names.len().div_ceil(2)).enumerate() {
        let shard_name = format!("diffusion_pytorch_model-{:05}-of-00002.safetensors", shard + 1);
        let (mut shard_header, mut data) = (serde_json::Map::new(), Vec::new());
        for &name in part {
            let offsets = &header[name]["data_offsets"];
            let (start, end) = (offsets[0].as_u64().unwrap() as usize, offsets[1].as_u64().unwrap() as usize);
            let start_out = data.len();
            // The upper half of an f32 is a bf16 (cut, not rounded: good enough for a loader test).
            let values = file[8 + length + start..8 + length + end].chunks_exact(4);
            data.extend(values.flat_map(|v| [v[2], v[3]]));
            let tensor = serde_json::json!({
                "dtype": "BF16", "shape": header[name]["shape"], "data_offsets": [start_out, data.len()]
            });
            shard_header.insert(name.clone(), tensor);
            weight_map.insert(name.clone(), shard_name.clone().into());
        }
        let json = serde_json::to_vec(&shard_header).unwrap();
        let bytes = [&(json.len() as u64).to_le_bytes()[..], &json, &data].concat();
        files.insert(format!("transformer/{shard_name}"), bytes);
    }
    let index = serde_json::json!({"metadata": {}, "weight_map": weight_map});
    let index_name = "transformer/diffusion_pytorch_model.safetensors.index.json";
    files.insert(index_name.into(), serde_json::to_vec(&index).unwrap());
    let after = open(&files).unwrap();
    assert_ne!(before.fingerprint(), after.fingerprint(), "other weights are another model");

    let mut pipeline = Pipeline::load(Arc::new(source(&files)), cpu()).await.unwrap();
    let request = Request { width: Some(32), height: Some(32), steps: Some(1), ..greedy(["a cat"]) };
    let pictures = pipeline.generate(&request, &mut Observer::silent()).await.unwrap();
    assert_eq!((pictures[0].image.width, pictures[0].image.height), (32, 32));

    files.remove("transformer/diffusion_pytorch_model-00002-of-00002.safetensors");
    refused(&files, &["diffusion_pytorch_model-00002-of-00002.safetensors"]);
}
