//! What is noted in a PNG or a blueprint repeats the run, and file names are as promised.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Sandbox, pixels, reference, save_picture};
use serde_json::Value;

fn inspect(sandbox: &Sandbox, file: &str) -> Value {
    let done = sandbox.run(&["inspect", file, "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn a_png_repeats_its_run() {
    let sandbox = Sandbox::new();
    let done = sandbox.draw(&["a \"red\" bicycle", "-o", "a.png"]);
    sandbox.draw(&["--from", "a.png", "-o", "b.png"]);
    assert!(sandbox.read("a.png") == sandbox.read("b.png"));
    let run = inspect(&sandbox, "a.png");
    assert!(done.stderr.contains(&format!("saved     a.png (seed {})", run["paint"]["seed"])), "{done:?}");
    // Other steps are another picture of the same blueprint.
    sandbox.draw(&["--from", "a.png", "--steps", "2", "-o", "c.png"]);
    assert_ne!(pixels(&sandbox.path("a.png")), pixels(&sandbox.path("c.png")));
    assert_eq!(inspect(&sandbox, "c.png")["blueprint"], run["blueprint"]);
    assert_eq!(inspect(&sandbox, "c.png")["paint"]["steps"], 2);
}

#[test]
fn each_picture_of_a_batch_repeats() {
    let sandbox = Sandbox::new();
    // The second prompt has more quoted text, so that the first is padded for it.
    let prompts = ["a 'cat'", "-p", "a banner 'Hello wide world'"];
    sandbox.draw(&[&prompts[..], &["-n", "2", "-s", "5", "-o", "a.png"]].concat());
    assert_eq!(sandbox.files(), ["a-001.png", "a-002.png", "a-003.png", "a-004.png"]);
    for (number, seed) in [(1, 5), (2, 6), (3, 7), (4, 8)] {
        let file = format!("a-00{number}.png");
        assert_eq!(inspect(&sandbox, &file)["paint"]["seed"], seed);
        sandbox.draw(&["--from", &file, "-o", "b.png"]);
        assert!(pixels(&sandbox.path(&file)) == pixels(&sandbox.path("b.png")), "{file}");
    }
    // A picture that shares its blueprint has two seeds, which are told.
    let done = sandbox.draw(&["x", "-n", "2", "-s", "5", "-o", "f.png"]);
    assert!(done.stderr.contains("saved     f-002.png (seed 6, blueprint seed 5)"), "{done:?}");
    sandbox.draw(&["x", "-s", "6", "--blueprint-seed", "5", "-o", "g.png"]);
    assert!(pixels(&sandbox.path("f-002.png")) == pixels(&sandbox.path("g.png")));
    // Two more from the first: its own seed and the next.
    sandbox.draw(&["--from", "a-001.png", "-n", "2", "-o", "c-%d.png"]);
    assert!(pixels(&sandbox.path("c-2.png")) == pixels(&sandbox.path("a-002.png")));
    // Alone means other pixels where there was padding.
    sandbox.draw(&[&prompts[..], &["-n", "2", "-s", "5", "-o", "d-%d.png", "--no-batch-padding"]].concat());
    assert!(pixels(&sandbox.path("d-1.png")) != pixels(&sandbox.path("a-001.png")));
    sandbox.draw(&["a 'cat'", "-s", "5", "-o", "e.png"]);
    assert!(pixels(&sandbox.path("d-1.png")) == pixels(&sandbox.path("e.png")));
}

#[test]
fn a_picture_notes_how_its_quotation_marks_were_read() {
    let sandbox = Sandbox::new();
    let prompt = "It's a sign with ‘OPEN’";
    let done = sandbox.draw(&[prompt, "-s", "3", "-o", "a.png"]);
    assert!(done.stderr.contains("texts     \"OPEN\"") && !done.stderr.contains("warning"), "{done:?}");
    let done = sandbox.draw(&[prompt, "-s", "3", "-o", "b.png", "--quotes", "reference"]);
    assert!(done.stderr.contains("one ' has no partner; ‘OPEN’ is not spelled"), "{done:?}");
    assert!(pixels(&sandbox.path("a.png")) != pixels(&sandbox.path("b.png")));
    assert_eq!(inspect(&sandbox, "a.png")["blueprint"]["quotes"], "typographic");
    assert_eq!(inspect(&sandbox, "b.png")["blueprint"]["quotes"], Value::Null, "as in older pictures");
    for file in ["a.png", "b.png"] {
        sandbox.draw(&["--from", file, "-o", "again.png"]);
        assert!(sandbox.read(file) == sandbox.read("again.png"), "{file}");
        sandbox.refused(&["--from", file, "--quotes", "reference"], &["--quotes", "--from"]);
    }
}

#[test]
fn source_images_are_found_again() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("in")).unwrap();
    save_picture(&sandbox.path("in/s.png"), 100, 70);
    let done = sandbox.draw(&[
        "brighter",
        "-i",
        "in/s.png",
        "-s",
        "3",
        "--steps",
        "2",
        "-o",
        "a.png",
        "--note-paths",
    ]);
    // The source's shape, the model's area, and a line that says so.
    assert_eq!(pixels(&sandbox.path("a.png")).0, 128);
    assert_eq!(pixels(&sandbox.path("a.png")).1, 96);
    assert!(done.stderr.contains("in/s.png is 100x70: painting 128x96; -W and -H"), "{done:?}");
    let done = sandbox.draw(&["brighter", "-i", "in/s.png", "--steps", "1", "-W", "64", "-o", "w.png"]);
    assert_eq!(pixels(&sandbox.path("w.png")).1, 32);
    assert!(done.stderr.contains("painting 64x32"), "{done:?}");
    sandbox.draw(&["--from", "a.png", "-o", "b.png", "--note-paths"]);
    assert!(sandbox.read("a.png") == sandbox.read("b.png"));
    // Without folders only what lies beside the PNG is found.
    sandbox.draw(&["brighter", "-i", "in/s.png", "-s", "3", "--steps", "2", "-o", "plain.png"]);
    assert_eq!(inspect(&sandbox, "plain.png")["sources"], serde_json::json!(["s.png"]));
    let folder = sandbox.model.parent().unwrap().to_str().unwrap();
    assert!(!String::from_utf8_lossy(&sandbox.read("plain.png")).contains(folder));
    sandbox.refused(&["--from", "plain.png"], &["s.png", "No such file"]);
    // Beside the PNG, where it was not before.
    std::fs::rename(sandbox.path("in/s.png"), sandbox.path("s.png")).unwrap();
    sandbox.draw(&["--from", "a.png", "-o", "b.png"]);
    assert!(pixels(&sandbox.path("a.png")) == pixels(&sandbox.path("b.png")));
    sandbox.draw(&["--from", "plain.png", "-o", "b.png"]);
    assert!(sandbox.read("plain.png") == sandbox.read("b.png"));
    let mut without = sandbox.command();
    let done = common::finish(without.args(["generate", "--from", "plain.png", "-o", "c.png"]));
    assert!(
        done.code == 2 && done.stderr.contains("--model: expected the folder of tiny-random"),
        "{done:?}"
    );
    save_picture(&sandbox.path("other.png"), 70, 100);
    sandbox.refused(&["--from", "a.png", "-i", "other.png"], &["a.png", "sources", "70x100", "100x70"]);
    // Other pixels of the same size may be the same picture, decoded by another program.
    save_picture(&sandbox.path("s.png"), 100, 70);
    let mut changed = image::open(sandbox.path("s.png")).unwrap().into_rgb8();
    changed.put_pixel(0, 0, image::Rgb([1, 2, 3]));
    changed.save(sandbox.path("s.png")).unwrap();
    let done = sandbox.draw(&["--from", "a.png", "-o", "c.png"]);
    assert!(
        done.stderr.contains("warning: s.png has other pixels than the blueprint was written for"),
        "{done:?}"
    );
    std::fs::remove_file(sandbox.path("s.png")).unwrap();
    sandbox.refused(&["--from", "a.png"], &["in/s.png", "No such file"]);
}

