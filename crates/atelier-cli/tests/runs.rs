//! Runs that are cut short: what is painted is saved, and the rest follows.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Output, Sandbox};
use serde_json::Value;
use testkit::Random;

/// A run that goes on, and its events.
struct Running {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        Self { child, lines: Box::new(lines) }
    }

    /// Until an event of a kind, about the picture of a number where it matters.
    fn wait(&mut self, kind: &str, image: Option<u64>) {
        let found = self.lines.any(|line| {
            let event: Value = serde_json::from_str(&line).unwrap();
            event["event"] == kind && (image.is_none() || event["image"].as_u64() == image)
        });
        assert!(found, "no {kind} of {image:?}");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    fn end(mut self) -> Output {
        let stdout = self.lines.collect::<Vec<_>>().join("\n");
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        Output { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}

/// Three pictures of one prompt, slow enough to be interrupted.
const THREE: [&str; 12] =
    ["x 'a'", "-n", "3", "-s", "5", "-W", "256", "-H", "256", "--steps", "40", "--json"];

fn start(sandbox: &Sandbox, args: &[&str]) -> Running {
    let command = sandbox.generate_command(&[&THREE, args].concat());
    Running::start(command)
}

#[test]
fn ctrl_c_in_the_second_picture_leaves_the_first_and_resume_makes_the_rest() {
    let sandbox = Sandbox::new();
    sandbox.draw(&[&THREE[..], &["-o", "whole.png"]].concat());
    let mut run = start(&sandbox, &["-o", "a.png"]);
    run.wait("step", Some(1));
    run.signal("INT");
    let done = run.end();
    assert_eq!(done.code, 130, "{done:?}");
    let last: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = &last[last.len() - 2];
    assert_eq!(
        (&told["event"], &told["saved"], &told["images"]),
        (&"unfinished".into(), &1.into(), &3.into())
    );
    assert_eq!(told["resume"], "a.unfinished.json");
    assert!(
        sandbox.files().starts_with(&["a-001.png".into(), "a.unfinished.json".into()]),
        "{:?}",
        sandbox.files()
    );
    let first = sandbox.read("a-001.png");
    // A person is told in words.
    let done = sandbox.generate(&["--resume", "a.unfinished.json"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.stderr.contains("tokens/s"), "the architect worked again: {done:?}");
    assert!(!sandbox.files().contains(&"a.unfinished.json".into()), "{:?}", sandbox.files());
    assert!(sandbox.read("a-001.png") == first, "what was there was painted again");
    for number in 1..=3 {
        let names = [format!("a-00{number}.png"), format!("whole-00{number}.png")];
        let [resumed, whole] = names.map(|name| sandbox.read(&name));
        assert!(resumed == whole, "picture {number}");
    }
}

#[test]
fn a_blueprint_survives_the_painter() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.generate_command(&["x", "-W", "256", "-H", "256", "--steps", "1000"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("loaded    painter")));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let how =
        "the blueprint is saved; to resume: atelier generate --resume atelier.unfinished.json --device cpu";
    assert_eq!(rest, [how, "cancelled"]);
    assert_eq!(sandbox.files(), ["atelier.unfinished.json"]);
    // A second run of the same kind loses nothing of the first.
    let mut run = start(&sandbox, &[]);
    run.wait("step", Some(0));
    run.signal("INT");
    assert_eq!(run.end().code, 130);
    assert_eq!(sandbox.files(), ["atelier-2.unfinished.json", "atelier.unfinished.json"]);
}

#[test]
fn a_picture_that_cannot_be_written_costs_no_other() {
    let sandbox = Sandbox::new();
    let generate = sandbox.generate_command(&["x", "-n", "3", "-s", "1", "-o", "a.png", "--steps", "2"]);
    let mut command = Command::new(generate.get_program());
    command.args(generate.get_args()).current_dir(sandbox.path("."));
    let mut run = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("saved     a-001.png")));
    // A folder that comes in the way of a picture cannot be written either.
    std::fs::create_dir(sandbox.path("a-003.png")).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(run.wait().unwrap().code(), Some(2), "{rest:?}");
    let told =
        "2 of 3 pictures are saved; to resume: atelier generate --resume a.unfinished.json --device cpu";
    assert!(rest.iter().any(|line| line == told), "{rest:?}");
    assert!(rest.last().unwrap().starts_with("error: a-003.png: cannot write"), "{rest:?}");
    std::fs::remove_dir(sandbox.path("a-003.png")).unwrap();
    assert_eq!(sandbox.generate(&["--resume", "a.unfinished.json"]).code, 0);
    assert_eq!(sandbox.files(), ["a-001.png", "a-002.png", "a-003.png"]);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let sandbox = Sandbox::new();
    // A step of this size takes far longer than the two signals.
    let command = sandbox.generate_command(&["x", "-W", "1024", "-H", "1024", "--json", "-o", "a.png"]);
    let mut run = Running::start(command);
    run.wait("blueprint-token", None);
    run.signal("INT");
    std::thread::sleep(Duration::from_millis(20));
    let start = Instant::now();
    run.signal("INT");
    let done = run.end();
    assert_eq!(done.code, 130, "{done:?}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!sandbox.files().iter().any(|file| file.ends_with(".tmp")), "{:?}", sandbox.files());
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    let sandbox = Sandbox::new();
    let generate = sandbox.generate_command(&[&THREE[..], &["-o", "a.png"]].concat());
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\""]).arg(generate.get_program());
    command.args(generate.get_args()).current_dir(sandbox.path("."));
    let mut run = Running::start(command);
    run.wait("step", Some(0));
    run.signal("HUP");
    run.signal("INT");
    let done = run.end();
    assert_eq!((done.code, sandbox.files().len()), (0, 3), "{done:?}");
    // Where they were not, a hang-up is Ctrl-C.
    let mut run = start(&sandbox, &["-o", "b.png"]);
    run.wait("step", Some(1));
    run.signal("HUP");
    assert_eq!(run.end().code, 130);
    assert!(sandbox.files().contains(&"b-001.png".into()));
}

