//! Whatever is wrong with the input: one line that names the place, exit code 2, nothing written.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{Sandbox, finish, reference, save_picture};
use serde_json::{Value, json};
use testkit::assert_snapshot;

#[test]
fn flags_out_of_range() {
    let sandbox = Sandbox::new();
    for (args, words) in [
        (&["x", "-W", "65"][..], &["--width", "multiple of 32", "65"][..]),
        (&["x", "-W", "0"], &["--width", "32 to 4096", "0"]),
        (&["x", "-H", "4128"], &["--height", "32 to 4096", "4128"]),
        (&["x", "-H", "-64"], &["--height", "-64"]),
        (&["x", "--steps", "0"], &["--steps", "1 to 1000", "0"]),
        (&["x", "--steps", "1001"], &["--steps", "1 to 1000", "1001"]),
        (&["x", "--guidance", "nan"], &["--guidance", "NaN"]),
        (&["x", "--cfg-scale", "-1"], &["--guidance", "0 to 100", "-1"]),
        (&["x", "--guidance", "1e30"], &["--guidance", "0 to 100", "1e30"]),
        (&["x", "--guidance", "two"], &["--guidance", "0 to 100", "two"]),
        (&["x", "--temperature", "1e30"], &["--temperature", "0 to 100"]),
        (&["x", "--top-k", "1000001"], &["--top-k", "0 to 1000000", "1000001"]),
        (&["x", "--top-k", "99999999999999999999"], &["--top-k", "0 to 1000000"]),
        (&["x", "-n", "4294967296000"], &["--images-per-prompt", "1 to 10000", "4294967296000"]),
        (&["x", "-n", "-3"], &["--images-per-prompt", "1 to 10000", "-3"]),
        (&["x", "--vram-budget", "1e300"], &["--vram-budget", "above 0 and at most 1000000"]),
        (&["x", "--vram-budget", "8GB"], &["--vram-budget", "above 0 and at most 1000000", "8GB"]),
        (&["x", "--guidance", "inf"], &["--guidance", "inf"]),
        (&["x", "--temperature", "-0.5"], &["--temperature", "0 to 100", "-0.5"]),
        (&["x", "--top-p", "1.5"], &["--top-p", "at most 1", "1.5"]),
        (&["x", "--top-p", "0"], &["--top-p", "above 0"]),
        (&["x", "-n", "0"], &["--images-per-prompt", "1 to 10000", "0"]),
        (&["x", "--seed", "-2"], &["--seed", "-2"]),
        (&["x", "--seed", "ten"], &["--seed", "ten", "0 to 9007199254740991, or random"]),
        (&["x", "--seed", "99999999999999999999"], &["--seed", "0 to 9007199254740991"]),
        (
            &["x", "--seed", "9007199254740991", "-n", "2"],
            &["--seed", "at most 9007199254740990 for 2 pictures"],
        ),
        (&["x", "--device", "tpu"], &["--device", "tpu"]),
        (&["x", "--adapter", "a"], &["--adapter", "--device cpu"]),
        (&["x", "--kernels", "plain"], &["--kernels", "--device cpu"]),
        (&["x", "--kernels", "few"], &["--kernels", "few"]),
        (&["x", "--stps", "4"], &["--stps"]),
        (&["x", "--blueprint-only", "-o", "a.png"], &["--blueprint-only", "--output"]),
        (&["x", "--from", "a.png"], &["--from", "PROMPT"]),
        (&["--blueprint", "a.json", "--top-k", "3"], &["--blueprint", "--top-k"]),
        (&["x", "-o", "a.jpg"], &["--output", ".png", "a.jpg"]),
        (&["x", "-o", "%d-%d.png"], &["--output", "pattern"]),
    ] {
        sandbox.refused(args, words);
    }
    assert_snapshot("refusals/flags.txt", &sandbox.refusals());
}

#[test]
fn prompts() {
    let sandbox = Sandbox::new();
    let long = "word ".repeat(20_000);
    let limit = "tokens";
    sandbox.refused(&[], &["prompt", "--prompt-file", "none"]);
    sandbox.refused(&[""], &["prompt", "some text"]);
    sandbox.refused(&["x", "-p", " \t"], &["prompt", "some text"]);
    sandbox.refused(&["--prompt-file", "missing.txt"], &["missing.txt", "No such file"]);
    sandbox.write("blank.txt", "\n \r\n");
    sandbox.refused(&["--prompt-file", "blank.txt"], &["blank.txt", "blank lines"]);
    sandbox.write("binary.txt", b"a cat\n\xff\xfe");
    sandbox.refused(&["--prompt-file", "binary.txt"], &["binary.txt", "UTF-8", "offset 6"]);
    sandbox.write("long.txt", format!("fine\n{long}\n"));
    sandbox.refused(&["--prompt-file", "long.txt"], &["prompt 2", "at most", limit]);
    sandbox.write("one.txt", &long);
    sandbox.refused(&["--prompt-file", "one.txt"], &["prompt", "at most", limit]);
    assert_snapshot("refusals/prompts.txt", &sandbox.refusals());
}