#[test]
fn given_noise_is_asked_for_again() {
    let sandbox = Sandbox::new();
    let golden =
        |name: &str| reference().join(format!("golden/{name}.safetensors")).to_str().unwrap().to_owned();
    let (noise, other) = (golden("e2e_t2i_batch2"), golden("e2e_t2i_b"));
    sandbox.draw(&["x", "-p", "y", "--latents", &noise, "-s", "1", "-o", "a%d.png"]);
    sandbox.refused(&["--from", "a2.png"], &["--latents", "sha256"]);
    sandbox.refused(&["--from", "a2.png", "--latents", &other], &["e2e_t2i_b.safetensors", "sha256"]);
    sandbox.draw(&["--from", "a2.png", "--latents", &noise, "-o", "b.png"]);
    assert!(pixels(&sandbox.path("a2.png")) == pixels(&sandbox.path("b.png")));
    assert_eq!(inspect(&sandbox, "b.png")["latents"], inspect(&sandbox, "a2.png")["latents"]);
    sandbox.draw(&["--from", "a2.png", "-s", "9", "-o", "c.png"]);
}

#[test]
fn a_blueprint_paints_the_same_picture() {
    let sandbox = Sandbox::new();
    sandbox.draw(&["x", "-s", "4", "-o", "whole.png", "--save-blueprint", "whole.json"]);
    sandbox.draw(&["x", "-s", "4", "--blueprint-only", "--save-blueprint", "bp.json"]);
    assert!(sandbox.read("whole.json") == sandbox.read("bp.json"));
    sandbox.draw(&["--blueprint", "bp.json", "--steps", "3", "-o", "parts.png"]);
    assert!(sandbox.read("whole.png") == sandbox.read("parts.png"));
    let printed = sandbox.draw(&["x", "-s", "4", "--blueprint-only"]);
    assert_eq!(printed.stdout.as_bytes(), sandbox.read("bp.json"));
    assert_eq!(sandbox.run(&["inspect", "whole.png", "--blueprint", "again.json"]).code, 0);
    assert!(sandbox.read("again.json") == sandbox.read("bp.json"));
    sandbox.draw(&["x", "-p", "y", "-s", "4", "--blueprint-only", "--save-blueprint", "many.json"]);
    assert!(sandbox.read("many-001.json") == sandbox.read("bp.json"));
    assert!(sandbox.read("many-002.json") != sandbox.read("bp.json"));
}

