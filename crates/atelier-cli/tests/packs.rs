//! Packs from end to end: quantized, verified, painted with; interrupted and gone on with; damaged and refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use atelier_weights::{Component, Dtype, MemorySource, Scheme, safetensors_header};
use common::{Output, Sandbox, pixels, tiny_random};
use futures_lite::future::block_on;
use serde_json::{Value, json};

const SHARDS: [&str; 4] = [
    "sources-00001.safetensors",
    "architect-00001.safetensors",
    "painter-00001.safetensors",
    "decoder-00001.safetensors",
];
const NOTES: &str = "pack.json.partial";

fn quantize(sandbox: &Sandbox, model: &str, args: &[&str]) -> Output {
    sandbox.run(&[&["quantize", model], args].concat())
}

/// A pack of the tiny model at `name`; what the command says is not looked at.
fn pack(sandbox: &Sandbox, name: &str, args: &[&str]) {
    let done = quantize(sandbox, tiny_random().to_str().unwrap(), &[&["-q", "-o", name], args].concat());
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""), "{args:?}");
}

/// A sandbox whose model is a q4 pack of the tiny model, in the folder `pack`.
fn desk_with_pack() -> Sandbox {
    let mut sandbox = Sandbox::new();
    pack(&sandbox, "pack", &["--search", "nearest"]);
    sandbox.model = sandbox.path("pack");
    sandbox
}

fn manifest(sandbox: &Sandbox, pack: &str) -> Value {
    serde_json::from_slice(&sandbox.read(&format!("{pack}/pack.json"))).unwrap()
}

/// Every file below `folder` with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let inside = files(&entry.path()).into_iter();
            found.extend(inside.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Names and bytes are equal, and nothing is left over; without printing megabytes where they are not.
#[track_caller]
fn same_files(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(other[name] == *bytes, "{name} differs");
    }
}

/// The command is refused as bad input is, in one line that has all of `words`, and leaves `folder` as it was.
#[track_caller]
fn refused_with(done: &Output, words: &[&str]) {
    assert_eq!(done.code, 2, "{done:?}");
    let last = done.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{done:?}");
    for word in words {
        assert!(last.contains(word), "no {word:?} in {done:?}");
    }
}

