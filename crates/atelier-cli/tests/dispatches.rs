//! How many kernels a token costs: a dispatch through WebGPU takes as long as reading megabytes of weights.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::Sandbox;
use serde_json::Value;

/// Layers of the built-in model's architect.
const LAYERS: usize = 6;
/// The most kernels of a layer, and of everything else: embedding, norm, head, the choice of the token.
const OF_LAYER: usize = 10;
const OF_REST: usize = 6;

/// Kernels of a whole blueprint of a square of this side, and its tokens.
fn count(sandbox: &Sandbox, side: &str) -> (usize, usize) {
    // burn's own count of everything it launches.
    sandbox.write("cubecl.toml", "[profiling]\nlogger = { level = \"minimal\", file = \"launched.log\" }\n");
    let adapter = common::adapter();
    let size = ["-s", "1", "-H", side, "-W", side];
    let place = ["--device", "gpu", "--adapter", &adapter, "--model", "pack", "--blueprint-only", "-q"];
    let done = sandbox.run(&[&["generate", "A red sign that says 'A'."], &size[..], &place].concat());
    let blueprint: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    let tokens = ["draft", "large"].iter().map(|grid| blueprint[grid]["ids"].as_array().unwrap().len()).sum();
    let launched = String::from_utf8(sandbox.read("launched.log")).unwrap();
    std::fs::remove_file(sandbox.path("launched.log")).unwrap();
    (launched.lines().filter(|line| line.starts_with("Executing")).count(), tokens)
}

#[test]
fn a_token_takes_at_most_ten_kernels_a_layer() {
    let sandbox = Sandbox::new();
    let packed = sandbox.run(&["quantize", "mini", "-o", "pack", "-q"]);
    assert_eq!(packed.code, 0, "{packed:?}");
    let (few, few_tokens) = count(&sandbox, "64");
    let (many, many_tokens) = count(&sandbox, "160");
    assert!(many_tokens > few_tokens, "{few_tokens} and {many_tokens} tokens");
    // What both runs have in common, reading the prompt, falls out.
    let of_token = (many - few) / (many_tokens - few_tokens);
    println!("{of_token} kernels a token, {LAYERS} layers");
    assert!((LAYERS..=LAYERS * OF_LAYER + OF_REST).contains(&of_token), "{of_token} kernels a token");
}