#[test]
fn default_names_never_overwrite() {
    let sandbox = Sandbox::new();
    sandbox.write("atelier-002.png", "mine");
    sandbox.draw(&["x", "-n", "2"]);
    sandbox.draw(&["x"]);
    assert_eq!(sandbox.read("atelier-002.png"), b"mine");
    assert_eq!(sandbox.files(), ["atelier-001.png", "atelier-002.png", "atelier-003.png", "atelier-004.png"]);
    // A name that was asked for is replaced.
    sandbox.draw(&["x", "-o", "atelier-002.png"]);
    assert_ne!(sandbox.read("atelier-002.png"), b"mine");
}

#[test]
fn a_random_seed_is_told_and_recorded() {
    let sandbox = Sandbox::new();
    for typed in [&["-s", "-1"][..], &["-s", "random"], &[]] {
        let done = sandbox.draw(&[&["x", "--steps", "1", "-o", "a.png"], typed].concat());
        let seed = inspect(&sandbox, "a.png")["paint"]["seed"].as_u64().unwrap();
        assert!(done.stderr.contains(&format!("steps, seed {seed}\n")), "{done:?}");
        sandbox.draw(&["x", "--steps", "1", "-s", &seed.to_string(), "-o", "b.png"]);
        assert!(sandbox.read("a.png") == sandbox.read("b.png"), "{typed:?}");
    }
}