#[test]
fn source_images() {
    let sandbox = Sandbox::new();
    save_picture(&sandbox.path("small.png"), 15, 40);
    sandbox.refused(&["x", "-i", "small.png"], &["small.png", "at least 16", "15x40"]);
    save_picture(&sandbox.path("long.png"), 330, 80);
    save_picture(&sandbox.path("fine.png"), 96, 64);
    sandbox.refused(&["x", "-i", "fine.png", "-i", "long.png"], &["long.png", "at most 4 times", "330x80"]);
    for (name, cut) in [("a.png", 60), ("a.jpg", 9), ("a.bmp", 9), ("a.webp", 9)] {
        let path = sandbox.path(name);
        save_picture(&path, 80, 64);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        sandbox.refused(&["x", "-i", name], &[name, "whole"]);
    }
    sandbox.write("notes.png", "not a picture at all");
    sandbox.refused(&["x", "-i", "notes.png"], &["notes.png", "PNG, JPEG, WebP or BMP"]);
    sandbox.write("anim.gif", "GIF89a\x01\x00\x01\x00");
    sandbox.refused(&["x", "-i", "anim.gif"], &["anim.gif", "Gif"]);
    sandbox.write("empty.png", "");
    sandbox.refused(&["x", "-i", "empty.png"], &["empty.png"]);
    sandbox.refused(&["x", "-i", "missing.png"], &["missing.png", "No such file"]);
    assert_snapshot("refusals/source-images.txt", &sandbox.refusals());
}

#[test]
fn latents() {
    let sandbox = Sandbox::new();
    let golden = reference().join("golden");
    let file = |name: &str| golden.join(name).to_str().unwrap().to_owned();
    let noise = file("e2e_t2i_b.safetensors");
    sandbox
        .refused(&["x", "-W", "96", "--latents", &noise], &["--latents", "[1, 16, 8, 12]", "[1, 16, 8, 8]"]);
    sandbox.refused(&["x", "-n", "2", "--latents", &noise], &["--latents", "[2, 16, 8, 8]"]);
    let other = file("scheduler_64x64_4.safetensors");
    sandbox.refused(&["x", "--latents", &other], &["scheduler_64x64_4.safetensors", "noise"]);
    sandbox.refused(&["x", "--latents", "missing.safetensors"], &["--latents", "missing.safetensors"]);
    let bytes = fs::read(&noise).unwrap();
    sandbox.write("cut.safetensors", &bytes[..bytes.len() - 1]);
    sandbox.refused(&["x", "--latents", "cut.safetensors"], &["cut.safetensors", "bytes"]);
    assert_snapshot("refusals/latents.txt", &sandbox.refusals());
}

#[test]
fn model_folders() {
    let mut sandbox = Sandbox::new();
    sandbox.model = sandbox.path("nowhere");
    sandbox.refused(&["x"], &["nowhere", "no such folder"]);
    sandbox.write("file", "");
    sandbox.model = sandbox.path("file");
    sandbox.refused(&["x"], &["file", "expected the folder of a model", "a file"]);
    // Only the bare name means the built-in model.
    fs::create_dir(sandbox.path("mini")).unwrap();
    for (typed, word) in [("./mini", "an empty folder"), ("mini.d", "no such folder")] {
        sandbox.model = typed.into();
        sandbox.refused(&["x"], &["mini", word]);
    }
    assert_snapshot("refusals/model-folders.txt", &sandbox.refusals());
}

/// Damages a weight file's header or data.
fn damage(sandbox: &Sandbox, file: &str, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    let path = sandbox.model.join(file);
    let bytes = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut data = bytes[8 + length..].to_vec();
    change(&mut header, &mut data);
    let header = header.to_string().into_bytes();
    fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()).unwrap();
}

const PAINTER: &str = "transformer/diffusion_pytorch_model.safetensors";
const TENSOR: &str = "proj_out.weight";

