//! Whatever is wrong with the input: one line that names the place, exit code 2, nothing written.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;

use common::{Desk, finish, reference, save_picture};
use serde_json::{Value, json};
use testkit::assert_snapshot;

#[test]
fn flags_out_of_range() {
    let desk = Desk::new();
    for (args, words) in [
        (&["x", "-W", "65"][..], &["--width", "multiple of 32", "65"][..]),
        (&["x", "-W", "0"], &["--width", "32 to 4096", "0"]),
        (&["x", "-H", "4128"], &["--height", "32 to 4096", "4128"]),
        (&["x", "-H", "-64"], &["--height", "-64"]),
        (&["x", "--steps", "0"], &["--steps", "at least 1", "0"]),
        (&["x", "--steps", "1001"], &["--steps", "1 to 1000", "1001"]),
        (&["x", "--guidance", "nan"], &["--guidance", "NaN"]),
        (&["x", "--cfg-scale", "-1"], &["--guidance", "at least 0", "-1"]),
        (&["x", "--guidance", "inf"], &["--guidance", "inf"]),
        (&["x", "--temperature", "-0.5"], &["--temperature", "at least 0", "-0.5"]),
        (&["x", "--top-p", "1.5"], &["--top-p", "at most 1", "1.5"]),
        (&["x", "--top-p", "0"], &["--top-p", "above 0"]),
        (&["x", "-n", "0"], &["--images-per-prompt", "at least 1", "0"]),
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
        desk.refused(args, words);
    }
    assert_snapshot("refusals/flags.txt", &desk.refusals());
}

#[test]
fn prompts() {
    let desk = Desk::new();
    let long = "word ".repeat(20_000);
    let limit = "tokens";
    desk.refused(&[], &["prompt", "--prompt-file", "none"]);
    desk.refused(&[""], &["prompt", "some text"]);
    desk.refused(&["x", "-p", " \t"], &["prompt", "some text"]);
    desk.refused(&["--prompt-file", "missing.txt"], &["missing.txt", "No such file"]);
    desk.write("blank.txt", "\n \r\n");
    desk.refused(&["--prompt-file", "blank.txt"], &["blank.txt", "blank lines"]);
    desk.write("binary.txt", b"a cat\n\xff\xfe");
    desk.refused(&["--prompt-file", "binary.txt"], &["binary.txt", "UTF-8", "offset 6"]);
    desk.write("long.txt", format!("fine\n{long}\n"));
    desk.refused(&["--prompt-file", "long.txt"], &["prompt 2", "at most", limit]);
    desk.write("one.txt", &long);
    desk.refused(&["--prompt-file", "one.txt"], &["prompt", "at most", limit]);
    assert_snapshot("refusals/prompts.txt", &desk.refusals());
}

#[test]
fn source_images() {
    let desk = Desk::new();
    save_picture(&desk.path("small.png"), 15, 40);
    desk.refused(&["x", "-i", "small.png"], &["small.png", "at least 16", "15x40"]);
    save_picture(&desk.path("long.png"), 330, 80);
    save_picture(&desk.path("fine.png"), 96, 64);
    desk.refused(&["x", "-i", "fine.png", "-i", "long.png"], &["long.png", "at most 4 times", "330x80"]);
    for (name, cut) in [("a.png", 60), ("a.jpg", 2), ("a.bmp", 9), ("a.webp", 9)] {
        let path = desk.path(name);
        save_picture(&path, 80, 64);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        desk.refused(&["x", "-i", name], &[name, "whole"]);
    }
    desk.write("notes.png", "not a picture at all");
    desk.refused(&["x", "-i", "notes.png"], &["notes.png", "PNG, JPEG, WebP or BMP"]);
    desk.write("anim.gif", "GIF89a\x01\x00\x01\x00");
    desk.refused(&["x", "-i", "anim.gif"], &["anim.gif", "Gif"]);
    desk.write("empty.png", "");
    desk.refused(&["x", "-i", "empty.png"], &["empty.png"]);
    desk.refused(&["x", "-i", "missing.png"], &["missing.png", "No such file"]);
    assert_snapshot("refusals/source-images.txt", &desk.refusals());
}

