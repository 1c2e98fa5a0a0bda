//! A model's card of abilities: defaults and warnings, in the model's folder and in a pack of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Output, Sandbox, finish, tiny_random};
use serde_json::{Value, json};

/// A copy of the tiny model with a card.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_copy();
    let card = json!({
        "format": "atelier-card/1",
        "name": "tiny",
        "sizes": [[64, 64], [64, 96]],
        "most_texts": 2,
        "alphabet": {"ranges": [{"name": "letters", "first": "a", "last": "z"}]},
        "default_steps": 2,
        "default_guidance": 1.0,
        "reads_source_pictures": false,
    });
    sandbox.write("model/atelier.json", card.to_string());
    sandbox
}

fn generate(sandbox: &Sandbox, model: &str, args: &[&str]) -> Output {
    let mut command = sandbox.command();
    command.args(["generate", "--device", "cpu", "-s", "1", "--model", model]).args(args);
    let done = finish(&mut command);
    assert_eq!(done.code, 0, "{args:?}: {done:?}");
    done
}

fn warnings(done: &Output) -> Vec<&str> {
    done.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).collect()
}

fn paint(sandbox: &Sandbox, file: &str) -> Value {
    let done = sandbox.run(&["inspect", file, "--json"]);
    serde_json::from_str::<Value>(&done.stdout).unwrap()["paint"].clone()
}