#[test]
fn every_scheme_makes_a_pack_that_verifies_and_paints() {
    let sandbox = Sandbox::new();
    let dense = sandbox.draw(&["two words", "-s", "5", "-o", "dense.png"]);
    assert_eq!(dense.code, 0);
    let mut sizes = Vec::new();
    for (scheme, schemes) in [("q4", &["q4", "q8"][..]), ("mixed", &["q4-offset", "q8"]), ("q8", &["q8"])] {
        let done = quantize(&sandbox, tiny_random().to_str().unwrap(), &["-o", scheme, "--scheme", scheme]);
        assert!(done.code == 0 && done.stdout.is_empty(), "{done:?}");
        let last = done.stderr.lines().last().unwrap();
        assert!(last.starts_with("packed    ") && last.contains("bits per weight"), "{done:?}");

        let found = manifest(&sandbox, scheme);
        let tensors = found["tensors"].as_array().unwrap();
        let used: BTreeSet<&str> = tensors.iter().map(|tensor| tensor["scheme"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> = schemes.iter().copied().chain(["f32"]).collect();
        assert_eq!((used, found["policy"].as_str()), (expected, Some(scheme)));
        let kept =
            |tensor: &&Value| tensor["component"] == "transformer" && tensor["name"] == "proj_out.weight";
        assert_eq!(tensors.iter().find(kept).unwrap()["scheme"], "f32");
        sizes
            .push(SHARDS.iter().map(|shard| sandbox.read(&format!("{scheme}/{shard}")).len()).sum::<usize>());

        let done = sandbox.run(&["verify", scheme]);
        assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:?}");
        assert!(done.stderr.starts_with("verified  4 shards, "), "{done:?}");
        assert_eq!(sandbox.run(&["verify", "-q", scheme]).stderr, "");

        let (picture, model) = (format!("{scheme}.png"), sandbox.path(scheme));
        let done = sandbox.run(&[
            "generate",
            "two words",
            "-s",
            "5",
            "-o",
            &picture,
            "--model",
            model.to_str().unwrap(),
            "-W",
            "64",
            "-H",
            "64",
            "--steps",
            "3",
            "--device",
            "cpu",
        ]);
        assert_eq!(done.code, 0, "{done:?}");
        let (width, height, _) = pixels(&sandbox.path(&picture));
        assert_eq!((width, height), (64, 64));
    }
    assert!(sizes.is_sorted(), "q4, mixed and q8 take {sizes:?} bytes");
}

/// The tiny model with all weights as floats of eight bits, in the folder `eight`.
fn at_eight_bits(sandbox: &Sandbox) -> String {
    let folder = sandbox.path("eight");
    for (name, bytes) in files(&tiny_random()) {
        let to = folder.join(&name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if !name.ends_with(".safetensors") {
            fs::write(to, bytes).unwrap();
            continue;
        }
        let source: MemorySource = [("w", bytes)].into_iter().collect();
        let part = block_on(Component::open_file(Arc::new(source), "w")).unwrap();
        let tensors =
            part.tensors().map(|(name, stored)| (name.to_owned(), Dtype::F8E4m3, stored.shape.clone()));
        let (mut bytes, _) = safetensors_header(tensors);
        for (name, _) in part.tensors() {
            bytes.extend(Scheme::F8.float_bytes(&block_on(part.read_f32(name)).unwrap()));
        }
        fs::write(to, bytes).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn floats_of_eight_bits_stay_what_they_are_or_are_packed() {
    let sandbox = Sandbox::new();
    let model = at_eight_bits(&sandbox);
    let generate = |model: &str, args: &[&str]| {
        let done =
            sandbox.run(&[&["generate", "--model", model, "--steps", "2", "--device", "cpu"], args].concat());
        assert_eq!(done.code, 0, "{done:?}");
    };
    let small = ["two words", "-s", "5", "-W", "64", "-H", "64"];
    generate(&model, &[&small[..], &["-o", "model.png", "--save-blueprint", "plan.json"]].concat());
    for (scheme, expected) in [("keep", &["f8"][..]), ("q8", &["f8", "q8"]), ("q4", &["f8", "q4", "q8"])] {
        let done = quantize(&sandbox, &model, &["-q", "-o", scheme, "--scheme", scheme]);
        assert_eq!(done.code, 0, "{done:?}");
        let found = manifest(&sandbox, scheme);
        let tensors = found["tensors"].as_array().unwrap();
        let used: BTreeSet<&str> = tensors.iter().map(|tensor| tensor["scheme"].as_str().unwrap()).collect();
        assert_eq!(used, expected.iter().copied().collect(), "{scheme}");
        assert_eq!(sandbox.run(&["verify", "-q", scheme]).code, 0);
        let picture = format!("{scheme}.png");
        generate(sandbox.path(scheme).to_str().unwrap(), &["--blueprint", "plan.json", "-o", &picture]);
    }
    // Bytes of weights: one each, in file and pack alike; and of the codes of a matrix on the device.
    let weights: usize = files(Path::new(&model))
        .iter()
        .filter(|(name, _)| name.ends_with(".safetensors"))
        .map(|(_, bytes)| bytes.len())
        .sum();
    let kept: usize = SHARDS.iter().map(|shard| sandbox.read(&format!("keep/{shard}")).len()).sum();
    assert!(kept.abs_diff(weights) < weights / 4, "{kept} of {weights}");
    let planned = |model: &str| -> u64 {
        let done = sandbox.run(&["plan", "--json", "-W", "64", "-H", "64", "--model", model]);
        let plan: Value = serde_json::from_str(&done.stdout).unwrap();
        plan["stages"].as_array().unwrap().iter().map(|stage| stage["weights"].as_u64().unwrap()).sum()
    };
    // What is no matrix is computed with as f32; of two bytes each would be two thirds.
    assert!(5 * planned("keep") < 3 * planned(&model), "{} of {}", planned("keep"), planned(&model));
    // The same weights, added up in another order.
    let [(_, _, model), (_, _, keep)] = ["model.png", "keep.png"].map(|file| pixels(&sandbox.path(file)));
    let off = model.iter().zip(&keep).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(off <= 2, "off by {off} levels");
    let error = sandbox.run(&["quantize", "keep", "-o", "again"]).stderr;
    assert!(error.contains("is a pack"), "{error}");
}

#[test]
fn a_policy_of_ones_own_decides() {
    let sandbox = Sandbox::new();
    let policy = json!({
        "name": "mine",
        "rules": [
            {"tensors": "transformer/*.norm1.*", "treatment": "q4-offset"},
            {"tensors": "transformer/*", "treatment": "keep"},
        ],
        "otherwise": "q8",
    });
    sandbox.write("mine.json", policy.to_string());
    pack(&sandbox, "pack", &["--policy", "mine.json", "--search", "nearest"]);
    let found = manifest(&sandbox, "pack");
    assert_eq!((found["policy"].as_str(), found["search"].as_str()), (Some("mine"), Some("nearest")));
    let mut used = BTreeSet::new();
    for tensor in found["tensors"].as_array().unwrap() {
        let part = match (tensor["component"].as_str().unwrap(), tensor["name"].as_str().unwrap()) {
            ("transformer", name) if name.contains(".norm1.") => "norm1",
            ("transformer", _) => "transformer",
            _ => "rest",
        };
        used.insert((part, tensor["scheme"].as_str().unwrap().to_owned()));
    }
    let has = |part, scheme: &str| used.contains(&(part, scheme.to_owned()));
    assert!(has("norm1", "q4-offset") && has("transformer", "f32") && has("rest", "q8"), "{used:?}");
    assert!(!has("transformer", "q8") && !has("rest", "q4-offset"), "{used:?}");
}

#[test]
fn policies_that_cannot_be_meant_are_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let model = tiny_random();
    let model = model.to_str().unwrap();
    let policy = |tensors: &str| {
        json!({"name": "p", "rules": [{"tensors": tensors, "treatment": "keep"}], "otherwise": "q4"})
            .to_string()
    };
    for (text, words) in [
        (policy("transformer/*.norm7.*"), &["p.json", "transformer/*.norm7.*", "no tensor"][..]),
        // A rule that only another one's tensors would match is a slip, too.
        (policy("lm_head.weight"), &["p.json", "lm_head.weight", "no tensor"]),
        (policy("*").replace("keep", "q5"), &["p.json", "q5", "line 1"]),
        (policy("*").replace("name", "nome"), &["p.json", "nome"]),
        ("{".to_owned(), &["p.json", "line 1"]),
    ] {
        sandbox.write("p.json", text);
        refused_with(&quantize(&sandbox, model, &["-o", "pack", "--policy", "p.json"]), words);
    }
    refused_with(
        &quantize(&sandbox, model, &["-o", "pack", "--policy", "q.json"]),
        &["q.json", "No such file"],
    );
    let both = quantize(&sandbox, model, &["-o", "pack", "--policy", "p.json", "--scheme", "q4"]);
    assert!(
        both.code == 2 && both.stderr.contains("--policy") && both.stderr.contains("--scheme"),
        "{both:?}"
    );
    assert_eq!(sandbox.files(), ["p.json"]);
}

#[test]
fn both_searches_make_packs_of_one_size_and_other_bytes() {
    let sandbox = Sandbox::new();
    for search in ["nearest", "least-squares"] {
        pack(&sandbox, search, &["--search", search]);
        assert_eq!(manifest(&sandbox, search)["search"], search);
        assert_eq!(sandbox.run(&["verify", search]).code, 0);
    }
    pack(&sandbox, "default", &[]);
    same_files(&sandbox.path("default"), &sandbox.path("least-squares"));
    let [nearest, searched] =
        ["nearest", "least-squares"].map(|name| sandbox.read(&format!("{name}/{}", SHARDS[1])));
    assert!(nearest.len() == searched.len() && nearest != searched);
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    let model = tiny_random();
    let model = model.to_str().unwrap();
    fs::create_dir(sandbox.path("full")).unwrap();
    sandbox.write("full/notes.txt", "mine");
    let done = quantize(&sandbox, model, &["-o", "full"]);
    refused_with(&done, &["full", "new or empty folder", "found files"]);
    assert_eq!(files(&sandbox.path("full")), BTreeMap::from([("notes.txt".to_owned(), b"mine".to_vec())]));

    refused_with(&quantize(&sandbox, model, &["-o", "full/notes.txt"]), &["full/notes.txt"]);
    assert_eq!(sandbox.read("full/notes.txt"), b"mine");

    pack(&sandbox, "pack", &[]);
    pack(&sandbox, "same", &[]);
    for args in [&["-o", "pack"][..], &["-o", "pack", "--scheme", "q8"]] {
        refused_with(&quantize(&sandbox, model, args), &["pack", "new or empty folder", "finished pack"]);
    }
    same_files(&sandbox.path("pack"), &sandbox.path("same"));

    // An empty folder is as good as none.
    fs::create_dir(sandbox.path("empty")).unwrap();
    pack(&sandbox, "empty", &[]);
    same_files(&sandbox.path("empty"), &sandbox.path("same"));
}

#[test]
fn a_pack_of_a_pack_is_refused() {
    let sandbox = desk_with_pack();
    refused_with(&quantize(&sandbox, "pack", &["-o", "again"]), &["CHECKPOINT", "pack is a pack"]);
    assert_eq!(sandbox.files(), ["pack"]);
}

/// The built-in model: its third shard is the largest.
const MINI: [&str; 3] = ["mini", "--search", "nearest"];

/// A limit on the size of files, in blocks of 512 bytes, stands for a full disk.
#[cfg(unix)]
fn limited(sandbox: &Sandbox, blocks: &str, args: &[&str]) -> Output {
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"",
        blocks,
        env!("CARGO_BIN_EXE_atelier"),
    ]);
    common::finish(command.arg("quantize").args(args).current_dir(sandbox.path(".")))
}

/// Stops at the third of the four shards.
#[cfg(unix)]
fn stopped(sandbox: &Sandbox, name: &str) -> Output {
    limited(sandbox, "8500", &[&MINI[..], &["-o", name]].concat())
}

#[cfg(unix)]
#[test]
fn what_was_stopped_goes_on_and_gives_the_same_bytes() {
    let sandbox = Sandbox::new();
    let done = sandbox.run(&[&["quantize"], &MINI[..], &["-o", "whole"]].concat());
    assert_eq!(done.code, 0, "{done:?}");

    let done = stopped(&sandbox, "pack");
    refused_with(&done, &["pack/painter-00001.partial", "cannot write"]);
    let left = files(&sandbox.path("pack"));
    let names: Vec<&str> = left.keys().map(String::as_str).collect();
    let expected = [SHARDS[1], NOTES, "painter-00001.partial", "processor/tokenizer.json", SHARDS[0]];
    assert_eq!(names, expected);
    // Nothing takes it for a model.
    for command in ["verify", "quantize"] {
        let args: &[&str] = if command == "quantize" { &["-o", "x"] } else { &[] };
        let done = sandbox.run(&[&[command, "pack"], args].concat());
        refused_with(&done, &["pack", "unfinished pack", "resume"]);
    }
    let done = sandbox.run(&["generate", "x", "--model", "pack", "-o", "a.png"]);
    refused_with(&done, &["pack", "unfinished pack", "resume"]);

    // Of other settings: refused, and nothing of it is lost.
    for args in
        [&["mini", "--search", "least-squares"][..], &["mini", "--search", "nearest", "--scheme", "q8"]]
    {
        let done = sandbox.run(&[&["quantize", "-o", "pack"], args].concat());
        refused_with(&done, &["pack", "unfinished pack", "other settings"]);
    }
    let other = tiny_random();
    let done = quantize(&sandbox, other.to_str().unwrap(), &["--search", "nearest", "-o", "pack"]);
    refused_with(&done, &["pack", "another model"]);
    assert!(files(&sandbox.path("pack")) == left, "a refusal changed something");

    // The same once more: what is done stays as it is.
    let written = |shard: &str| fs::metadata(sandbox.path("pack").join(shard)).unwrap().modified().unwrap();
    let before = [written(SHARDS[0]), written(SHARDS[1])];
    let done = sandbox.run(&[&["quantize"], &MINI[..], &["-o", "pack"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("resuming: 5.8 MB done"), "{done:?}");
    assert_eq!([written(SHARDS[0]), written(SHARDS[1])], before);
    same_files(&sandbox.path("pack"), &sandbox.path("whole"));
}

#[cfg(unix)]
#[test]
fn finished_shards_that_are_gone_or_cut_are_made_again() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run(&[&["quantize", "-q"], &MINI[..], &["-o", "whole"]].concat());
    assert_eq!(whole.code, 0, "{whole:?}");
    for gone in [false, true] {
        let name = format!("pack-{gone}");
        assert_eq!(stopped(&sandbox, &name).code, 2);
        let shard = sandbox.path(&name).join(SHARDS[1]);
        if gone {
            fs::remove_file(&shard).unwrap();
        } else {
            let bytes = fs::read(&shard).unwrap();
            fs::write(&shard, &bytes[..bytes.len() - 1]).unwrap();
        }
        let done = sandbox.run(&[&["quantize"], &MINI[..], &["-o", &name]].concat());
        assert!(done.code == 0 && done.stderr.contains("resuming: 1.8 MB done"), "{done:?}");
        same_files(&sandbox.path(&name), &sandbox.path("whole"));
    }
}

#[cfg(unix)]
#[test]
fn a_number_that_json_does_not_give_back_exactly_does_not_keep_a_run_from_going_on() {
    let sandbox = Sandbox::with_copy();
    let config = sandbox.model.join("vae/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen('{', "{\"note\": 0.090494076670778435,", 1)).unwrap();
    let args = ["model", "-q", "-o", "pack"];
    refused_with(&limited(&sandbox, "1000", &args), &["pack/sources-00001.partial", "cannot write"]);
    let done = quantize(&sandbox, "model", &["-q", "-o", "pack"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(sandbox.run(&["verify", "pack"]).code, 0);
}

/// Between the manifest, which comes last, and the removal of the notes.
#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_after_its_last_shard_is_finished_by_the_same_command() {
    let sandbox = Sandbox::new();
    assert_eq!(stopped(&sandbox, "pack").code, 2);
    let notes = sandbox.read(&format!("pack/{NOTES}"));
    let done = sandbox.run(&[&["quantize", "-q"], &MINI[..], &["-o", "pack"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let whole = files(&sandbox.path("pack"));
    let mut notes: Value = serde_json::from_slice(&notes).unwrap();
    notes["done"] = manifest(&sandbox, "pack")["shards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shard| shard["file"]["sha256"].clone())
        .collect();
    sandbox.write(&format!("pack/{NOTES}"), notes.to_string());
    let done = sandbox.run(&[&["quantize", "-q"], &MINI[..], &["-o", "pack"]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert!(files(&sandbox.path("pack")) == whole);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_it_and_the_same_command_goes_on() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let sandbox = Sandbox::new();
    // The thorough search takes seconds: it is not done before the signal comes.
    let args = ["quantize", "mini", "-o", "pack"];
    let mut command = sandbox.command();
    let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert!(first.starts_with("16 MB to 12 MB: "), "{first}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(lines.last().as_deref(), Some("cancelled"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left = files(&sandbox.path("pack"));
    assert!(left.contains_key(NOTES) && !left.contains_key("pack.json"), "{:?}", left.keys());
    assert!(!left.keys().any(|name| name.contains(".tmp")), "{:?}", left.keys());

    for args in [args, ["quantize", "mini", "-o", "whole"]] {
        let done = sandbox.run(&args);
        assert_eq!(done.code, 0, "{done:?}");
    }
    same_files(&sandbox.path("pack"), &sandbox.path("whole"));
    assert_eq!(sandbox.run(&["verify", "pack"]).code, 0);
}

/// A shard with the `bit` of a byte changed at `from_end`.
fn flip(sandbox: &Sandbox, shard: &str, from_end: usize) {
    let mut bytes = sandbox.read(&format!("pack/{shard}"));
    let at = bytes.len() - from_end;
    bytes[at] ^= 1;
    sandbox.write(&format!("pack/{shard}"), bytes);
}

#[test]
fn a_flipped_bit_is_found_by_verify_and_before_anything_is_painted() {
    for shard in SHARDS {
        let sandbox = desk_with_pack();
        flip(&sandbox, shard, 100);
        for args in [&["verify", "pack"][..], &["verify", "-q", "pack"]] {
            refused_with(&sandbox.run(args), &[shard, "SHA-256", "damaged"]);
        }
        if shard == SHARDS[0] {
            // Only source images need it.
            sandbox.draw(&["x", "-o", "a.png"]);
            common::save_picture(&sandbox.path("s.png"), 64, 64);
            sandbox.refused(&["x", "-i", "s.png", "-o", "b.png"], &[shard, "SHA-256", "damaged"]);
        } else {
            sandbox.fails(&["x", "-o", "a.png"], &[shard, "SHA-256", "damaged"]);
            // The architect may have written a blueprint before, which is kept.
            let files = sandbox.files();
            assert!(files.iter().all(|file| file == "pack" || file == "a.unfinished.json"), "{files:?}");
        }
    }
}

#[test]
fn a_damaged_tokenizer_is_told_by_its_hash() {
    let sandbox = desk_with_pack();
    flip(&sandbox, "processor/tokenizer.json", 1);
    let words = ["processor/tokenizer.json", "SHA-256", "damaged"];
    refused_with(&sandbox.run(&["verify", "pack"]), &words);
    sandbox.refused(&["x", "-o", "a.png"], &words);
}

#[test]
fn a_shard_that_is_cut_or_gone_is_found_at_once() {
    let sandbox = desk_with_pack();
    let last = SHARDS[3];
    let path = sandbox.path("pack").join(last);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let (expected, found) = (format!("expected {} bytes", bytes.len()), format!("found {}", bytes.len() - 1));
    refused_with(&sandbox.run(&["verify", "pack"]), &[last, &expected, &found]);
    // Before the architect is loaded, though only the decoder reads it.
    sandbox.refused(&["x", "--blueprint-only"], &[last, &expected, &found]);
    fs::remove_file(&path).unwrap();
    refused_with(&sandbox.run(&["verify", "pack"]), &[last, "no such file"]);
    sandbox.refused(&["x", "-o", "a.png"], &[last, "no such file"]);
}

#[test]
fn what_is_no_pack_is_not_verified() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    let model = tiny_random();
    for folder in [model.to_str().unwrap(), "empty"] {
        refused_with(&sandbox.run(&["verify", folder]), &[folder, "expected a pack", "no pack.json"]);
    }
    refused_with(&sandbox.run(&["verify", "nowhere"]), &["nowhere", "no such folder"]);
}

#[test]
fn a_manifest_that_says_too_little_is_refused() {
    let sandbox = desk_with_pack();
    let good = manifest(&sandbox, "pack");
    let bad = |change: &dyn Fn(&mut Value), words: &[&str]| {
        let mut manifest = good.clone();
        change(&mut manifest);
        sandbox.write("pack/pack.json", manifest.to_string());
        refused_with(&sandbox.run(&["verify", "pack"]), words);
        sandbox.refused(&["x", "-o", "a.png"], words);
    };
    // A stage that nobody loads would never be verified.
    bad(&|m| m["shards"][1]["stage"] = json!("architecture"), &["pack.json", SHARDS[1], "\"architecture\""]);
    bad(&|m| m["shards"][1]["stage"] = json!("painter"), &["pack.json", "stage architect", SHARDS[1]]);
    bad(&|m| drop(m["configs"].as_object_mut().unwrap().remove("vae/config.json")), &["vae/config.json"]);
    bad(
        &|m| m["configs"]["transformer/config.json"]["num_layers"] = json!(1000),
        &["transformer", "expected shape", "no such tensor"],
    );
    bad(&|m| m["files"][0]["path"] = json!("../tokenizer.json"), &["pack.json", "../tokenizer.json"]);
}

#[test]
fn a_checkpoints_blueprint_is_painted_by_its_pack_alone() {
    let sandbox = desk_with_pack();
    let mut whole = Sandbox::new();
    whole.draw(&["x", "--blueprint-only", "--save-blueprint", "b.json", "-s", "3"]);
    sandbox.write("b.json", whole.read("b.json"));
    sandbox.draw(&["--blueprint", "b.json", "-o", "a.png", "--steps", "2"]);
    assert_eq!(pixels(&sandbox.path("a.png")).0, 64);
    // A pack of another model does not know it.
    let done = sandbox.run(&["quantize", "mini", "-q", "-o", "other", "--search", "nearest"]);
    assert_eq!(done.code, 0, "{done:?}");
    whole.model = sandbox.path("other");
    whole.refused(&["--blueprint", "b.json", "-o", "a.png", "--steps", "2"], &["b.json", "model"]);
}

#[test]
fn a_seed_gives_one_blueprint_from_a_pack() {
    let sandbox = desk_with_pack();
    for file in ["a.json", "b.json"] {
        sandbox.draw(&["x", "--blueprint-only", "--save-blueprint", file, "-s", "7"]);
    }
    assert_eq!(sandbox.read("a.json"), sandbox.read("b.json"));
    let blueprint: Value = serde_json::from_slice(&sandbox.read("a.json")).unwrap();
    let done = sandbox.draw(&["--blueprint", "a.json", "--json", "--steps", "1", "-o", "a.png"]);
    // The files of each stage are compared before they are loaded.
    let kinds: Vec<String> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["stage"] == "painter")
        .map(|event| event["event"].as_str().unwrap().to_owned())
        .collect();
    let loads = kinds.iter().position(|kind| kind == "load").unwrap();
    assert!(loads > 0 && kinds[..loads].iter().all(|kind| kind == "verify"), "{kinds:?}");
    assert_ne!(blueprint["model"], manifest(&sandbox, "pack")["source"]);
}

#[test]
fn the_help_says_how_to_go_on() {
    let sandbox = Sandbox::new();
    for (command, words) in
        [("quantize", &["Rerun the command to resume after Ctrl-C"][..]), ("verify", &["resume", "damaged"])]
    {
        let done = sandbox.run(&[command, "--help"]);
        let text = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(done.code == 0 && text.contains(word), "{command}: no {word:?} in {text}");
        }
    }
}

#[test]
fn a_calibration_weighs_errors_and_is_noted() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts.txt", "A card with 'HI'.\n\n");
    sandbox.write("none.txt", "\n");
    let quantize = |output: &str, more: &[&str]| {
        sandbox.run(&[&["quantize", sandbox.model.to_str().unwrap(), "-o", output, "-q"], more].concat())
    };
    let (plain, weighed) = (quantize("plain", &[]), quantize("weighed", &["--calibrate", "prompts.txt"]));
    assert_eq!((plain.code, weighed.code), (0, 0), "{plain:?}, {weighed:?}");
    let manifest = |pack: &str| -> Value {
        serde_json::from_slice(&sandbox.read(&format!("{pack}/pack.json"))).unwrap()
    };
    assert_eq!(manifest("plain")["calibrated"], Value::Null);
    assert_eq!(manifest("weighed")["calibrated"].as_str().map(str::len), Some(64));
    let shard = |pack: &str| sandbox.read(&format!("{pack}/architect-00001.safetensors"));
    assert_ne!(shard("plain"), shard("weighed"), "errors in every column counted alike");
    let refused = quantize("refused", &["--calibrate", "none.txt"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("none.txt: expected one prompt a line"),
        "{refused:?}"
    );
}
