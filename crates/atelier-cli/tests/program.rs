//! Everything around a run: events, interruption, devices, small commands.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(unix)]
use common::{Sandbox, finish, save_picture};
use serde_json::Value;

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn events_are_json_lines() {
    let sandbox = Sandbox::new();
    save_picture(&sandbox.path("s.png"), 64, 64);
    let done = sandbox.draw(&[
        "x",
        "-i",
        "s.png",
        "-n",
        "2",
        "--json",
        "--save-blueprint",
        "b.json",
        "--steps",
        "2",
    ]);
    assert_eq!(done.stderr, "");
    let events = events(&done.stdout);
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("start", "done"));
    let expected = [
        "blueprint",
        "blueprint-saved",
        "blueprint-token",
        "decode",
        "done",
        "load",
        "saved",
        "start",
        "step",
    ];
    assert_eq!(kinds.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    let seed = events[0]["seed"].as_u64().unwrap();
    let saved: Vec<_> = events.iter().filter(|event| event["event"] == "saved").collect();
    assert_eq!(saved[1]["path"], "atelier-002.png");
    assert_eq!(saved[1]["seed"], seed + 1);
    assert!(events.last().unwrap()["stages"]["painter"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_failure_is_the_last_event() {
    let sandbox = Sandbox::new();
    let done = sandbox.generate(&["x", "--json", "--steps", "1001"]);
    let events = events(&done.stdout);
    let last = events.last().unwrap();
    assert_eq!((last["event"].as_str(), last["code"].as_u64()), (Some("error"), Some(2)));
    assert_eq!(done.stderr, format!("error: {}\n", last["message"].as_str().unwrap()));
}

#[test]
fn quiet_is_silent_and_lines_are_short() {
    let sandbox = Sandbox::new();
    let done = sandbox.draw(&["x", "-q", "-o", "a.png"]);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    let done = sandbox.draw(&["x", "-o", "a.png"]);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.lines().all(|line| line.len() < 80 && !line.contains('\u{1b}')), "{done:?}");
    assert!(done.stderr.lines().last().unwrap().starts_with("saved     a.png (seed "), "{done:?}");
}

#[test]
fn a_closed_reader_does_no_harm() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.generate_command(&["x", "--json", "-o", "a.png"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(sandbox.files(), ["a.png"]);
    for args in [&["completions", "bash"][..], &["generate", "--help"], &["doctor"]] {
        let mut command = sandbox.command();
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{args:?}: {output:?}");
    }
}

/// Interrupts a long run at its first event of a kind.
#[cfg(unix)]
fn interrupt(at: &str, left: &[&str]) {
    let sandbox = Sandbox::new();
    let args = ["x", "--json", "-o", "a.png", "--steps", "1000", "-W", "512", "-H", "512"];
    let mut command = sandbox.generate_command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let wanted = format!("\"event\":\"{at}\"");
    assert!(lines.any(|line| line.contains(&wanted)), "no {at}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    let last = lines.last().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(stderr, "cancelled\n");
    assert!(last.contains("\"event\":\"error\"") && last.contains("130"), "{last}");
    assert_eq!(sandbox.files(), left);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_painter() {
    interrupt("step", &["a.unfinished.json"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_architect() {
    interrupt("blueprint-token", &[]);
}

#[test]
fn without_vulkan_the_cpu_is_used() {
    let sandbox = Sandbox::new();
    let without = |args: &[&str]| {
        let mut command = sandbox.generate_command(args);
        finish(command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent"))
    };
    let done = without(&["x", "--device", "auto", "-s", "1", "-o", "auto.png"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("on CPU"), "{done:?}");
    let done = without(&["x", "--device", "gpu", "-o", "gpu.png"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("error: --device: expected a GPU, found no adapter at all"), "{done:?}");
    assert_eq!(sandbox.files(), ["auto.png"]);
    let mut doctor = sandbox.command();
    let doctor =
        doctor.arg("doctor").env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
    let done = finish(doctor);
    assert!(done.code == 0 && done.stdout.contains("Vulkan driver"), "{done:?}");
}

#[test]
fn doctor_reports() {
    let sandbox = Sandbox::new();
    let model = sandbox.model.to_str().unwrap();
    let done = sandbox.run(&["doctor", "--json", "--model", model]);
    assert_eq!(done.code, 0, "{done:?}");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["model"]["components"].as_array().unwrap().len(), 4);
    assert_eq!(report["devices"][1]["opens"]["device"], "cpu");
    let mut command = sandbox.command();
    let done = finish(command.arg("doctor").env("ATELIER_MODEL", "/nowhere"));
    assert!(
        done.code == 0
            && done.stdout.contains("cannot be used: expected the folder of a model, found nothing"),
        "{done:?}"
    );
}

#[test]
fn inspect_knows_its_own() {
    let sandbox = Sandbox::new();
    save_picture(&sandbox.path("foreign.png"), 20, 20);
    sandbox.write("text.png", "no picture");
    for (file, word) in
        [("foreign.png", "'atelier' chunk"), ("text.png", "PNG"), ("missing.png", "No such file")]
    {
        let done = sandbox.run(&["inspect", file]);
        assert!(done.code == 2 && done.stderr.contains(file) && done.stderr.contains(word), "{done:?}");
        sandbox.refused(&["--from", file], &[file, word]);
    }
    sandbox.draw(&["two\u{1b}[31mlines", "-s", "12", "-o", "a.png", "--temperature", "0"]);
    let done = sandbox.run(&["inspect", "a.png"]);
    assert_eq!(done.code, 0, "{done:?}");
    for line in
        ["size      64x64 pixels", "seed      12", "steps     3", "sampling  greedy", "large     2 rows"]
    {
        assert!(done.stdout.contains(line), "no {line}: {}", done.stdout);
    }
    assert!(!done.stdout.contains('\u{1b}'));
}

#[test]
fn prompts_come_in_order() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts.txt", "\u{feff}third\r\n\r\n  fourth\n");
    let args = ["first", "-p", "second", "--prompt-file", "prompts.txt", "--blueprint-only", "--json"];
    let events = events(&sandbox.draw(&args).stdout);
    let prompts: Vec<_> = events.iter().filter_map(|event| event["blueprint"]["prompt"].as_str()).collect();
    assert_eq!(prompts, ["first", "second", "third", "fourth"]);
}

#[test]
fn completions_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = sandbox.run(&["completions", shell]);
        assert!(done.code == 0 && done.stdout.contains("save-blueprint"), "{shell}");
    }
    assert_eq!(sandbox.run(&["completions", "sh"]).code, 2);
}

#[test]
fn manual_pages_for_every_command() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]);
    assert!(page.code == 0 && page.stdout.contains(".TH atelier 1"), "{}", page.stdout);
    assert_eq!(sandbox.run(&["man", "-o", "pages"]).code, 0);
    for command in ["", "-generate", "-quantize", "-eval-text"] {
        let page = std::fs::read_to_string(sandbox.path(&format!("pages/atelier{command}.1"))).unwrap();
        assert!(page.contains("atelier"), "{command}");
    }
    sandbox.write("file", "");
    let refused = sandbox.run(&["man", "-o", "file"]);
    assert!(refused.code == 2 && refused.stderr.contains("file"), "{}", refused.stderr);
}

#[test]
fn licences_of_all_that_is_linked() {
    let licences = Sandbox::new().run(&["licences"]);
    assert_eq!(licences.code, 0);
    for part in ["MIT License", "Apache License", "burn 0.22.1 (", "wgpu ", "mimalloc "] {
        assert!(licences.stdout.contains(part), "{part}");
    }
}
