//! What the program says, word for word: its help and its events. `SNAPSHOTS=overwrite cargo t --test snapshots` writes the
//! files anew; the diff is for the reviewer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{Sandbox, finish, save_picture};
use testkit::{assert_snapshot, masked};

/// The help of a command, as wide as it is where there is no terminal.
fn help(sandbox: &Sandbox, command: &[&str]) -> String {
    let mut program = sandbox.command();
    let done = finish(program.args(command).arg("--help").env("COLUMNS", "100"));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{command:?}");
    done.stdout
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn help_of_every_command() {
    let sandbox = Sandbox::new();
    let mut made = BTreeSet::new();
    let mut queue = vec![Vec::<String>::new()];
    while let Some(command) = queue.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let text = help(&sandbox, &words);
        let name = [&["atelier"], &words[..]].concat().join("-") + ".txt";
        assert_snapshot(&format!("help/{name}"), &text);
        made.insert(name);
        for next in commands(&text).into_iter().filter(|next| next != "help") {
            queue.push([&command[..], &[next]].concat());
        }
    }
    assert!(made.len() > 10, "{made:?}");
    let files = std::fs::read_dir("tests/snapshots/help").unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, made, "a file of a command that is no more");
}

/// Numbers that differ from run to run, or from machine to machine.
const VARYING: [&str; 8] = ["seconds", "stages", "id", "ids", "device", "version", "model", "eta"];

/// Compares the events of a run; of many in a row that only say how far it is, the first and the last.
fn assert_events(name: &str, sandbox: &Sandbox, args: &[&str]) {
    let done = sandbox.generate(args);
    let lines: Vec<String> = done.stdout.lines().map(|line| masked(line, &VARYING)).collect();
    let kind = |line: &String| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        ["event", "stage", "prompt", "grid", "image"].map(|field| event[field].to_string())
    };
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| kind(a) == kind(b)) {
        text += &format!("{}\n", run[0]);
        if run.len() > 2 {
            text += &format!("… {} more\n", run.len() - 2);
        }
        if run.len() > 1 {
            text += &format!("{}\n", run[run.len() - 1]);
        }
    }
    assert_snapshot(&format!("events/{name}.txt"), &sandbox.portable(&text));
}

#[test]
fn events_of_a_run() {
    let sandbox = Sandbox::new();
    save_picture(&sandbox.path("s.png"), 64, 64);
    let prompt = "A sign that says 'OPEN'";
    let args =
        [prompt, "-i", "s.png", "-n", "2", "--steps", "2", "-s", "7", "--json", "--save-blueprint", "b.json"];
    assert_events("image-to-image", &sandbox, &args);
    assert_events("blueprint-only", &sandbox, &[prompt, "--blueprint-only", "-s", "7", "--json"]);
    assert_events(
        "from-blueprint",
        &sandbox,
        &["--blueprint", "b.json", "-i", "s.png", "--steps", "2", "--json"],
    );
}

#[test]
fn events_of_a_failure() {
    let sandbox = Sandbox::new();
    assert_events("bad-input", &sandbox, &["x", "--steps", "1001", "--json"]);
    assert_events("small-budget", &sandbox, &["x", "--vram-budget", "0.000001", "--json"]);
}