#[cfg(unix)]
#[test]
fn names_lead_where_they_say() {
    let sandbox = Sandbox::new();
    sandbox.write("real.png", "old");
    std::os::unix::fs::symlink("real.png", sandbox.path("link.png")).unwrap();
    sandbox.draw(&["x", "--steps", "1", "-s", "1", "-o", "link.png"]);
    assert!(std::fs::symlink_metadata(sandbox.path("link.png")).unwrap().is_symlink());
    assert_eq!(pixels(&sandbox.path("real.png")).0, 64);
    sandbox.draw(&["x", "--steps", "1", "-s", "1", "-o", "100%discount.png"]);
    assert!(sandbox.read("100%discount.png") == sandbox.read("real.png"));
    assert_eq!(sandbox.files(), ["100%discount.png", "link.png", "real.png"]);
}

#[test]
fn lost_texts_are_named_before_the_run() {
    let sandbox = Sandbox::new();
    let draw = |prompt, more: &[&str]| {
        sandbox.draw(&[&[prompt, "--steps", "1", "-s", "1", "-o", "a.png"], more].concat()).stderr
    };
    let run = |prompt| draw(prompt, &["--quotes", "reference"]);
    let told = run("It's a sign 'OPEN'");
    assert!(told.contains("warning: the apostrophe of It's counts as a quotation mark"), "{told}");
    assert!(told.contains("what is spelled is \"s a sign \""), "{told}");
    let told = run("Ein Schild „Guten Tag“");
    assert!(
        told.contains("„Guten Tag“ is not spelled") && told.contains("what is spelled is nothing"),
        "{told}"
    );
    let told = draw("Ein Schild „Guten Tag“, it's 'OPEN", &[]);
    assert!(told.contains("warning: one ' has no partner; what is spelled is \"Guten Tag\""), "{told}");
    let told = draw("A sign 'OPEN' and \"7pm\"", &[]);
    assert!(told.contains("texts     \"OPEN\", \"7pm\"\n") && !told.contains("warning"), "{told}");
    let events = sandbox.draw(&["a 'b'", "-p", "'c", "--steps", "1", "--json"]).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["texts"], serde_json::json!([["b"], []]));
    assert!(
        events[1]["event"] == "warning" && events[1]["message"].as_str().unwrap().starts_with("prompt 2: ")
    );
}

#[cfg(unix)]
#[test]
fn files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.draw(&["x", "-o", "a.png"]);
    sandbox.write("ordinary", "");
    let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("a.png"), mode("ordinary"));
}

#[test]
fn metadata_can_be_left_out() {
    let sandbox = Sandbox::new();
    sandbox.draw(&["ein Fahrrad für 5 €", "-s", "1", "-o", "a.png"]);
    sandbox.draw(&["ein Fahrrad für 5 €", "-s", "1", "-o", "b.png", "--no-metadata"]);
    let decode = |name| {
        let file = std::io::BufReader::new(std::fs::File::open(sandbox.path(name)).unwrap());
        png::Decoder::new(file).read_info().unwrap().info().clone()
    };
    let info = decode("a.png");
    // The euro sign is beyond Latin-1.
    let texts: Vec<_> =
        info.utf8_text.iter().map(|chunk| (chunk.keyword.as_str(), chunk.get_text().unwrap())).collect();
    assert_eq!(texts.iter().map(|(keyword, _)| *keyword).collect::<Vec<_>>(), ["parameters", "atelier"]);
    assert!(texts[0].1.starts_with(
        "ein Fahrrad für 5 €\nSteps: 3, Sampler: Euler flow match, CFG scale: 1.5, Seed: 1, Size: 64x64, \
         Model: tiny-random, Model hash: "
    ));
    let bare = decode("b.png");
    assert!(bare.utf8_text.is_empty() && bare.uncompressed_latin1_text.is_empty());
    assert!(pixels(&sandbox.path("a.png")) == pixels(&sandbox.path("b.png")));
    let done = sandbox.run(&["inspect", "b.png"]);
    assert!(
        done.code == 2 && done.stderr.contains("b.png") && done.stderr.contains("--no-metadata"),
        "{done:?}"
    );
    assert_eq!(inspect(&sandbox, "a.png")["blueprint"]["prompt"], "ein Fahrrad für 5 €");
}