#[test]
fn latents() {
    let desk = Desk::new();
    let golden = reference().join("golden");
    let file = |name: &str| golden.join(name).to_str().unwrap().to_owned();
    let noise = file("e2e_t2i_b.safetensors");
    desk.refused(&["x", "-W", "96", "--latents", &noise], &["--latents", "[1, 16, 8, 12]", "[1, 16, 8, 8]"]);
    desk.refused(&["x", "-n", "2", "--latents", &noise], &["--latents", "[2, 16, 8, 8]"]);
    let other = file("scheduler_64x64_4.safetensors");
    desk.refused(&["x", "--latents", &other], &["scheduler_64x64_4.safetensors", "noise"]);
    desk.refused(&["x", "--latents", "missing.safetensors"], &["--latents", "missing.safetensors"]);
    let bytes = fs::read(&noise).unwrap();
    desk.write("cut.safetensors", &bytes[..bytes.len() - 1]);
    desk.refused(&["x", "--latents", "cut.safetensors"], &["cut.safetensors", "bytes"]);
    assert_snapshot("refusals/latents.txt", &desk.refusals());
}

#[test]
fn model_folders() {
    let mut desk = Desk::new();
    desk.model = desk.path("nowhere");
    desk.refused(&["x"], &["nowhere", "no such folder"]);
    desk.write("file", "");
    desk.model = desk.path("file");
    desk.refused(&["x"], &["file", "expected a folder"]);
    // Only the bare name means the built-in model.
    fs::create_dir(desk.path("mini")).unwrap();
    for (typed, word) in [("./mini", "mini/"), ("mini.d", "no such folder")] {
        desk.model = typed.into();
        desk.refused(&["x"], &["mini", word]);
    }
    assert_snapshot("refusals/model-folders.txt", &desk.refusals());
}

/// Damages a weight file's header or data.
fn damage(desk: &Desk, file: &str, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    let path = desk.model.join(file);
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
        let desk = Desk::with_copy();
        damage(&desk, PAINTER, change);
        println!("{name}");
        desk.fails(&["x", "-o", "a.png"], words);
        // What is seen only when the painter is loaded does not cost the blueprint.
        let files = desk.files();
        assert!(files == ["model"] || files == ["a.unfinished.json", "model"], "{name}: {files:?}");
        refusals += &format!("{name}\n{}", desk.refusals());
    }
    assert_snapshot("refusals/damaged-weights.txt", &refusals);
}

#[test]
fn damaged_files_of_a_model() {
    let weights = "vae/diffusion_pytorch_model.safetensors";
    let desk = Desk::with_copy();
    let path = desk.model.join(weights);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..100]).unwrap();
    desk.refused(&["x"], &[weights, "header"]);
    fs::write(&path, [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).unwrap();
    desk.refused(&["x"], &[weights, "header of at most"]);
    fs::remove_file(&path).unwrap();
    desk.refused(&["x"], &["no weights", "vae"]);
    let index = json!({"weight_map": {"a": "diffusion_pytorch_model-00001-of-00001.safetensors"}});
    fs::write(desk.model.join(format!("{weights}.index.json")), index.to_string()).unwrap();
    desk.refused(&["x"], &["diffusion_pytorch_model-00001-of-00001.safetensors", "missing"]);
    let mut refusals = desk.refusals();

    let desk = Desk::with_copy();
    fs::write(desk.model.join("vae/config.json"), "{").unwrap();
    desk.refused(&["x"], &["vae/config.json"]);
    fs::remove_file(desk.model.join("vae/config.json")).unwrap();
    desk.refused(&["x"], &["vae/config.json", "no such file"]);
    refusals += &desk.refusals();
    assert_snapshot("refusals/damaged-files.txt", &refusals);
}