/// Kills a batch at random moments all over it: what is there is whole, and what is not can be made.
#[test]
fn fifty_kills_cost_no_finished_picture() {
    let sandbox = Sandbox::new();
    let seed = std::env::var("ATELIER_TEST_SEED").map_or(17, |seed| seed.parse().unwrap());
    println!("ATELIER_TEST_SEED={seed}");
    let mut random = Random(seed);
    let args = ["x 'a'", "-p", "y 'bc'", "-n", "2", "-s", "5", "-W", "96", "--steps", "4", "-q"];
    let whole = sandbox.draw(&[&args[..], &["-o", "whole.png", "--json"]].concat());
    let events = whole.stdout.lines().count();
    let numbers = 1..=4_usize;
    let wanted: Vec<_> =
        numbers.clone().map(|number| sandbox.read(&format!("whole-00{number}.png"))).collect();
    let (mut cut, mut some) = (0, 0);
    for kill in 0..50_u32 {
        // Moments between events, not of a clock, which is mostly in the start; and some way into what comes next.
        let mut run =
            Running::start(sandbox.generate_command(&[&args[..], &["-o", "a.png", "--json"]].concat()));
        run.lines.by_ref().take(events * kill as usize / 50).for_each(drop);
        std::thread::sleep(Duration::from_millis(10).mul_f32(random.share()));
        run.child.kill().unwrap();
        let ended = run.child.wait().unwrap();
        let there = numbers.clone().filter(|number| sandbox.path(&format!("a-00{number}.png")).is_file());
        let there: Vec<usize> = there.collect();
        for number in &there {
            assert!(
                sandbox.read(&format!("a-00{number}.png")) == wanted[number - 1],
                "kill {kill}, picture {number}"
            );
        }
        cut += usize::from(!ended.success());
        some += usize::from((1..4).contains(&there.len()));
        if sandbox.path("a.unfinished.json").is_file() {
            let done = sandbox.generate(&["--resume", "a.unfinished.json", "-q"]);
            assert_eq!(done.code, 0, "kill {kill}: {done:?}");
        } else {
            sandbox.draw(&[&args[..], &["-o", "a.png"]].concat());
        }
        for number in numbers.clone() {
            let name = format!("a-00{number}.png");
            assert!(sandbox.read(&name) == wanted[number - 1], "kill {kill}: {name} differs afterwards");
            std::fs::remove_file(sandbox.path(&name)).unwrap();
        }
        let files = sandbox.files();
        let left = files.iter().filter(|file| !file.starts_with("whole-") && !file.ends_with(".tmp"));
        assert_eq!(left.count(), 0, "kill {kill}: {files:?}");
    }
    assert!(cut > 25 && some > 0, "{cut} runs were cut, {some} between two pictures");
    // Halves of files are removed once nobody can be writing them any more.
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(600);
    for file in sandbox.files().iter().filter(|file| file.ends_with(".tmp")) {
        std::fs::File::options()
            .write(true)
            .open(sandbox.path(file))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }
    sandbox.draw(&[&args[..], &["-o", "a.png"]].concat());
    let files = sandbox.files();
    assert_eq!(files.iter().filter(|file| file.ends_with(".tmp")).count(), 0, "{files:?}");
}

#[test]
fn a_file_that_is_no_run_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("a.json", "{\"format\": \"atelier-blueprint/1\"}");
    sandbox.refused(&["--resume", "a.json"], &["a.json", "atelier-unfinished/2", "atelier-blueprint/1"]);
    sandbox.refused(&["--resume", "missing.json"], &["missing.json", "No such file"]);
    sandbox.refused(&["x", "--resume", "a.json"], &["--resume", "PROMPT"]);
}
