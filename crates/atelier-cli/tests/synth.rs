//! `atelier synth`: random models that behave like any other.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;

use atelier_weights::Manifest;
use common::Sandbox;
use serde_json::Value;

fn json(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_slice(&sandbox.read(name)).unwrap()
}

fn make(sandbox: &Sandbox, name: &str, args: &[&str]) {
    let done = sandbox.run(&[&["synth", "--like", "mini", "-q", "-o", name], args].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{args:?}: {done:?}");
}

#[test]
fn a_random_pack_is_whole_and_writes_a_blueprint() {
    let mut sandbox = Sandbox::new();
    make(&sandbox, "pack", &["--layers", "1", "--scheme", "mixed"]);
    let manifest = json(&sandbox, "pack/pack.json");
    assert_eq!(manifest["policy"], "mixed");
    let config = &manifest["configs"]["vision_language_encoder/config.json"];
    assert_eq!(config["text_config"]["num_hidden_layers"], 1);
    assert_eq!(config["text_config"]["hidden_size"], 192);
    assert_eq!(manifest["configs"]["transformer/config.json"]["num_layers"], 1);
    let verified = sandbox.run(&["verify", "pack", "-q"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    sandbox.model = sandbox.path("pack");
    sandbox.draw(&["A poster that says 'HI'", "-o", "a.png", "-q", "--steps", "1"]);
}

#[test]
fn a_seed_is_a_model_and_an_interrupted_one_goes_on() {
    let sandbox = Sandbox::new();
    make(&sandbox, "a", &["--layers", "1"]);
    make(&sandbox, "b", &["--layers", "1"]);
    assert!(sandbox.read("a/pack.json") == sandbox.read("b/pack.json"));
    make(&sandbox, "c", &["--layers", "1", "--seed", "1"]);
    assert_ne!(json(&sandbox, "a/pack.json")["shards"], json(&sandbox, "c/pack.json")["shards"]);
    // As after an interruption: notes of the first shard, and nothing else.
    let mut manifest: Manifest = serde_json::from_slice(&sandbox.read("b/pack.json")).unwrap();
    let done = vec![manifest.shards[0].file.sha256.clone()];
    manifest.shards.iter_mut().for_each(|shard| shard.file.sha256.clear());
    fs::remove_file(sandbox.path("b/pack.json")).unwrap();
    fs::remove_file(sandbox.path("b/painter-00001.safetensors")).unwrap();
    let notes = serde_json::json!({"manifest": serde_json::to_string(&manifest).unwrap(), "done": done});
    sandbox.write("b/pack.json.partial", notes.to_string());
    make(&sandbox, "b", &["--layers", "1"]);
    assert!(sandbox.read("a/pack.json") == sandbox.read("b/pack.json"));
    assert!(sandbox.read("a/painter-00001.safetensors") == sandbox.read("b/painter-00001.safetensors"));
}

#[test]
fn a_random_checkpoint_is_read_as_the_public_one_is() {
    let mut sandbox = Sandbox::new();
    make(&sandbox, "checkpoint", &["--layers", "1", "--checkpoint"]);
    let done = sandbox.run(&["quantize", "checkpoint", "-o", "pack", "-q"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    sandbox.model = sandbox.path("checkpoint");
    sandbox.draw(&["A poster that says 'HI'", "-o", "a.png", "-q", "--steps", "1"]);
    let again = sandbox.run(&["synth", "--like", "mini", "-o", "checkpoint", "--checkpoint"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("expected a new or empty folder"), "{again:?}");
}

#[test]
fn no_layers_are_refused() {
    let done = Sandbox::new().run(&["synth", "--like", "mini", "-o", "x", "--layers", "0"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("from 1 to 1000"), "{done:?}");
}