#[test]
fn blueprints() {
    let desk = Desk::new();
    desk.draw(&["x", "--blueprint-only", "--save-blueprint", "bp.json", "-s", "1"]);
    let good: Value = serde_json::from_slice(&desk.read("bp.json")).unwrap();
    let bad = |change: fn(&mut Value), words: &[&str]| {
        let mut blueprint = good.clone();
        change(&mut blueprint);
        desk.write("bad.json", blueprint.to_string());
        desk.refused(&["--blueprint", "bad.json"], &[&["bad.json"], words].concat());
    };
    bad(|b| b["model"] = json!("0123"), &["model", "0123"]);
    bad(|b| b["format"] = json!("atelier-blueprint/9"), &["format", "atelier-blueprint/9"]);
    bad(|b| b["width"] = json!(96), &["large", "3 columns", "2 columns"]);
    bad(|b| b["height"] = json!(65), &["height", "65"]);
    bad(|b| b["large"]["ids"][0] = json!(999_999), &["large", "999999"]);
    bad(|b| b["prompt"] = json!(" "), &["prompt"]);
    bad(|b| b["colour"] = json!(1), &["colour"]);
    desk.write("bad.json", "{\"format\":");
    desk.refused(&["--blueprint", "bad.json"], &["bad.json", "line 1"]);
    desk.refused(&["--blueprint", "missing.json"], &["missing.json"]);
    save_picture(&desk.path("s.png"), 64, 64);
    desk.refused(
        &["--blueprint", "bp.json", "-i", "s.png"],
        &["bp.json", "0 source images", "1 source image"],
    );
    assert_snapshot("refusals/blueprints.txt", &desk.refusals());
}

#[test]
fn places_that_cannot_be_written() {
    let desk = Desk::new();
    desk.write("file", "");
    fs::create_dir(desk.path("folder.png")).unwrap();
    desk.refused(&["x", "-o", "missing/a.png"], &["--output", "missing", "existing folder"]);
    desk.refused(&["x", "-o", "file/a.png"], &["--output", "file"]);
    desk.refused(&["x", "-o", "folder.png"], &["--output", "folder.png is a folder"]);
    // Every name is looked at, not the first alone.
    fs::create_dir(desk.path("b-002.png")).unwrap();
    desk.refused(&["x", "-n", "3", "-o", "b.png"], &["--output", "b-002.png is a folder"]);
    fs::create_dir(desk.path("c-002.json")).unwrap();
    desk.refused(
        &["x", "-p", "y", "--save-blueprint", "c.json"],
        &["--save-blueprint", "c-002.json is a folder"],
    );
    let long = "a".repeat(300) + ".png";
    desk.refused(&["x", "-o", &long], &["--output", "too long"]);
    desk.refused(&["x", "-o", "folder.png/"], &["--output", ".png"]);
    desk.refused(&["x", "--trace", "missing/t.safetensors"], &["--trace", "missing"]);
    desk.refused(&["x", "--save-blueprint", "missing/b.json"], &["--save-blueprint", "missing"]);
    desk.refused(&["x", "--save-blueprint", "b.png"], &["--save-blueprint", ".json"]);
    // Before the last one, whose message names a random file.
    assert_snapshot("refusals/outputs.txt", &desk.refusals());
    if cfg!(target_os = "linux") {
        // Not even root can write there.
        desk.refused(&["x", "-o", "/proc/a.png"], &["--output", "/proc"]);
    }
}

/// A limit on the size of files stands for a full disk: the first write beyond it fails.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let desk = Desk::new();
    let generate = desk.generate_command(&["x", "-o", "a.png"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""]).arg(generate.get_program());
    command.args(generate.get_args()).current_dir(desk.path("."));
    let done = finish(&mut command);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("error: a.png: cannot write"), "{done:?}");
    // What is kept of the run may have found room.
    assert!(desk.files().iter().all(|file| file == "a.unfinished.json"), "{:?}", desk.files());
}
