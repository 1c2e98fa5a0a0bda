//! The model inside the program.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{Desk, Done, finish, tiny_random};
use serde_json::Value;

/// A small picture, fast.
const SMALL: [&str; 10] = ["-W", "64", "-H", "64", "--steps", "2", "--device", "cpu", "-s", "1"];

fn draw(desk: &Desk, args: &[&str]) -> Done {
    let done = desk.run(&[&["generate"], args, &SMALL].concat());
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    done
}

fn json(desk: &Desk, args: &[&str]) -> Value {
    let done = desk.run(args);
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn it_is_there_wherever_the_program_is() {
    let desk = Desk::new();
    let program = desk.path("copy");
    std::fs::copy(env!("CARGO_BIN_EXE_atelier"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["generate", "x", "-o", "copied.png"]).args(SMALL).current_dir(desk.path("."));
    let done = finish(command.env_remove("ATELIER_MODEL"));
    assert!(done.code == 0 && done.stderr.starts_with("built-in model mini on CPU"), "{done:?}");

    // By its name, even beside a folder of that name.
    std::fs::create_dir(desk.path("mini")).unwrap();
    draw(&desk, &["x", "-o", "named.png", "--model", "mini"]);
    assert!(desk.read("named.png") == desk.read("copied.png"));
    // It is the model of the repository, and as good as a folder.
    let folder = Path::new("../../models/mini").canonicalize().unwrap();
    draw(&desk, &["x", "-o", "folder.png", "--model", folder.to_str().unwrap()]);
    let [named, folder] = ["named.png", "folder.png"].map(|file| json(&desk, &["inspect", file, "--json"]));
    assert_eq!(named["blueprint"], folder["blueprint"]);
    assert!(common::pixels(&desk.path("named.png")) == common::pixels(&desk.path("folder.png")));
}

#[test]
fn pictures_note_it_and_repeat() {
    let desk = Desk::new();
    draw(&desk, &["x", "-o", "a.png"]);
    assert_eq!(json(&desk, &["inspect", "a.png", "--json"])["model"], "mini");
    let mut repeat = desk.command();
    repeat.args(["generate", "--from", "a.png", "-o", "b.png", "--device", "cpu"]);
    // What the picture notes comes before the environment.
    let done = finish(repeat.env("ATELIER_MODEL", "/nowhere"));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(desk.read("a.png") == desk.read("b.png"));
}

#[test]
fn the_environment_comes_first() {
    let desk = Desk::new();
    let mut command = desk.command();
    command.args(["generate", "x", "-o", "a.png"]).args(SMALL).env("ATELIER_MODEL", tiny_random());
    let done = finish(&mut command);
    assert!(done.code == 0 && done.stderr.starts_with("tiny-random on CPU"), "{done:?}");
    assert_eq!(json(&desk, &["inspect", "a.png", "--json"])["model"], "tiny-random");
}

#[test]
fn doctor_knows_it() {
    let desk = Desk::new();
    let model = &json(&desk, &["doctor", "--json"])["model"];
    assert_eq!((model["name"].as_str(), model.get("path"), model.get("error")), (Some("mini"), None, None));
    assert_eq!(model["components"].as_array().unwrap().len(), 4);
    assert!(desk.run(&["doctor"]).stdout.contains("mini (built in)\n  fingerprint "));
}
