//! `atelier rehearse`: every stage, and stages that do not end well.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Sandbox;
use serde_json::{Value, json};

const SMALL: [&str; 7] = ["rehearse", "--small", "--layers", "1", "--device", "cpu", "-q"];

fn report(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&sandbox.read("rehearsal/rehearsal.json")).unwrap()
}

#[test]
fn every_stage_has_its_figures() {
    let sandbox = Sandbox::new();
    let done = sandbox.run(&SMALL);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    let report = report(&sandbox);
    assert_eq!((&report["sizes"], &report["layers"]), (&json!("mini"), &json!(1)));
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    let models = ["architect", "painter", "architect", "painter", "decoder", "picture"];
    assert_eq!(names, [&["device", "check", "kernels", "model"][..], &models].concat());
    for (stage, figure) in stages.iter().zip([
        "/threads",
        "/seconds",
        "/ceilings/copy_bytes_per_second",
        "",
        "/architect/tokens_per_second",
        "/painter/seconds_of_step",
        "/architect/tokens_per_second",
        "/painter/seconds_of_step",
        "/vae/seconds",
        "/picture/stages/painter",
    ]) {
        assert_eq!(stage["status"], "done", "{stage}");
        if !figure.is_empty() {
            let value = stage["result"].pointer(figure).and_then(Value::as_f64);
            assert!(value.is_some_and(|value| value > 0.0), "{figure}: {stage}");
        }
    }
    assert!(stages[9]["result"]["peak_bytes"].as_u64().unwrap() > 1 << 20);
    assert_eq!(
        stages[9]["command"],
        "atelier bench --stage picture --size 256 --steps 4 --json --model PACK --device cpu"
    );

    let table = String::from_utf8(sandbox.read("rehearsal/rehearsal.md")).unwrap();
    assert!(table.starts_with("## CPU, "), "{table}");
    // Two tables of as many rows as there are stages and kernels.
    let rows = stages.len() + stages[2]["result"]["kernels"].as_array().unwrap().len();
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), rows + 2, "{table}");
    assert!(!table.contains("NaN") && !table.contains("**"), "{table}");
    // The model is gone.
    let mut left: Vec<_> =
        std::fs::read_dir(sandbox.path("rehearsal")).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["rehearsal.json", "rehearsal.md"]);
}

#[test]
fn a_stage_that_takes_too_long_does_not_stop_the_rest() {
    let sandbox = Sandbox::new();
    let done = sandbox.run(&[&SMALL[..], &["--limit", "0.001"]].concat());
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains("10 of 10 stages did not end well"), "{done:?}");
    let statuses: Vec<_> =
        report(&sandbox)["stages"].as_array().unwrap().iter().map(|stage| stage["status"].clone()).collect();
    assert_eq!(statuses[..4], [(); 4].map(|()| json!("out-of-time")));
    // Nothing was made that they could measure.
    assert!(statuses[4..].iter().all(|status| status == "skipped"), "{statuses:?}");
    let table = String::from_utf8(sandbox.read("rehearsal/rehearsal.md")).unwrap();
    assert_eq!(table.matches("**out of time**").count(), 4, "{table}");
}

#[test]
fn a_stage_that_fails_says_why() {
    let sandbox = Sandbox::new();
    let done = sandbox.run(&[
        "rehearse",
        "--small",
        "--adapter",
        "no such",
        "-q",
        "--limit",
        "60",
        "-o",
        "rehearsal",
    ]);
    assert_eq!(done.code, 1, "{done:?}");
    let report = report(&sandbox);
    let stages = report["stages"].as_array().unwrap();
    for stage in stages {
        let needs_adapter = !["device", "model"].contains(&stage["name"].as_str().unwrap());
        assert_eq!(stage["status"], if needs_adapter { "failed" } else { "done" }, "{stage}");
        assert_eq!(
            stage["problem"].as_str().is_some_and(|why| why.contains("no such")),
            needs_adapter,
            "{stage}"
        );
    }
    for (args, word) in [
        (&["--limit", "0"][..], "--limit"),
        (&["--adapter", "x", "--device", "cpu"], "--adapter"),
        (&["--layers", "0"], "--layers"),
    ] {
        let refused = sandbox.run(&[&["rehearse", "-o", "other"], args].concat());
        assert!(refused.code == 2 && refused.stderr.contains(word), "{refused:?}");
    }
    assert!(!sandbox.path("other").exists());
}
