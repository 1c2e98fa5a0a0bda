//! `atelier inspect`: the run that a PNG was made by.

use std::fmt::Write;

use atelier::blueprint::TokenGrid;
use atelier::record::RunRecord;

use crate::args::InspectArgs;
use crate::error::{Error, Result, one_line};
use crate::io::{blueprints, files, metadata};
use crate::ui::stdout;

/// Grids of more columns are summed up: their rows would not fit a terminal.
const MAX_COLUMNS: usize = 16;

/// Prints the run.
pub fn run(args: &InspectArgs) -> Result<()> {
    if let Some(path) = &args.blueprint {
        files::check_target("--blueprint", path)?;
    }
    let run = metadata::read(&args.file)?;
    if let Some(path) = &args.blueprint {
        blueprints::write(path, &run.blueprint)?;
    }
    if args.json {
        let json = serde_json::to_string(&run).map_err(|error| Error::Crash(error.to_string()))?;
        return stdout::line(&json);
    }
    stdout::write(describe(&run).as_bytes())
}

fn describe(run: &RunRecord) -> String {
    let RunRecord { blueprint, paint, image, images, .. } = run;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10}{}", one_line(&value));
    };
    line("prompt", blueprint.prompt.clone());
    line("size", format!("{}x{} pixels", blueprint.width, blueprint.height));
    line("seed", paint.seed.to_string());
    line("steps", paint.steps.to_string());
    line("guidance", paint.guidance.to_string());
    line("sampling", format!("{}, seed {}", blueprint.sampling, blueprint.seed));
    for (path, source) in run.sources.iter().zip(&blueprint.sources) {
        line(
            "source",
            format!("{path}, {}x{} pixels, sha256 {}", source.width, source.height, source.sha256),
        );
    }
    if let Some(latents) = &run.latents {
        line("noise", format!("given, picture {} of sha256 {}", latents.index + 1, latents.sha256));
    }
    if *images > 1 {
        line("picture", format!("{} of {images}", image + 1));
    }
    line("model", format!("{}, fingerprint {}", run.model, blueprint.model));
    line("device", run.device.clone());
    line("made by", format!("atelier {}", run.version));
    if let Some(draft) = &blueprint.draft {
        grid(&mut text, "draft", draft);
    }
    grid(&mut text, "large", &blueprint.large);
    text
}

fn grid(text: &mut String, name: &str, grid: &TokenGrid) {
    let TokenGrid { rows, columns, ids } = grid;
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    let _ = writeln!(text, "{name:<10}{rows} rows of {columns} codes, {} different", different.len());
    if *columns > MAX_COLUMNS {
        return;
    }
    for row in ids.chunks((*columns).max(1)) {
        let codes: Vec<String> = row.iter().map(|id| format!("{id:>5}")).collect();
        let _ = writeln!(text, "          {}", codes.join(" "));
    }
}
