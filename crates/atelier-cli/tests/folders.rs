//! Folders that people have: each is used, or the program says what it is and what to do.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Sandbox, tiny_random};
use serde_json::Value;
use testkit::Random;

/// Every file of a folder, by its path in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut queue = vec![folder.to_owned()];
    while let Some(place) = queue.pop() {
        for entry in fs::read_dir(&place).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                queue.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

/// What `doctor` says of a path: as JSON, and for a person.
fn explained(sandbox: &Sandbox, path: &str) -> (Value, String) {
    let done = sandbox.run(&["doctor", "--model", path, "--json"]);
    assert_eq!(done.code, 0, "{path}: {done:?}");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let told = sandbox.run(&["doctor", "--model", path]);
    assert_eq!(told.code, 0, "{path}: {told:?}");
    let told = told.stdout.split_once("\nModel\n").unwrap().1.to_owned();
    (report["model"].clone(), told)
}

/// The tiny model as Hugging Face's tools store it: a folder of links.
#[cfg(unix)]
fn make_cache(sandbox: &Sandbox) -> PathBuf {
    let cache = sandbox.path("hub/models--zai-org--GLM-Image");
    for folder in ["blobs", "refs", "snapshots/0123abc"] {
        fs::create_dir_all(cache.join(folder)).unwrap();
    }
    fs::write(cache.join("refs/main"), "0123abc").unwrap();
    for (number, file) in files(&tiny_random()).iter().enumerate() {
        let blob = format!("blobs/{number:040x}");
        fs::copy(tiny_random().join(file), cache.join(&blob)).unwrap();
        let link = cache.join("snapshots/0123abc").join(file);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let up = "../".repeat(2 + file.components().count() - 1);
        std::os::unix::fs::symlink(up + &blob, link).unwrap();
    }
    cache
}

#[cfg(unix)]
#[test]
fn a_download_cache_is_used_as_it_is() {
    let mut sandbox = Sandbox::new();
    let cache = make_cache(&sandbox);
    sandbox.draw(&["a 'b'", "-s", "1", "--steps", "1", "-o", "plain.png", "--no-metadata"]);
    for model in [cache.clone(), cache.join("snapshots/0123abc")] {
        sandbox.model = model;
        sandbox.draw(&["a 'b'", "-s", "1", "--steps", "1", "-o", "cached.png", "--no-metadata"]);
        assert!(sandbox.read("plain.png") == sandbox.read("cached.png"));
    }
    let (report, told) = explained(&sandbox, "hub/models--zai-org--GLM-Image");
    assert_eq!(
        (&report["usable"], &report["kind"]),
        (&true.into(), &"a download cache of Hugging Face".into())
    );
    assert!(report["folder"].as_str().unwrap().ends_with("snapshots/0123abc"), "{report}");
    assert!(report["memory"]["needed"].as_u64().unwrap() > 0, "{report}");
    assert!(told.contains("its files are in hub/models--zai-org--GLM-Image/snapshots/0123abc"), "{told}");
    // The folder around it is one step too far out.
    sandbox.model = sandbox.path("hub");
    sandbox.refused(&["x"], &["all download caches", "give ", "hub/models--zai-org--GLM-Image"]);
    // A download that was cut short.
    let link = cache.join("snapshots/0123abc/vae/diffusion_pytorch_model.safetensors");
    fs::remove_file(link.canonicalize().unwrap()).unwrap();
    let (report, told) = explained(&sandbox, "hub/models--zai-org--GLM-Image");
    assert_eq!(report["usable"], false);
    assert_eq!(report["broken_links"], serde_json::json!(["vae/diffusion_pytorch_model.safetensors"]));
    assert!(told.contains("vae                       missing: no weights found"), "{told}");
    assert!(told.contains("next: links lead nowhere: run the download again"), "{told}");
}

#[test]
fn a_variant_is_used_where_plain_files_are_missing() {
    let sandbox = Sandbox::with_copy();
    let plain = sandbox.draw(&["a 'b'", "-s", "1", "--steps", "1", "-o", "plain.png", "--no-metadata"]);
    for (component, stem) in [
        ("vision_language_encoder", "model"),
        ("text_encoder", "model"),
        ("transformer", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ] {
        let place = |end: &str| sandbox.model.join(component).join(format!("{stem}{end}"));
        fs::rename(place(".safetensors"), place(".fp16.safetensors"))
            .unwrap_or_else(|error| panic!("{error}; {plain:?}"));
    }
    sandbox.draw(&["a 'b'", "-s", "1", "--steps", "1", "-o", "variant.png", "--no-metadata"]);
    assert!(sandbox.read("plain.png") == sandbox.read("variant.png"));
    let (report, told) = explained(&sandbox, "model");
    assert_eq!((&report["usable"], &report["components"][0]["variant"]), (&true.into(), &"fp16".into()));
    assert!(told.contains(", f32, variant fp16\n"), "{told}");
}

#[test]
fn whatever_is_no_model_is_explained() {
    let mut sandbox = Sandbox::with_copy();
    sandbox.write("model.gguf", b"GGUF\x03\0\0\0");
    sandbox.write("weights.ckpt", b"PK\x03\x04");
    sandbox.write("letter.txt", "x");
    fs::create_dir(sandbox.path("empty")).unwrap();
    fs::create_dir_all(sandbox.path("flux/transformer")).unwrap();
    sandbox.write("flux/model_index.json", "{\"_class_name\": \"FluxPipeline\"}");
    fs::remove_file(sandbox.model.join("scheduler/scheduler_config.json")).unwrap();
    fs::write(sandbox.model.join("vae/diffusion_pytorch_model.safetensors"), "cut").unwrap();
    for (path, kind, next) in [
        ("model.gguf", "a GGUF file", "only safetensors can be read"),
        ("weights.ckpt", "a file of pickled weights", "only safetensors can be read"),
        ("letter.txt", "a file", "give the folder that has model_index.json"),
        ("empty", "an empty folder", "give the folder that has model_index.json"),
        ("model/transformer", "one component of a checkpoint", "give the folder model"),
        (
            "model/vae/diffusion_pytorch_model.safetensors",
            "a single safetensors file",
            "give the folder model",
        ),
        (".", "a folder without a model", "give ./flux or ./model"),
        ("nowhere", "nothing", "check the path"),
        ("flux", "a checkpoint", "it is a checkpoint of FluxPipeline: only GlmImagePipeline can be run"),
        ("model", "a checkpoint", "files are missing or damaged: run the download again"),
    ] {
        let (report, told) = explained(&sandbox, path);
        assert_eq!((&report["usable"], &report["kind"]), (&false.into(), &kind.into()), "{path}");
        assert!(report["next"].as_str().unwrap().contains(next), "{path}: {report}");
        assert!(
            told.contains(&format!("next: {next}")) && told.contains("cannot be used: "),
            "{path}: {told}"
        );
        // A run says the same before it begins.
        if !["nowhere", "flux", "model"].contains(&path) {
            sandbox.model = path.into();
            sandbox.refused(&["x"], &[path, kind, next]);
        }
    }
    // The same is not said twice.
    let (_, told) = explained(&sandbox, "model.gguf");
    assert_eq!(told.matches("only safetensors can be read").count(), 1, "{told}");
    let (report, told) = explained(&sandbox, "model");
    assert_eq!((&report["components"][3]["state"]), &serde_json::json!("damaged"), "{report}");
    assert!(told.contains("vae                       damaged: "), "{told}");
    assert_eq!(report["missing"], serde_json::json!(["scheduler/scheduler_config.json"]));
    let problems: Vec<bool> =
        report["components"].as_array().unwrap().iter().map(|part| part["problem"].is_string()).collect();
    assert_eq!(problems, [false, false, false, true], "{report}");
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_broken_links_are_named() {
    let mut sandbox = Sandbox::new();
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    std::os::unix::fs::symlink("gone", sandbox.path("link")).unwrap();
    for (path, kind) in [
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("/dev/zero", "a device"),
        ("link", "a link to nothing"),
    ] {
        let (report, told) = explained(&sandbox, path);
        assert_eq!((&report["usable"], &report["kind"]), (&false.into(), &kind.into()), "{path}");
        let next = report["next"].as_str().unwrap();
        assert_eq!(told.matches(next).count(), 1, "{path}: {told}");
        sandbox.model = path.into();
        sandbox.refused(&["x"], &[path, kind, next]);
    }
}

/// Whatever is in a folder: `doctor` ends well, and a run ends with a message.
#[test]
fn junk_is_explained_too() {
    let sandbox = Sandbox::new();
    let mut random = Random(9);
    let names: Vec<PathBuf> = files(&tiny_random());
    for round in 0..40 {
        let folder = sandbox.path(&format!("junk{round}"));
        for name in &names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let whole = fs::read(tiny_random().join(name)).unwrap();
            match random.below(8) {
                0 => continue,
                1 => fs::create_dir(&path).unwrap(),
                2 => fs::write(&path, &whole[..random.below(whole.len())]).unwrap(),
                3 => {
                    let mut bytes = whole;
                    let at = random.below(bytes.len().clamp(1, 4000));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << random.below(8);
                    }
                    fs::write(&path, bytes).unwrap();
                }
                4 => fs::write(&path, vec![b'{'; random.below(40)]).unwrap(),
                _ => fs::write(&path, whole).unwrap(),
            }
        }
        let done = sandbox.run(&["doctor", "--json", "--model", folder.to_str().unwrap()]);
        assert_eq!(done.code, 0, "{round}: {done:?}");
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        let usable = report["model"]["usable"].as_bool().unwrap();
        assert!(usable || report["model"]["next"].is_string(), "{round}: {}", done.stdout);
        assert!(!done.stderr.contains("panicked"), "{round}: {done:?}");
    }
}
