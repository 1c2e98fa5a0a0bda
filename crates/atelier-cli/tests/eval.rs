//! `atelier eval text`: names, what is painted again and what is not, errors, interruption.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::time::SystemTime;

use common::{Output, Sandbox, pixels, save_picture};
use serde_json::json;

/// Prompts as the file has them, with what only the score needs.
fn write_prompts(sandbox: &Sandbox, prompts: &[(usize, &str)]) {
    let entry = |(index, prompt): &(usize, &str)| json!({"prompt": prompt, "index": index, "regions": []});
    let file = json!({"data_list": prompts.iter().map(entry).collect::<Vec<_>>()});
    sandbox.write("prompts.json", file.to_string());
}

/// Runs it on the CPU with small pictures and few steps, unless `args` say otherwise.
fn eval(sandbox: &Sandbox, args: &[&str]) -> Output {
    let mut command = sandbox.command();
    command.args(["eval", "text", "prompts.json", "-o", "out", "--device", "cpu"]).args(args);
    for (flag, value) in [("-W", "32"), ("-H", "64"), ("--steps", "2")] {
        if !args.contains(&flag) {
            command.args([flag, value]);
        }
    }
    common::finish(command.arg("--model").arg(&sandbox.model))
}

/// As [`eval`]; the names of the pictures that it painted, in order.
fn painted(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let done = eval(sandbox, args);
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:?}");
    let saved = done.stderr.lines().filter_map(|line| line.strip_prefix("saved     out/"));
    saved.map(|line| line.split_once(',').unwrap().0.to_owned()).collect()
}

