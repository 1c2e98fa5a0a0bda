//! The model inside the program.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{Output, Sandbox, finish, tiny_random};
use serde_json::Value;

/// A small picture, fast.
const SMALL: [&str; 10] = ["-W", "64", "-H", "64", "--steps", "2", "--device", "cpu", "-s", "1"];

fn draw(sandbox: &Sandbox, args: &[&str]) -> Output {
    let done = sandbox.run(&[&["generate"], args, &SMALL].concat());
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    done
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let done = sandbox.run(args);
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn it_is_there_wherever_the_program_is() {
    let sandbox = Sandbox::new();
    let program = sandbox.path("copy");
    std::fs::copy(env!("CARGO_BIN_EXE_atelier"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["generate", "x", "-o", "copied.png"]).args(SMALL).current_dir(sandbox.path("."));
    let done = finish(command.env_remove("ATELIER_MODEL"));
    assert!(done.code == 0 && done.stderr.starts_with("built-in model mini on CPU"), "{done:?}");

    // By its name, even beside a folder of that name.
    std::fs::create_dir(sandbox.path("mini")).unwrap();
    draw(&sandbox, &["x", "-o", "named.png", "--model", "mini"]);
    assert!(sandbox.read("named.png") == sandbox.read("copied.png"));
    // It is the model of the repository, and as good as a folder.
    let folder = Path::new("../../models/mini").canonicalize().unwrap();
    draw(&sandbox, &["x", "-o", "folder.png", "--model", folder.to_str().unwrap()]);
    let [named, folder] =
        ["named.png", "folder.png"].map(|file| json(&sandbox, &["inspect", file, "--json"]));
    assert_eq!(named["blueprint"], folder["blueprint"]);
    assert!(common::pixels(&sandbox.path("named.png")) == common::pixels(&sandbox.path("folder.png")));
}

#[test]
fn pictures_note_it_and_repeat() {
    let sandbox = Sandbox::new();
    draw(&sandbox, &["x", "-o", "a.png"]);
    assert_eq!(json(&sandbox, &["inspect", "a.png", "--json"])["model"], "mini");
    let mut repeat = sandbox.command();
    repeat.args(["generate", "--from", "a.png", "-o", "b.png", "--device", "cpu"]);
    // What the picture notes comes before the environment.
    let done = finish(repeat.env("ATELIER_MODEL", "/nowhere"));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(sandbox.read("a.png") == sandbox.read("b.png"));
}

#[test]
fn the_environment_comes_first() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    command.args(["generate", "x", "-o", "a.png"]).args(SMALL).env("ATELIER_MODEL", tiny_random());
    let done = finish(&mut command);
    assert!(done.code == 0 && done.stderr.starts_with("tiny-random on CPU"), "{done:?}");
    assert_eq!(json(&sandbox, &["inspect", "a.png", "--json"])["model"], "tiny-random");
}

#[test]
fn doctor_knows_it() {
    let sandbox = Sandbox::new();
    let model = &json(&sandbox, &["doctor", "--json"])["model"];
    assert_eq!((model["name"].as_str(), model.get("path"), model.get("error")), (Some("mini"), None, None));
    assert_eq!(model["components"].as_array().unwrap().len(), 4);
    assert!(sandbox.run(&["doctor"]).stdout.contains("mini (built in)\n  fingerprint "));
}