#[test]
fn damaged_weights() {
    type Change = fn(&mut Value, &mut Vec<u8>);
    let cases: [(&str, Change, &[&str]); 8] = [
        (
            "missing tensor",
            |header, _| {
                let tensor = header.as_object_mut().unwrap().remove(TENSOR).unwrap();
                header["other"] = tensor;
            },
            &["transformer", TENSOR, "found no such tensor"],
        ),
        (
            "wrong shape",
            |header, _| header[TENSOR]["shape"].as_array_mut().unwrap().push(json!(1)),
            &["transformer", TENSOR, "expected shape", "found"],
        ),
        (
            "unknown dtype",
            |header, _| header[TENSOR]["dtype"] = json!("F99"),
            &[PAINTER, TENSOR, "dtype", "F99"],
        ),
        (
            "not a number",
            |header, data| {
                let start = header[TENSOR]["data_offsets"][0].as_u64().unwrap() as usize;
                data[start + 8..start + 12].copy_from_slice(&f32::NAN.to_le_bytes());
            },
            &[PAINTER, TENSOR, "finite", "NaN", "index 2"],
        ),
        ("bytes missing", |_, data| data.truncate(data.len() - 1), &[PAINTER, "bytes"]),
        ("bytes too many", |_, data| data.push(0), &[PAINTER, "bytes"]),
        (
            "overlap",
            |header, _| {
                let other = header["proj_out.bias"]["data_offsets"].clone();
                header[TENSOR]["data_offsets"] = other;
            },
            &[PAINTER, "proj_out"],
        ),
        (
            "outside",
            |header, _| header[TENSOR]["data_offsets"] = json!([1u64 << 40, (1u64 << 40) + 4]),
            &[PAINTER, TENSOR],
        ),
    ];
    let mut refusals = String::new();
    for (name, change, words) in cases {
        let sandbox = Sandbox::with_copy();
        damage(&sandbox, PAINTER, change);
        println!("{name}");
        sandbox.fails(&["x", "-o", "a.png"], words);
        // What is seen only when the painter is loaded does not cost the blueprint.
        let files = sandbox.files();
        assert!(files == ["model"] || files == ["a.unfinished.json", "model"], "{name}: {files:?}");
        refusals += &format!("{name}\n{}", sandbox.refusals());
    }
    assert_snapshot("refusals/damaged-weights.txt", &refusals);
}

