//! `atelier plan`: what it says, and the code it ends with.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Sandbox;
use serde_json::Value;

fn plan(args: &[&str]) -> Value {
    let done = Sandbox::new().run(&[&["plan", "--json"], args].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn the_full_model_is_planned_without_its_weights() {
    let report = plan(&["--like", "full", "-W", "1024", "-H", "1024", "--vram-budget", "8"]);
    assert_eq!((report["scheme"].as_str(), report["fits"].as_bool()), (Some("q4"), Some(true)));
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["architect", "painter", "decoder"]);
    let peaks = stages.iter().map(|stage| {
        let sum: u64 =
            ["weights", "persistent", "workspace"].iter().map(|key| stage[key].as_u64().unwrap()).sum();
        assert_eq!(stage["peak"].as_u64(), Some(sum));
        sum
    });
    assert_eq!(peaks.max(), report["peak"].as_u64());
    assert_eq!(plan(&["--like", "full", "--images", "1"])["stages"].as_array().unwrap().len(), 4);
}

#[test]
fn a_budget_that_is_too_small_is_3_and_the_smallest_that_does_is_named() {
    let sandbox = Sandbox::new();
    let size = ["plan", "--like", "full", "-W", "2048", "-H", "2048", "--vram-budget"];
    let done = sandbox.run(&[&size[..], &["4"]].concat());
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stdout.contains("does not fit"), "{done:?}");
    let smallest = done.stderr.split("--vram-budget ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(sandbox.run(&[&size[..], &[&smallest]].concat()).code, 0, "{smallest}");
    let less = format!("{:.2}", smallest.parse::<f64>().unwrap() - 0.01);
    assert_eq!(sandbox.run(&[&size[..], &[&less]].concat()).code, 3, "{less}");
}

#[test]
fn schemes_are_ordered() {
    let peak = |scheme| plan(&["--like", "full", "--scheme", scheme])["peak"].as_u64().unwrap();
    let peaks = ["q4", "mixed", "q8", "f16", "f32"].map(peak);
    assert!(peaks.is_sorted_by(|a, b| a < b), "{peaks:?}");
}

#[test]
fn a_checkpoint_and_its_pack_are_planned_as_they_are() {
    let sandbox = Sandbox::new();
    let checkpoint = plan(&["--model", "mini"]);
    assert_eq!((checkpoint["scheme"].as_str(), checkpoint["largest_packed"].is_null()), (Some("f32"), true));
    assert_eq!(checkpoint, {
        let mut like = plan(&["--like", "mini", "--scheme", "f32"]);
        like["model"] = checkpoint["model"].clone();
        like
    });
    assert_eq!(sandbox.run(&["quantize", "mini", "-o", "pack", "-q"]).code, 0);
    let pack = sandbox.run(&["plan", "--model", "pack", "--json"]);
    let pack: Value = serde_json::from_str(&pack.stdout).unwrap();
    let planned = plan(&["--model", "mini", "--scheme", "q4"]);
    assert_eq!((&pack["stages"], &pack["scheme"]), (&planned["stages"], &planned["scheme"]));
    let painter = |plan: &Value| plan["stages"][1]["weights"].as_u64().unwrap();
    assert!(2 * painter(&pack) < painter(&checkpoint));
    let refused = sandbox.run(&["plan", "--model", "pack", "--scheme", "q8"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--scheme: expected none for a pack"), "{refused:?}");
}

#[test]
fn bad_sizes_and_budgets_are_refused_by_flag() {
    for (args, flag) in [
        (["-W", "100"], "--width"),
        (["--vram-budget", "-1"], "--vram-budget"),
        (["--vram-budget", "nan"], "--vram-budget"),
    ] {
        let done = Sandbox::new().run(&[&["plan", "--like", "mini"], &args[..]].concat());
        assert_eq!(done.code, 2, "{args:?}: {done:?}");
        assert!(done.stderr.starts_with(&format!("error: {flag}: expected")), "{args:?}: {done:?}");
    }
    let done = Sandbox::new().run(&["plan", "--like", "mini", "--images", "1000000"]);
    let words = "invalid value '1000000' for '--images <COUNT>': expected a whole number from 0 to 1000";
    assert!(done.code == 2 && done.stderr.contains(words), "{done:?}");
}

#[test]
fn a_run_keeps_to_its_budget_or_says_the_smallest_that_does() {
    let sandbox = Sandbox::new();
    let draw = |budget: &str, name: &str| {
        sandbox.run(&[
            "generate",
            "A card with 'HI'.",
            "--device",
            "cpu",
            "--steps",
            "2",
            "-s",
            "1",
            "-q",
            "-o",
            name,
            "--vram-budget",
            budget,
        ])
    };
    let refused = draw("0.01", "a.png");
    assert_eq!((refused.code, sandbox.files().len()), (3, 0), "{refused:?}");
    // "… use --vram-budget 0.123 or more"
    let words: Vec<&str> = refused.stderr.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "--vram-budget").unwrap_or_else(|| panic!("{refused:?}"));
    let enough = draw(words[at + 1], "b.png");
    assert_eq!(enough.code, 0, "{enough:?}");
    let nonsense = draw("-1", "c.png");
    assert!(nonsense.code == 2 && nonsense.stderr.contains("--vram-budget"), "{nonsense:?}");
}

/// A limit on the address space stands for a small machine.
#[cfg(target_os = "linux")]
#[test]
fn what_the_memory_cannot_hold_is_refused_with_figures_before_anything_is_read() {
    let sandbox = Sandbox::new();
    let generate = sandbox.generate_command(&["x", "-W", "1536", "-H", "1536", "-o", "a.png"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -v 600000; exec \"$0\" \"$@\""]).arg(generate.get_program());
    let done = common::finish(command.args(generate.get_args()).current_dir(sandbox.path(".")));
    assert_eq!((done.code, sandbox.files().len()), (3, 0), "{done:?}");
    for words in ["decoder needs 0.462 GB of memory", "GB free", "--vram-budget 0.47 runs anyway"] {
        assert!(done.stderr.contains(words), "no {words:?}: {done:?}");
    }
    assert!(!done.stderr.contains("loaded"), "{done:?}");
}

/// Whatever the limit is, the program ends with a picture or with figures, and is not ended by a failing allocation.
#[cfg(target_os = "linux")]
#[test]
fn under_any_limit_there_is_a_picture_or_a_message() {
    let mut codes = Vec::new();
    for (kind, kilobytes) in [
        ("v", 200_000),
        ("v", 420_000),
        ("v", 500_000),
        ("v", 600_000),
        ("v", 2_000_000),
        ("d", 150_000),
        ("d", 1_000_000),
    ] {
        let sandbox = Sandbox::new();
        let generate =
            sandbox.generate_command(&["x", "-W", "512", "-H", "512", "--steps", "1", "-o", "a.png"]);
        let mut command = std::process::Command::new("sh");
        let limited = format!("ulimit -{kind} {kilobytes}; exec \"$0\" \"$@\"");
        command.args(["-c", &limited]).arg(generate.get_program());
        let done = common::finish(command.args(generate.get_args()).current_dir(sandbox.path(".")));
        assert!(matches!(done.code, 0 | 3), "ulimit -{kind} {kilobytes}: {done:?}");
        let named = done.stderr.contains(&format!("(ulimit -{kind})"));
        assert_eq!(named, done.code == 3, "{done:?}");
        codes.push(done.code);
    }
    assert!(codes.contains(&0) && codes.contains(&3), "{codes:?}");
}
