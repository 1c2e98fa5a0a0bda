//! `atelier bench` and `atelier eval fidelity`: what they report, and what they refuse.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Output, Sandbox};
use serde_json::{Value, json};

fn figures(done: &Output) -> Value {
    assert_eq!(done.code, 0, "{done:?}");
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"))
}

/// All of these are there, and above zero.
#[track_caller]
fn assert_positive(report: &Value, fields: &[&str]) {
    for field in fields {
        let value = field.split('.').fold(report, |value, name| &value[name]);
        assert!(value.as_f64().is_some_and(|value| value > 0.0), "{field}: {report}");
    }
}

const BENCH: [&str; 10] =
    ["bench", "--size", "64", "--tokens", "3", "--steps", "2", "--json", "--model", "pack"];

/// A pack of mini: small, and its kernels are those of the full model.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let packed = sandbox.run(&["quantize", "mini", "-o", "pack", "-q"]);
    assert_eq!(packed.code, 0, "{packed:?}");
    sandbox
}

#[test]
fn bench_measures_every_stage_and_its_ceilings() {
    let report = figures(&sandbox().run(&[&BENCH[..], &["--device", "cpu"]].concat()));
    assert_eq!((&report["size"], &report["device"]["device"]), (&json!(64), &json!("cpu")));
    let ceilings = ["copy_bytes_per_second", "dense_operations_per_second", "packed_operations_per_second"];
    assert_positive(&report["ceilings"], &ceilings);
    let fields = [
        "open_seconds",
        "architect.load_seconds",
        "architect.tokens_per_second",
        "architect.bandwidth_share",
        "painter.seconds_of_step",
        "painter.matmul_share",
        "vae.seconds",
        "peak_bytes",
    ];
    assert_positive(&report, &fields);
}

#[test]
fn bench_counts_kernels_on_a_gpu() {
    let adapter = common::adapter();
    let place = ["--device", "gpu", "--adapter", &adapter, "--dispatches", "--stage", "architect"];
    let sandbox = sandbox();
    let report = figures(&sandbox.run(&[&BENCH[..], &place].concat()));
    assert_eq!(report["device"]["device"], "gpu");
    assert_positive(&report, &["architect.kernels_of_token", "architect.tokens_per_second", "peak_bytes"]);
    assert!(report["painter"].is_null(), "{report}");
    assert_eq!(sandbox.files(), ["pack"], "counting leaves nothing behind");
}

#[test]
fn bench_refuses_before_it_measures() {
    let sandbox = Sandbox::new();
    for (args, words) in [
        (["--size", "33"], ["--size: expected", "33"]),
        (["--steps", "1"], ["--steps <COUNT>", "from 2 to 1000"]),
        (["--model", "nowhere"], ["nowhere", "no such folder"]),
    ] {
        let done = sandbox.run(&[&["bench", "--device", "cpu"], &args[..]].concat());
        assert_eq!(done.code, 2, "{done:?}");
        assert!(words.iter().all(|word| done.stderr.contains(word)), "{done:?}");
        assert!(!done.stderr.contains("measuring"), "{done:?}");
    }
}

fn fidelity(sandbox: &Sandbox, model: &str) -> Output {
    let prompts = json!({"data_list": [{"prompt": "A card with 'HI'.", "index": 3}]});
    sandbox.write("prompts.json", prompts.to_string());
    let checkpoint = sandbox.model.to_str().unwrap();
    let place =
        ["--against", checkpoint, "--device", "cpu", "--steps", "1", "-q", "--json", "--model", model];
    sandbox.run(&[&["eval", "fidelity", "prompts.json"], &place[..]].concat())
}

#[test]
fn fidelity_says_how_far_a_pack_is_from_its_checkpoint() {
    let sandbox = Sandbox::new();
    let checkpoint = sandbox.model.to_str().unwrap();
    for (pack, scheme) in [("same", "keep"), ("packed", "q4")] {
        let packed = sandbox.run(&["quantize", checkpoint, "-o", pack, "--scheme", scheme, "-q"]);
        assert_eq!(packed.code, 0, "{packed:?}");
    }
    let same = figures(&fidelity(&sandbox, "same"));
    assert_eq!((same["agreement"].as_f64(), same["prompts"].as_u64()), (Some(1.0), Some(1)), "{same}");
    assert!(same["divergence"].as_f64().unwrap().abs() < 1e-6, "{same}");
    let packed = figures(&fidelity(&sandbox, "packed"));
    assert_eq!(packed["tokens"], same["tokens"]);
    assert!(packed["divergence"].as_f64().unwrap() > 1e-6, "{packed}");
    assert!(packed["psnr"].as_f64().unwrap() < same["psnr"].as_f64().unwrap(), "{packed}, {same}");
}

#[test]
fn fidelity_wants_a_pack_of_that_checkpoint() {
    let sandbox = Sandbox::new();
    let checkpoint = sandbox.model.to_str().unwrap().to_owned();
    let done = fidelity(&sandbox, &checkpoint);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(
        done.stderr.contains("--model: expected a pack of") && done.stderr.contains("no pack"),
        "{done:?}"
    );
    let packed = sandbox.run(&["quantize", "mini", "-o", "other", "-q"]);
    assert_eq!(packed.code, 0, "{packed:?}");
    let done = fidelity(&sandbox, "other");
    assert!(done.code == 2 && done.stderr.contains("--model: expected a pack of"), "{done:?}");
}