/// Writes a number over the first weights of a tensor.
fn overwrite(path: &Path, tensor: &str, value: f32) {
    let mut bytes = fs::read(path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let described: Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    assert_eq!(described[tensor]["dtype"], "F32", "{tensor}");
    let offsets = &described[tensor]["data_offsets"];
    let [start, end] = [0, 1].map(|place| header + offsets[place].as_u64().unwrap() as usize);
    for weight in bytes[start..end].chunks_exact_mut(4).take(64) {
        weight.copy_from_slice(&value.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

/// Weights that are finite and absurd: what comes of them is saved, and said to be broken.
#[test]
fn absurd_weights_are_warned_of() {
    for (file, tensor, kind, words) in [
        (
            "vae/diffusion_pytorch_model.safetensors",
            "decoder.conv_out.weight",
            "far-pixels",
            "picture 1: 4096 of its 4096 pixels are far beyond black and white",
        ),
        (
            "vision_language_encoder/model.safetensors",
            "lm_head.weight",
            "far-logits",
            "prompt 1: the architect's logits reach ",
        ),
    ] {
        let sandbox = Sandbox::with_copy();
        let args = ["x", "-o", "a.png", "-s", "1", "--steps", "1", "--json"];
        let whole = sandbox.draw(&args);
        assert!(!whole.stderr.contains("warning: p"), "{whole:?}");
        overwrite(&sandbox.model.join(file), tensor, 1e30);
        let done = sandbox.draw(&args);
        assert!(done.stderr.contains(&format!("warning: {words}")), "{done:?}");
        let events: Vec<Value> =
            done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let warnings = events.iter().filter(|event| event["kind"] == kind && event["event"] == "warning");
        assert_eq!(warnings.count(), 1, "{}", done.stdout);
    }
}

#[test]
fn damaged_files_of_a_model() {
    let weights = "vae/diffusion_pytorch_model.safetensors";
    let sandbox = Sandbox::with_copy();
    let path = sandbox.model.join(weights);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..100]).unwrap();
    sandbox.refused(&["x"], &[weights, "header"]);
    fs::write(&path, [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).unwrap();
    sandbox.refused(&["x"], &[weights, "header of at most"]);
    fs::remove_file(&path).unwrap();
    sandbox.refused(&["x"], &["no weights", "vae"]);
    let index = json!({"weight_map": {"a": "diffusion_pytorch_model-00001-of-00001.safetensors"}});
    fs::write(sandbox.model.join(format!("{weights}.index.json")), index.to_string()).unwrap();
    sandbox.refused(&["x"], &["diffusion_pytorch_model-00001-of-00001.safetensors", "missing"]);
    let mut refusals = sandbox.refusals();

    let sandbox = Sandbox::with_copy();
    fs::write(sandbox.model.join("vae/config.json"), "{").unwrap();
    sandbox.refused(&["x"], &["vae/config.json"]);
    fs::remove_file(sandbox.model.join("vae/config.json")).unwrap();
    sandbox.refused(&["x"], &["vae/config.json", "no such file"]);
    refusals += &sandbox.refusals();
    assert_snapshot("refusals/damaged-files.txt", &refusals);
}

#[test]
fn blueprints() {
    let sandbox = Sandbox::new();
    sandbox.draw(&["x", "--blueprint-only", "--save-blueprint", "bp.json", "-s", "1"]);
    let good: Value = serde_json::from_slice(&sandbox.read("bp.json")).unwrap();
    let bad = |change: fn(&mut Value), words: &[&str]| {
        let mut blueprint = good.clone();
        change(&mut blueprint);
        sandbox.write("bad.json", blueprint.to_string());
        sandbox.refused(&["--blueprint", "bad.json"], &[&["bad.json"], words].concat());
    };
    bad(|b| b["model"] = json!("0123"), &["model", "0123"]);
    bad(|b| b["format"] = json!("atelier-blueprint/9"), &["format", "atelier-blueprint/9"]);
    bad(|b| b["width"] = json!(96), &["large", "3 columns", "2 columns"]);
    bad(|b| b["height"] = json!(65), &["height", "65"]);
    bad(|b| b["large"]["ids"][0] = json!(999_999), &["large", "999999"]);
    bad(|b| b["prompt"] = json!(" "), &["prompt"]);
    bad(|b| b["colour"] = json!(1), &["colour"]);
    sandbox.write("bad.json", "{\"format\":");
    sandbox.refused(&["--blueprint", "bad.json"], &["bad.json", "line 1"]);
    sandbox.refused(&["--blueprint", "missing.json"], &["missing.json"]);
    save_picture(&sandbox.path("s.png"), 64, 64);
    sandbox.refused(
        &["--blueprint", "bp.json", "-i", "s.png"],
        &["bp.json", "0 source images", "1 source image"],
    );
    assert_snapshot("refusals/blueprints.txt", &sandbox.refusals());
}

#[test]
fn places_that_cannot_be_written() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    fs::create_dir(sandbox.path("folder.png")).unwrap();
    sandbox.refused(&["x", "-o", "missing/a.png"], &["--output", "missing", "existing folder"]);
    sandbox.refused(&["x", "-o", "file/a.png"], &["--output", "file"]);
    sandbox.refused(&["x", "-o", "folder.png"], &["--output", "folder.png is a folder"]);
    // Every name is looked at, not the first alone.
    fs::create_dir(sandbox.path("b-002.png")).unwrap();
    sandbox.refused(&["x", "-n", "3", "-o", "b.png"], &["--output", "b-002.png is a folder"]);
    fs::create_dir(sandbox.path("c-002.json")).unwrap();
    sandbox.refused(
        &["x", "-p", "y", "--save-blueprint", "c.json"],
        &["--save-blueprint", "c-002.json is a folder"],
    );
    let long = "a".repeat(300) + ".png";
    sandbox.refused(&["x", "-o", &long], &["--output", "too long"]);
    sandbox.refused(&["x", "-o", "folder.png/"], &["--output", ".png"]);
    sandbox.refused(&["x", "--trace", "missing/t.safetensors"], &["--trace", "missing"]);
    sandbox.refused(&["x", "--save-blueprint", "missing/b.json"], &["--save-blueprint", "missing"]);
    sandbox.refused(&["x", "--save-blueprint", "b.png"], &["--save-blueprint", ".json"]);
    // Before the last one, whose message names a random file.
    assert_snapshot("refusals/outputs.txt", &sandbox.refusals());
    if cfg!(target_os = "linux") {
        // Not even root can write there.
        sandbox.refused(&["x", "-o", "/proc/a.png"], &["--output", "/proc"]);
    }
}

/// A limit on the size of files stands for a full disk: the first write beyond it fails.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let sandbox = Sandbox::new();
    let generate = sandbox.generate_command(&["x", "-o", "a.png"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""]).arg(generate.get_program());
    command.args(generate.get_args()).current_dir(sandbox.path("."));
    let done = finish(&mut command);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("error: a.png: cannot write"), "{done:?}");
    // What is kept of the run may have found room.
    assert!(sandbox.files().iter().all(|file| file == "a.unfinished.json"), "{:?}", sandbox.files());
}
