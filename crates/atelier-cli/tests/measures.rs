//! `atelier bench` and `atelier eval fidelity`: what they report, and what they refuse.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

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
    let ceilings = [
        "copy_bytes_per_second",
        "multiply_add_operations_per_second",
        "dense_operations_per_second",
        "packed_operations_per_second",
    ];
    assert_positive(&report["ceilings"], &ceilings);
    assert!(report["ceilings"]["dispatch_seconds"].is_null() && report["picture"].is_null(), "{report}");
    let fields = [
        "open_seconds",
        "architect.load_seconds",
        "architect.tokens_per_second",
        "architect.bandwidth_share",
        "painter.seconds_of_step",
        "painter.matmul_share",
        "painter.multiply_add_share",
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
fn bench_says_where_the_seconds_of_a_picture_go() {
    let report = figures(&sandbox().run(&[&BENCH[..], &["--device", "cpu", "--stage", "picture"]].concat()));
    let picture = &report["picture"];
    // A draft of 16×16 and a large grid of 2×2.
    assert_eq!((&picture["tokens"], &picture["steps"]), (&json!(260), &json!(2)), "{report}");
    let stages = ["load", "prompt", "architect", "painter", "decoder"];
    assert_positive(&picture["stages"], &stages);
    let sum: f64 = stages.iter().map(|stage| picture["stages"][stage].as_f64().unwrap()).sum();
    let whole = picture["seconds"].as_f64().unwrap();
    assert!(sum <= whole && sum > 0.8 * whole, "{sum} of {whole}: {report}");
    assert!(report["architect"].is_null() && report["painter"].is_null(), "{report}");
    // The ceilings take more than this, and must not count.
    let peak = report["peak_bytes"].as_u64().unwrap();
    assert!(peak > 1 << 20 && peak < 128 << 20, "{peak}");
}

/// What `atelier doctor --check` finds of a device, as kernel and variant.
fn checked(sandbox: &Sandbox, place: &[&str]) -> BTreeSet<(String, String)> {
    let report = figures(&sandbox.run(&[&["doctor", "--check", "--json"], place].concat()));
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| ["kernel", "variant"].map(|field| check[field].as_str().unwrap().to_owned()).into())
        .collect()
}

#[test]
fn the_table_has_every_kernel_in_every_variant() {
    let (sandbox, adapter) = (Sandbox::new(), common::adapter());
    for place in [&["--device", "cpu", "--small"][..], &["--adapter", &adapter]] {
        let report = figures(&sandbox.run(&[&["bench", "--kernel-table", "--json"], place].concat()));
        assert_eq!(report["shapes"], "small");
        assert_positive(
            &report["ceilings"],
            &["copy_bytes_per_second", "multiply_add_operations_per_second"],
        );
        assert_eq!(report["ceilings"]["dispatch_seconds"].is_null(), place.contains(&"cpu"));
        let rows = report["kernels"].as_array().unwrap();
        for row in rows {
            assert_positive(row, &["seconds", "bytes_per_second", "share"]);
            // Above 1 where a cache helps, and far above where the machine is busy while a ceiling is measured.
            assert!(row["share"].as_f64().unwrap() < 1e3, "{row}");
            let ours = !row["kernel"].as_str().unwrap().contains("dense");
            assert_eq!(row["error"].as_f64().is_some_and(|error| error <= 1.0), ours, "{row}");
            assert_eq!(row["passed"], true, "{row}");
        }
        let place: Vec<&str> = place.iter().copied().filter(|&arg| arg != "--small").collect();
        let has = |kernel: &str, variant: &str| {
            rows.iter().any(|row| row["kernel"] == *kernel && row["variant"] == *variant)
        };
        let checked = checked(&sandbox, &place);
        assert!(checked.len() >= 15);
        for (kernel, variant) in checked {
            assert!(has(&kernel, &variant), "{kernel}, {variant}: no row");
        }
        assert_positive(&report, &["packed_beside_dense"]);
        assert!(report["left_out"].is_null(), "{report}");
    }
}

#[test]
fn bench_refuses_before_it_measures() {
    let sandbox = Sandbox::new();
    for args in
        [&["--kernel-table", "--size", "64"][..], &["--kernel-table", "--model", "mini"], &["--small"]]
    {
        let done = sandbox.run(&[&["bench"], args].concat());
        assert!(done.code == 2 && done.stderr.contains("--kernel-table"), "{done:?}");
    }
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