#[test]
fn defaults_are_the_models_own() {
    let sandbox = sandbox();
    let small = ["'ab'", "-W", "64", "-H", "64"];
    let done = generate(&sandbox, "model", &[&small[..], &["-o", "a.png"]].concat());
    assert!(done.stderr.contains(", 2 steps, "), "{done:?}");
    assert_eq!(warnings(&done), [""; 0]);
    let found = paint(&sandbox, "a.png");
    assert_eq!((&found["steps"], &found["guidance"]), (&json!(2), &json!(1.0)));
    // What is said comes first.
    generate(
        &sandbox,
        "model",
        &[&small[..], &["-o", "b.png", "--steps", "1", "--guidance", "1.25"]].concat(),
    );
    let found = paint(&sandbox, "b.png");
    assert_eq!((&found["steps"], &found["guidance"]), (&json!(1), &json!(1.25)));
    // A picture is repeated as it was made, and a blueprint painted as the model says.
    generate(&sandbox, "model", &["--from", "b.png", "-o", "c.png"]);
    assert_eq!(paint(&sandbox, "c.png"), found);

    sandbox
        .write("prompts.json", r#"{"data_list": [{"prompt": "x", "index": 0, "width": 64, "height": 64}]}"#);
    let eval = ["eval", "text", "prompts.json", "-o", "out", "--device", "cpu", "--model", "model"];
    let done = sandbox.run(&eval);
    assert!(
        done.code == 0 && done.stderr.lines().next().unwrap().ends_with(": 64x64, 2 steps, seed 0"),
        "{done:?}"
    );

    // A pack has the card of its checkpoint.
    assert_eq!(sandbox.run(&["quantize", "model", "-q", "--scheme", "keep", "-o", "pack"]).code, 0);
    std::fs::remove_file(sandbox.path("model/atelier.json")).unwrap();
    let done = generate(&sandbox, "pack", &[&small[..], &["-o", "d.png"]].concat());
    assert!(done.stderr.contains(", 2 steps, "), "{done:?}");
    let done = generate(&sandbox, "pack", &["'é'", "-W", "64", "-H", "32", "-o", "e.png", "--steps", "1"]);
    assert_eq!(warnings(&done), ["tiny cannot draw é", "tiny never learned 64×32: try 64×64"]);
}

#[test]
fn what_was_not_taught_is_said_and_drawn() {
    let sandbox = sandbox();
    let args = ["'aʞ' 'b' 'c'", "-W", "32", "-H", "96", "--steps", "1", "-o", "a.png"];
    let expected = [
        "tiny cannot draw ʞ",
        "tiny never learned more than 2 texts: the prompt has 3",
        "tiny never learned 32×96: try 64×96",
    ];
    let done = generate(&sandbox, "model", &args);
    assert_eq!(warnings(&done), expected);
    assert!(done.stderr.contains("saved     a.png"), "{done:?}");
    assert_eq!(generate(&sandbox, "model", &[&args[..], &["-q"]].concat()).stderr, "");

    let done = generate(&sandbox, "model", &[&args[..], &["--json"]].concat());
    let events: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<&Value> = events.iter().filter(|event| event["event"] == "warning").collect();
    assert_eq!(found.iter().map(|event| event["message"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!(found[0]["kind"], "characters");
    assert_eq!((&found[0]["characters"], &found[2]["nearest"]), (&json!("ʞ"), &json!([64, 96])));
    assert_eq!(events[0]["event"], "start");

    common::save_picture(&sandbox.path("photo.png"), 64, 64);
    let done = generate(&sandbox, "model", &["x", "-i", "photo.png", "--steps", "1", "-o", "b.png"]);
    assert_eq!(warnings(&done), ["tiny never learned to start from pictures"]);
    // Of the sizes that were taught, the one that is least unlike the picture.
    common::save_picture(&sandbox.path("tall.png"), 80, 120);
    let done = generate(&sandbox, "model", &["x", "-i", "tall.png", "--steps", "1", "-o", "b.png"]);
    assert_eq!(warnings(&done), ["tiny never learned to start from pictures"]);
    assert!(done.stderr.contains("tall.png is 80x120: painting 64x96; -W and -H"), "{done:?}");

    // Of a set each once, with the first prompt that asks for it.
    let entry = |index: usize, prompt: &str, width: usize| json!({"index": index, "prompt": prompt, "width": width, "height": 64});
    let set = [entry(4, "'ok'", 64), entry(5, "'ʞ'", 64), entry(6, "'ʞ' 'b'", 96), entry(9, "'Z'", 64)];
    sandbox.write("prompts.json", json!({"data_list": set}).to_string());
    let eval =
        ["eval", "text", "prompts.json", "-o", "out", "--device", "cpu", "--steps", "1", "--model", "model"];
    let done = sandbox.run(&eval);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        warnings(&done),
        [
            "prompt 5 and 1 more: tiny cannot draw ʞ",
            "prompt 6: tiny never learned 96×64: try 64×64",
            "prompt 9: tiny cannot draw Z",
        ]
    );
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    assert_eq!(sandbox.run(&[&eval[..], &["-q"]].concat()).stderr, "");
}

#[test]
fn a_card_that_is_wrong_is_named_and_none_is_needed() {
    let sandbox = sandbox();
    sandbox.write(
        "model/atelier.json",
        r#"{"format": "atelier-card/1", "name": "tiny", "default_steps": "few"}"#,
    );
    sandbox.refused(
        &["x"],
        &["atelier.json: default_steps: expected a whole number from 1 to 1000, found \"few\""],
    );
    let done = generate(
        &sandbox,
        tiny_random().to_str().unwrap(),
        &["'ʞ'", "-W", "32", "-H", "32", "--steps", "1", "-o", "a.png"],
    );
    assert_eq!(warnings(&done), [""; 0]);
}

#[test]
fn minis_card_is_true() {
    let sandbox = Sandbox::new();
    let args = ["'ʞ'", "-W", "64", "-H", "64", "--steps", "1", "-o", "a.png"];
    let done = generate(&sandbox, "mini", &args);
    assert_eq!(warnings(&done), ["mini cannot draw ʞ", "mini never learned 64×64: try 512×512"]);
    // Random weights of its sizes have its defaults.
    assert_eq!(sandbox.run(&["synth", "--like", "mini", "--checkpoint", "-q", "-o", "random"]).code, 0);
    let card: Value = serde_json::from_slice(&sandbox.read("random/atelier.json")).unwrap();
    assert_eq!(card["name"], "mini");
}