fn pictures(sandbox: &Sandbox) -> Vec<(String, SystemTime)> {
    let entries = fs::read_dir(sandbox.path("out")).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().modified().unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn each_is_painted_as_if_alone_and_only_once() {
    let sandbox = Sandbox::new();
    write_prompts(&sandbox, &[(7, "a 'cat'"), (0, "a banner 'Hello wide world'"), (1234, "x")]);
    let done = eval(&sandbox, &[]);
    let lines: Vec<_> = done.stderr.lines().collect();
    assert!(lines[0].starts_with("tiny-random on CPU"), "{done:?}");
    assert!(lines[0].ends_with(": 32x64, 2 steps, seed 0"), "{done:?}");
    assert_eq!(lines[1], "3 pictures to paint, 0 are there");
    assert!(lines[2].starts_with("saved     out/007.png, 1 of 3, "), "{done:?}");
    assert!(lines[5].starts_with("3 pictures in out: 0 existed, 3 painted in "), "{done:?}");
    let first = pictures(&sandbox);
    assert_eq!(first.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["000.png", "007.png", "1234.png"]);
    // As `generate` draws it, to the byte; mates and order make no difference.
    for (file, prompt) in [("out/007.png", "a 'cat'"), ("out/000.png", "a banner 'Hello wide world'")] {
        sandbox.draw(&[prompt, "-W", "32", "-H", "64", "--steps", "2", "-s", "0", "-o", "alone.png"]);
        assert!(sandbox.read(file) == sandbox.read("alone.png"), "{file}");
    }

    let again = eval(&sandbox, &[]);
    assert_eq!((again.code, again.stderr.as_str()), (0, "nothing to paint: 3 pictures in out\n"));
    assert_eq!(pictures(&sandbox), first);
    fs::remove_file(sandbox.path("out/007.png")).unwrap();
    assert_eq!(painted(&sandbox, &[]), ["007.png"]);
    let second = pictures(&sandbox);
    assert_eq!((second.len(), &second[0], &second[2]), (3, &first[0], &first[2]));
}

#[test]
fn what_was_made_otherwise_is_painted_again() {
    let sandbox = Sandbox::new();
    write_prompts(&sandbox, &[(0, "a"), (1, "b"), (2, "c")]);
    let all = ["000.png", "001.png", "002.png"];
    assert_eq!(painted(&sandbox, &["-q"]), [""; 0]);
    let before = pixels(&sandbox.path("out/001.png"));
    write_prompts(&sandbox, &[(0, "a"), (1, "another"), (2, "c")]);
    assert_eq!(painted(&sandbox, &[]), ["001.png"]);
    assert!(pixels(&sandbox.path("out/001.png")) != before);
    assert_eq!(painted(&sandbox, &["--seed", "1"]), all);
    assert_eq!(painted(&sandbox, &["--seed", "1", "--steps", "1"]), all);
    assert_eq!(painted(&sandbox, &["--seed", "1", "--steps", "1", "-H", "32"]), all);
    assert_eq!(painted(&sandbox, &["--only", "1-9"]), ["001.png", "002.png"]);
    assert_eq!(painted(&sandbox, &["--only", "0"]), ["000.png"]);
    // Cut short, empty: no picture.
    let bytes = sandbox.read("out/000.png");
    sandbox.write("out/000.png", &bytes[..bytes.len() - 30]);
    sandbox.write("out/002.png", "");
    assert_eq!(painted(&sandbox, &[]), ["000.png", "002.png"]);
    assert_eq!(sandbox.read("out/000.png"), bytes);
    // A picture of another making is no one's to write over.
    save_picture(&sandbox.path("out/001.png"), 32, 64);
    let (foreign, done) = (sandbox.read("out/001.png"), eval(&sandbox, &["--seed", "5"]));
    assert!(done.code == 2 && done.stderr.contains("error: out/001.png: expected"), "{done:?}");
    assert_eq!(pictures(&sandbox).len(), 3);
    assert!(sandbox.read("out/001.png") == foreign && sandbox.read("out/000.png") == bytes);
}

#[test]
fn prompts_have_sizes_of_their_own() {
    let sandbox = Sandbox::new();
    let entries = json!([
        {"prompt": "a", "index": 0, "width": 64, "height": 96, "texts": ["x"]},
        {"prompt": "b", "index": 1, "width": 96},
        {"prompt": "c", "index": 2},
    ]);
    sandbox.write("prompts.json", json!({"data_list": entries}).to_string());
    let sizes = |done: Output| {
        assert_eq!(done.code, 0, "{done:?}");
        ["000", "001", "002"].map(|name| {
            let (width, height, _) = pixels(&sandbox.path(&format!("out/{name}.png")));
            (width, height)
        })
    };
    let without = |width: &[&str]| {
        let mut command = sandbox.command();
        command.args(["eval", "text", "prompts.json", "-o", "out", "--device", "cpu", "--steps", "1"]);
        common::finish(command.args(width).arg("--model").arg(&sandbox.model))
    };
    let done = without(&[]);
    assert!(done.stderr.lines().next().unwrap().ends_with(": 3 sizes, 1 steps, seed 0"), "{done:?}");
    // The tiny model was made for 64 pixels.
    let own = sizes(done);
    assert_eq!(own[..2], [(64, 96), (96, own[2].1)]);
    assert_eq!(sizes(without(&["-H", "32"])), [(64, 32), (96, 32), (own[2].0, 32)]);
    assert_eq!(sizes(eval(&sandbox, &[])), [(32, 64); 3]);

    // The largest decides what is needed, wherever it stands and whichever prompt is longest.
    let peak = |width: &str| -> f64 {
        let model = sandbox.model.to_str().unwrap();
        let done = sandbox.run(&["plan", "--json", "-W", width, "-H", width, "--model", model]);
        serde_json::from_str::<serde_json::Value>(&done.stdout).unwrap()["peak"].as_f64().unwrap() / 1e9
    };
    let budget = (peak("256") + peak("1024")) / 2.0;
    let entries = |side: usize| {
        json!([
            {"prompt": "a long prompt of many more words", "index": 0, "width": 64, "height": 64},
            {"prompt": "b", "index": 1, "width": side, "height": side},
            {"prompt": "c", "index": 2, "width": 64, "height": 64},
        ])
    };
    sandbox.write("prompts.json", json!({"data_list": entries(1024)}).to_string());
    let done = without(&["--vram-budget", &budget.to_string(), "--only", "0-1"]);
    assert!(done.code == 3 && done.stderr.contains("--vram-budget"), "{done:?}");
    sandbox.write("prompts.json", json!({"data_list": entries(96)}).to_string());
    assert_eq!(without(&["--vram-budget", &budget.to_string()]).code, 0);
    sandbox.write("prompts.json", r#"{"data_list": [{"prompt": "a", "index": 0, "height": 33}]}"#);
    let done = without(&[]);
    assert!(
        done.code == 2 && done.stderr.contains("prompts.json: data_list[0].height: expected"),
        "{done:?}"
    );
}

#[test]
fn more_than_one_group() {
    let sandbox = Sandbox::new();
    let prompts: Vec<_> = (0..12).map(|index| (index, "the same")).collect();
    write_prompts(&sandbox, &prompts);
    assert_eq!(painted(&sandbox, &["-H", "32", "--steps", "1"]).len(), 12);
    // One seed for all.
    assert!((1..12).all(|index| sandbox.read(&format!("out/{index:03}.png")) == sandbox.read("out/000.png")));
}

#[test]
fn errors_come_before_any_work() {
    let sandbox = Sandbox::new();
    let refused = |args: &[&str], words: &[&str]| {
        let before = sandbox.files();
        let done = eval(&sandbox, args);
        assert_eq!(done.code, 2, "{done:?}");
        let error = done.stderr.lines().last().unwrap();
        assert!(words.iter().all(|word| error.contains(word)), "no {words:?} in {done:?}");
        assert_eq!(sandbox.files(), before);
    };
    refused(&[], &["prompts.json", "No such file"]);
    sandbox.write("prompts.json", "0 a cat\n1 a dog\n");
    refused(&[], &["error: prompts.json: expected a JSON object, found", "line 1"]);
    sandbox.write("prompts.json", r#"{"prompts": []}"#);
    refused(&[], &["prompts.json", "data_list", "found nothing"]);
    write_prompts(&sandbox, &[(3, "a"), (4, "b"), (3, "c")]);
    refused(&[], &["prompts.json", "data_list[2].index", "found 3, which data_list[0] has too"]);
    sandbox.write("prompts.json", r#"{"data_list": [{"prompt": "a", "index": 0}, {"index": 1}]}"#);
    refused(&[], &["prompts.json", "data_list[1].prompt", "expected some text, found nothing"]);
    write_prompts(&sandbox, &[(0, "a"), (5, &"word ".repeat(20_000))]);
    refused(&[], &["prompts.json: prompt 5: expected at most", "tokens"]);
    write_prompts(&sandbox, &[(0, "a"), (5, "b")]);
    refused(&["--only", "6-9"], &["--only", "0-5", "6-9"]);
    refused(&["-W", "65"], &["--width", "multiple of 32", "65"]);
    refused(&["--steps", "0"], &["--steps", "1 to 1000"]);
    sandbox.write("out", "");
    refused(&[], &["out: cannot write"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_how_to_go_on() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let sandbox = Sandbox::new();
    write_prompts(&sandbox, &[(0, "a"), (1, "b")]);
    let mut command = sandbox.command();
    command.args(["eval", "text", "prompts.json", "-o", "out", "--device", "cpu", "--steps", "1000"]);
    command.args(["-W", "512", "-H", "512", "--model"]).arg(&sandbox.model).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "2 pictures to paint, 0 are there"));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let last: Vec<_> = lines.collect();
    assert_eq!(last, ["0 of 2 pictures are in out; rerun the command to resume", "cancelled"]);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(pictures(&sandbox).is_empty());
}
