//! Which parts of a model bear four bits: each packed alone, the rest as it is.

use std::path::Path;

use crate::command::{Outcome, Output, cargo, failed, run, run_keeping};
use crate::web::target_folder;

/// Parts, and their matrices as a policy names them.
const PARTS: [(&str, &[&str]); 11] = [
    ("architect: embedding", &["vision_language_encoder/*embed_tokens*"]),
    ("architect: attention", &["vision_language_encoder/model.language_model.*self_attn*"]),
    ("architect: MLP", &["vision_language_encoder/model.language_model.*mlp*"]),
    ("architect: head", &["vision_language_encoder/lm_head*"]),
    ("painter: embedding of codes", &["transformer/prior_token_embedding*"]),
    ("painter: projectors", &["transformer/prior_projector*", "transformer/glyph_projector*"]),
    ("painter: attention", &["transformer/transformer_blocks.*attn1*"]),
    ("painter: feed-forward", &["transformer/transformer_blocks.*ff*"]),
    ("painter: modulation", &["transformer/transformer_blocks.*norm1*"]),
    (
        "painter: time, size, patches",
        &[
            "transformer/time_condition_embed*",
            "transformer/image_projector*",
            "transformer/norm_out*",
            "transformer/proj_out*",
        ],
    ),
    ("glyph encoder", &["text_encoder/*"]),
];

/// Prints the table for mini. `options` go to `atelier eval fidelity`.
pub fn sensitivity(options: &[&str]) -> Outcome {
    let folder = target_folder()?.join("sensitivity");
    let mut rows = Vec::new();
    for (part, tensors) in PARTS {
        let found = measure(&folder, tensors, options)?;
        rows.push(format!("| {part} | {} |", found.join(" | ")));
    }
    println!("\n| at four bits | likeliest token the same | divergence, nats | PSNR, dB | the worst |");
    println!("|---|---|---|---|---|\n{}", rows.join("\n"));
    Ok(())
}

/// Packs some tensors, and compares.
fn measure(folder: &Path, tensors: &[&str], options: &[&str]) -> Outcome<Vec<String>> {
    let (policy, pack) = (folder.join("policy.json"), folder.join("pack"));
    let rules: Vec<String> =
        tensors.iter().map(|name| format!(r#"{{"tensors": "{name}", "treatment": "q4"}}"#)).collect();
    let json = format!(r#"{{"name": "part", "rules": [{}], "otherwise": "keep"}}"#, rules.join(", "));
    let written = match std::fs::remove_dir_all(&pack) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&policy, json)),
    };
    written.map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    let mut quantize = cargo(&["run", "--quiet", "--release", "--", "quantize", "mini", "-q"]);
    run(quantize.arg("-o").arg(&pack).arg("--policy").arg(&policy))?;
    let mut fidelity = cargo(&["run", "--quiet", "--release", "--", "eval", "fidelity"]);
    fidelity.args(["tests/data/mini/prompts-dev.json", "--device", "cpu", "-q", "--model"]).arg(&pack);
    let wanted = ["likeliest token", "divergence", "pictures"];
    let (lines, outcome) = run_keeping(fidelity.args(options), Output::Stdout, &wanted);
    outcome?;
    // "pictures   43.7 dB, the worst 40.5 dB"
    let numbers = lines.iter().flat_map(|line| line.split_whitespace());
    Ok(numbers.filter(|word| word.parse::<f64>().is_ok()).map(str::to_owned).collect())
}
