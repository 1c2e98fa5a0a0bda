//! What the built-in model paints: the same as before, and legible.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::Sandbox;
use serde_json::Value;

/// A poster in eight steps, which anyone can look at.
const GOLDEN: &str = "tests/data/mini-open.png";
const GOLDEN_PROMPT: &str = "A navy poster with the title 'OPEN' in large white letters at the top.";
/// Grey levels by which other instruction sets may round a value.
const LEVELS: u8 = 2;

const PROMPTS: &str = "../../tests/data/mini/prompts-dev.json";
/// Prompts that are painted: the first ones, which have one region each.
const PICTURES: usize = 10;
/// How many of them Tesseract must read; it reads ten of faultless pictures.
const READABLE: usize = 8;

fn pixels(path: &Path) -> (u32, u32, Vec<u8>) {
    let image = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_rgb8();
    (image.width(), image.height(), image.into_raw())
}

#[test]
fn a_fixed_prompt_gives_the_golden_picture() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    command.args(["generate", GOLDEN_PROMPT, "--device", "cpu", "--steps", "8", "-s", "0", "-q"]);
    let done = common::finish(command.args(["-o", "open.png"]));
    assert_eq!(done.code, 0, "{done:?}");
    let output = sandbox.path("open.png");
    let (got, want) = (pixels(&output), pixels(Path::new(GOLDEN)));
    assert_eq!((got.0, got.1), (want.0, want.1));
    let far = got.2.iter().zip(&want.2).filter(|(a, b)| a.abs_diff(**b) > LEVELS).count();
    assert!(far * 1000 <= got.2.len(), "{far} of {} values differ by more than {LEVELS} levels", got.2.len());
}

#[test]
fn tesseract_reads_what_one_region_says() {
    let sandbox = Sandbox::new();
    let only = format!("0-{}", PICTURES - 1);
    let mut command = sandbox.command();
    // The program runs in another folder.
    command.args(["eval", "text"]).arg(Path::new(PROMPTS).canonicalize().unwrap());
    command.args(["--device", "cpu", "-q", "--only", &only]);
    let done = common::finish(command.args(["-o", "out"]));
    assert_eq!(done.code, 0, "{done:?}");

    let prompts: Value = serde_json::from_slice(&std::fs::read(PROMPTS).unwrap()).unwrap();
    let mut report = String::new();
    let mut read = 0;
    for index in 0..PICTURES {
        let texts = prompts["data_list"][index]["sentence_list"].as_array().unwrap();
        let wanted: Vec<String> = texts.iter().flat_map(|text| words(text.as_str().unwrap())).collect();
        let seen = tesseract(&sandbox.path(&format!("out/{index:03}.png")));
        let all = wanted.iter().all(|word| seen.contains(word));
        read += usize::from(all);
        report.push_str(&format!("{index}: {wanted:?}, read {seen:?}\n"));
    }
    assert!(read >= READABLE, "{read} of {PICTURES} pictures read, expected {READABLE}:\n{report}");
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn tesseract(picture: &Path) -> Vec<String> {
    // 11: words anywhere, in no order.
    let output = Command::new("tesseract").arg(picture).args(["-", "--psm", "11", "--dpi", "150"]).output();
    let output = output.unwrap_or_else(|error| {
        panic!("tesseract: {error}; `cargo xtask test` installs it, or names the package to install")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    words(&String::from_utf8_lossy(&output.stdout))
}
