//! Parity of the parts that need no device: tokenizer, prompt, scheduler, sampler, pictures.

// A golden file that cannot be read is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;

use atelier::config::SchedulerConfig;
use atelier::error::{Error, Field};
use atelier::image::{to_rgb8, vae_pixels, vision_patches, vision_size};
use atelier::prior::sampler::{Sampling, distribution};
use atelier::prompt::{
    EncodedPrompt, Grid, Position, PromptTokenizer, QuoteRule, SpecialTokens, TargetGrids, decode_positions,
    encode_prompt, glyph_texts, glyph_tokens, prompt_positions, resolve_sources, upsample_codes,
};
use atelier::scheduler::FlowMatchEuler;
use atelier_tests::traced::image;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use testkit::{Entry, Golden, assert_close, entries, entry, reference};

/// Rounding of `2·v/255 − 1`; the 8-bit levels themselves are equal.
const ROUNDING: (f32, f32) = (1e-6, 0.0);

fn json<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_value(testkit::json(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn tokenizer() -> PromptTokenizer {
    let file = "tiny-random/processor/tokenizer.json";
    let bytes = fs::read(reference().join(file)).unwrap();
    PromptTokenizer::from_bytes(&bytes, file).unwrap()
}

fn special() -> SpecialTokens {
    #[derive(Deserialize)]
    struct Config {
        image_start_token_id: u32,
        image_end_token_id: u32,
        image_token_id: u32,
    }
    let config: Config = json("tiny-random/vision_language_encoder/config.json");
    SpecialTokens {
        image_start: config.image_start_token_id,
        image_end: config.image_end_token_id,
        image_token: config.image_token_id,
    }
}

#[derive(Deserialize)]
struct Processor {
    patch_size: usize,
    min_pixels: usize,
    max_pixels: usize,
}

fn processor() -> Processor {
    json("tiny-random/processor/preprocessor_config.json")
}

/// `image_grid_thw`, whose first column is always 1.
fn grids(golden: &Golden) -> Vec<Grid> {
    let rows = golden.ids("image_grid_thw");
    rows.chunks(3).map(|row| Grid { rows: row[1] as usize, columns: row[2] as usize }).collect()
}

/// Positions from `[3, …]` planes: `at(axis, index)`.
fn positions(count: usize, at: impl Fn(usize, usize) -> u32) -> Vec<Position> {
    (0..count).map(|index| [0, 1, 2].map(|axis| at(axis, index))).collect()
}

fn golden_positions(golden: &Golden, name: &str) -> Vec<Position> {
    let values = golden.ids(name);
    let count = values.len() / 3;
    positions(count, |axis, index| values[axis * count + index])
}

#[test]
fn tokenizer_ids() {
    #[derive(Deserialize)]
    struct Cases {
        special: BTreeMap<String, u32>,
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        text: String,
        ids: Vec<u32>,
    }
    let (tokenizer, golden) = (tokenizer(), json::<Cases>("golden/tokenizer.json"));
    for (token, id) in golden.special {
        assert_eq!(tokenizer.token_id(&token).unwrap(), id, "{token}");
    }
    for Case { text, ids } in golden.cases {
        assert_eq!(tokenizer.encode(&text).unwrap(), ids, "{text:?}");
    }
}

#[test]
fn target_grids_and_source_sizes() {
    #[derive(Deserialize)]
    struct Table {
        target: Vec<[usize; 6]>,
        resize: Vec<[usize; 6]>,
        resize_error: Vec<[usize; 4]>,
    }
    let table: Table = json("golden/grids.json");
    for [height, width, rows, columns, draft_rows, draft_columns] in table.target {
        let expected = TargetGrids {
            large: Grid { rows, columns },
            draft: Grid { rows: draft_rows, columns: draft_columns },
        };
        assert_eq!(TargetGrids::for_size(width, height), expected, "{width}x{height}");
    }
    let patch = processor().patch_size;
    for [height, width, min, max, out_height, out_width] in table.resize {
        let size = vision_size(width, height, patch, min, max).unwrap();
        assert_eq!(size, (out_height, out_width), "{width}x{height}, {min} to {max} pixels");
    }
    for [height, width, min, max] in table.resize_error {
        assert!(
            vision_size(width, height, patch, min, max).is_err(),
            "{width}x{height}, {min} to {max} pixels"
        );
    }
}

#[test]
fn schedules() {
    let config: SchedulerConfig = json("tiny-random/scheduler/scheduler_config.json");
    for entry in entries("scheduler_") {
        let name = &entry.name;
        let golden = Golden::open(name);
        let schedule = FlowMatchEuler::new(
            &config,
            entry.number("steps"),
            entry.number("width"),
            entry.number("height"),
        )
        .unwrap();
        assert_eq!(schedule.timesteps, golden.f32("timesteps"), "{name}");
        assert_eq!(schedule.image_seq_len, golden.i32("image_seq_len")[0] as usize, "{name}");
        assert_close(
            &format!("{name} mu"),
            &[schedule.mu as f32],
            &golden.f32("mu"),
            golden.entry.tolerance(),
        );
        let what = format!("{name} sigmas");
        assert_close(&what, &schedule.sigmas, &golden.f32("sigmas"), golden.entry.tolerance());
    }
}

#[test]
fn sampling_distributions() {
    let golden = Golden::open("sampling");
    let (logits, vocab) = (golden.f32("logits"), golden.shape("logits")[1]);
    let cases = [
        ("probs_t09_p075", 0.9, None, 0.75),
        ("probs_t09_k50_p075", 0.9, Some(50), 0.75),
        ("probs_t07_p09", 0.7, None, 0.9),
        ("probs_t12_k8_p05", 1.2, Some(8), 0.5),
    ];
    for (name, temperature, top_k, top_p) in cases {
        let sampling = Sampling { temperature, top_p, top_k };
        for (index, (logits, want)) in logits.chunks(vocab).zip(golden.f32(name).chunks(vocab)).enumerate() {
            let (mut got, mut want) = (distribution(logits, &sampling).unwrap(), want.to_vec());
            if index == 3 {
                // Equal logits: any choice among them will do, so compare what each rank gets.
                got.sort_by(f32::total_cmp);
                want.sort_by(f32::total_cmp);
            }
            let what = format!("{name}, row {index}");
            let kept = |values: &[f32]| values.iter().map(|&p| p > 0.0).collect::<Vec<_>>();
            assert_eq!(kept(&got), kept(&want), "{what}");
            assert_close(&what, &got, &want, golden.entry.tolerance());
        }
    }
}

#[test]
fn quoted_texts() {
    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        prompt: String,
        texts: Vec<String>,
    }
    for Case { prompt, texts } in json::<Cases>("golden/glyph_texts.json").cases {
        assert_eq!(glyph_texts(&prompt), texts, "{prompt:?}");
    }
}

/// The same texts for every prompt that is written with care, those of the trained model among them.
#[test]
fn the_typographic_rule_is_the_references_where_that_leaves_no_doubt() {
    let names = ["golden/glyph_texts.json", "../mini/prompts-dev.json"];
    let files = names.map(json::<serde_json::Value>);
    let prompts =
        files.iter().flat_map(|file| file["cases"].as_array().or(file["data_list"].as_array()).unwrap());
    let prompts: Vec<&str> = prompts.map(|case| case["prompt"].as_str().unwrap()).collect();
    let (sure, doubtful): (Vec<&str>, _) =
        prompts.iter().partition(|prompt| QuoteRule::Reference.doubts(prompt).is_empty());
    assert!(sure.len() > 100 && doubtful.len() > 3, "{} and {}", sure.len(), doubtful.len());
    for prompt in sure {
        assert_eq!(QuoteRule::Typographic.texts(prompt), glyph_texts(prompt), "{prompt:?}");
    }
}

#[test]
fn glyph_ids() {
    for entry in entries("glyph_").into_iter().filter(|entry| entry.name != "glyph_texts") {
        let name = &entry.name;
        let golden = Golden::open(name);
        let texts = glyph_texts(entry.prompt());
        assert_eq!(texts, entry.texts("texts"), "{name}");
        let width = golden.shape("input_ids")[1];
        let (ids, mask) = (golden.ids("input_ids"), golden.i32("attention_mask"));
        let attended = |(ids, mask): (&[u32], &[i32])| -> Vec<u32> {
            ids.iter().zip(mask).filter(|&(_, &mask)| mask == 1).map(|(&id, _)| id).collect()
        };
        let expected: Vec<Vec<u32>> = ids.chunks(width).zip(mask.chunks(width)).map(attended).collect();
        assert_eq!(glyph_tokens(&texts).rows, expected, "{name}");
    }
}

/// Encodes the request of a golden file and compares ids and grids.
fn encoded(entry: &Entry, golden: &Golden, source_grids: &[Grid]) -> EncodedPrompt {
    let target = TargetGrids::for_size(entry.number("width"), entry.number("height"));
    let prompt = encode_prompt(&tokenizer(), special(), entry.prompt(), source_grids, target).unwrap();
    assert_eq!(prompt.ids, golden.ids("input_ids"), "{}", entry.name);
    assert_eq!(prompt.grids, grids(golden), "{}", entry.name);
    prompt
}

fn compare_positions(name: &str, prompt: &EncodedPrompt, golden: &Golden) {
    let special = special();
    let (found, next) =
        prompt_positions(&prompt.ids, special.image_start, special.image_token, prompt.source_grids());
    assert_eq!(found, golden_positions(golden, "position_ids"), "{name}");
    let written = decode_positions(next, &prompt.written_grids());
    assert_eq!(written, golden_positions(golden, "decode_position_ids"), "{name}");
}

#[test]
fn text_to_image_prompts() {
    for entry in entries("ar_t2i_") {
        let golden = Golden::open(&entry.name);
        let prompt = encoded(&entry, &golden, &[]);
        compare_positions(&entry.name, &prompt, &golden);
        let TargetGrids { large, draft } = prompt.target;
        let kept = &golden.ids("generated_ids")[draft.len()..draft.len() + large.len()];
        assert_eq!(upsample_codes(kept, large), golden.ids("prior_ids"), "{}", entry.name);
    }
}

#[test]
fn image_to_image_prompts() {
    for entry in entries("e2e_i2i_") {
        let golden = Golden::open(&entry.name);
        let grids = grids(&golden);
        let source_grids = &grids[..grids.len() - 1];
        let prompt = encoded(&entry, &golden, source_grids);
        compare_positions(&entry.name, &prompt, &golden);

        let codes = golden.ids("vq_ids");
        let resolved = resolve_sources(&prompt.ids, special().image_token, &codes).unwrap();
        assert_eq!(resolved, golden.ids("resolved_ids"), "{}", entry.name);

        let large = prompt.target.large;
        let kept = &golden.ids("generated_ids")[..large.len()];
        assert_eq!(upsample_codes(kept, large), golden.ids("prior_ids"), "{}", entry.name);
        let mut codes = &codes[..];
        for (index, &grid) in source_grids.iter().enumerate() {
            let (these, rest) = codes.split_at(grid.len());
            let expected = golden.ids(&format!("source{index}_prior_ids"));
            assert_eq!(upsample_codes(these, grid), expected, "{}, source {index}", entry.name);
            codes = rest;
        }
    }
}

#[test]
fn prompts_that_cannot_be_encoded() {
    let (tokenizer, target) = (tokenizer(), TargetGrids::for_size(64, 64));
    for prompt in ["", " \n\u{3000}"] {
        let error = encode_prompt(&tokenizer, special(), prompt, &[], target).unwrap_err();
        assert!(matches!(error, Error::Request { field: Field::Prompt, .. }), "{error}");
    }
    let other = SpecialTokens { image_end: 3, ..special() };
    let error = encode_prompt(&tokenizer, other, "a cat", &[], target).unwrap_err().to_string();
    assert!(error.contains("<|dit_token_16385|>: expected id 3"), "{error}");
}

/// Prompts are run one by one here; the rows of a batch differ by their padding on the left only.
#[test]
fn batched_prompts() {
    let (entry, golden) = (entry("e2e_t2i_batch2"), Golden::open("e2e_t2i_batch2"));
    let width = golden.shape("input_ids")[1];
    let (ids, mask) = (golden.ids("input_ids"), golden.i32("attention_mask"));
    let fed: Vec<u32> = golden.i32("position_ids").into_iter().map(|value| value as u32).collect();
    let written: Vec<u32> = golden.i32("decode_position_ids").into_iter().map(|value| value as u32).collect();
    let prompts = entry.texts("prompts");
    let batch = prompts.len();
    assert_eq!(batch, 2);
    for (row, text) in prompts.iter().enumerate() {
        let target = TargetGrids::for_size(entry.number("width"), entry.number("height"));
        let prompt = encode_prompt(&tokenizer(), special(), text, &[], target).unwrap();
        let padding = mask[row * width..][..width].iter().filter(|&&mask| mask == 0).count();
        assert_eq!(prompt.ids, ids[row * width + padding..(row + 1) * width], "{text}");

        let (found, next) = prompt_positions(&prompt.ids, special().image_start, special().image_token, &[]);
        // [3, batch, seq]
        let expected =
            positions(width - padding, |axis, index| fed[(axis * batch + row) * width + padding + index]);
        assert_eq!(found, expected, "{text}");
        // [batch, 3, new tokens]
        let count = golden.shape("decode_position_ids")[2];
        let expected = positions(count, |axis, index| written[(row * 3 + axis) * count + index]);
        assert_eq!(decode_positions(next, &prompt.written_grids()), expected, "{text}");
    }
}

#[test]
fn source_pictures() {
    let processor = processor();
    for Entry { name, .. } in entries("vision_") {
        let golden = Golden::open(&name);
        let image = image(&golden, "image_u8");
        let patches =
            vision_patches(&image, processor.patch_size, processor.min_pixels, processor.max_pixels).unwrap();
        assert_eq!([patches.grid], grids(&golden)[..], "{name}");
        assert_close(&format!("{name} pixel_values"), &patches.pixels, &golden.f32("pixel_values"), ROUNDING);
        let pixels = vae_pixels(&image).unwrap();
        assert_close(&format!("{name} vae_pixels"), &pixels, &golden.f32("vae_pixels"), ROUNDING);
    }
    let golden = Golden::open("vae_encode");
    let pixels = vae_pixels(&image(&golden, "image_u8")).unwrap();
    assert_close("vae_encode pixels", &pixels, &golden.f32("pixels"), golden.entry.tolerance());
    for entry in entries("e2e_i2i_") {
        let golden = Golden::open(&entry.name);
        let grids = grids(&golden);
        let mut pixels = Vec::new();
        for (index, &grid) in grids[..grids.len() - 1].iter().enumerate() {
            let image = image(&golden, &format!("source{index}_u8"));
            let patches =
                vision_patches(&image, processor.patch_size, processor.min_pixels, processor.max_pixels)
                    .unwrap();
            assert_eq!(patches.grid, grid, "{}, source {index}", entry.name);
            pixels.extend(patches.pixels);
        }
        assert_close(&format!("{} pixel_values", entry.name), &pixels, &golden.f32("pixel_values"), ROUNDING);
    }
}

#[test]
fn decoded_pictures() {
    for (name, values) in [
        ("vae_decode", "sample"),
        ("e2e_t2i_a", "image_float"),
        ("e2e_t2i_b", "image_float"),
        ("e2e_t2i_c", "image_float"),
        ("e2e_i2i_one", "image_float"),
        ("e2e_i2i_two", "image_float"),
    ] {
        let golden = Golden::open(name);
        let expected = image(&golden, "image_u8");
        let (found, _) = to_rgb8(&golden.f32(values), expected.width, expected.height).unwrap();
        assert!(found == expected, "{name}");
    }
}
