//! The table of a rehearsal, fit for `docs/PERFORMANCE.md`.

use std::fmt::Write;

use serde_json::Value;

use super::process::Status;
use super::{Report, Stage};
use crate::error::one_line;
use crate::ui::format::{counted, duration, number, rate_of_bytes, rate_of_operations, short_duration, size};

/// Headings, a table of stages, and one of kernels.
pub fn of(report: &Report) -> String {
    let Report { version, sizes, layers, stages, seconds } = report;
    let device = stages.iter().find_map(|stage| device_of(&stage.result)).unwrap_or("unknown device".into());
    let layers = match layers {
        Some(1) => "1 layer of each model".to_owned(),
        Some(layers) => format!("{layers} layers of each model"),
        None => "all layers".to_owned(),
    };
    let mut text = format!(
        "## {}\n\natelier {version}, random weights in the sizes of `{sizes}`, {layers}; {} in all.\n\n\
         | stage | what was found | peak memory | took | command |\n|---|---|---|---|---|\n",
        cell(&device),
        duration(*seconds)
    );
    let mut line = |value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{value}");
    };
    for stage in stages {
        let Stage { name, size: side, command, seconds, .. } = stage;
        let name = side.map_or_else(|| (*name).to_owned(), |side| format!("{name}, {side}×{side}"));
        let peak = stage.result["peak_bytes"].as_u64().map(size).unwrap_or_default();
        let found = cell(&found(stage));
        line(format!("| {name} | {found} | {peak} | {} | `{}` |", duration(*seconds), cell(command)));
    }
    let rows = stages.iter().find(|stage| stage.name == "kernels");
    let rows = rows.and_then(|stage| stage.result["kernels"].as_array());
    if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
        line("\n| kernel | variant | shape | time | rate | of ceiling | error |\n|---|---|---|---|---|---|---|".into());
        rows.iter().for_each(|row| line(kernel(row)));
    }
    text
}

/// As the tables call it.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Failed => "failed",
        Status::OutOfTime => "out of time",
        Status::Skipped => "skipped",
    }
}

/// The device of a report of `doctor --check` or `bench`.
fn device_of(result: &Value) -> Option<String> {
    let device = &result["device"];
    if let Some(threads) = device["threads"].as_u64() {
        return Some(format!("CPU, {threads} threads"));
    }
    let [name, api, driver] = ["name", "api", "driver"].map(|field| device[field].as_str());
    Some(format!("{} ({}, {})", name?, api?, driver?))
}

/// What a stage has found, in a few words.
fn found(stage: &Stage) -> String {
    let result = &stage.result;
    let at =
        |path: &str| path.split('.').fold(result, |value, name| &value[name]).as_f64().unwrap_or(f64::NAN);
    let percent = |path: &str| format!("{:.0} %", 100.0 * at(path));
    let seconds = |path: &str| short_duration(at(path));
    let all = |field: &str| result[field].as_array().map_or(0, Vec::len);
    if let Some(problem) = &stage.problem {
        // A check that fails has found something.
        let broken: Vec<&str> =
            result["broken"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let which = if broken.is_empty() { String::new() } else { format!(" ({})", broken.join(", ")) };
        return format!("**{}**: {problem}{which}", status_name(stage.status));
    }
    match stage.name {
        "device" => format!("{}, {} CPU threads", counted(all("adapters"), "adapter"), at("threads")),
        "check" => format!("{} checks passed", all("checks")),
        "kernels" => {
            let ceilings = &result["ceilings"];
            let dispatch = match ceilings["dispatch_seconds"].as_f64() {
                Some(seconds) => format!(", {} a dispatch", short_duration(seconds)),
                None => String::new(),
            };
            let wrong = result["kernels"].as_array().into_iter().flatten();
            let wrong = wrong.filter(|row| row["passed"] == false).count();
            let wrong = if wrong > 0 { format!(", **{wrong} wrong**") } else { String::new() };
            format!(
                "{} of copying, {} of multiply-adds{dispatch}; {} rows below{wrong}",
                rate_of_bytes(at("ceilings.copy_bytes_per_second")),
                rate_of_operations(at("ceilings.multiply_add_operations_per_second")),
                all("kernels")
            )
        }
        "architect" => format!(
            "{} tokens/s, {} of copying; prompt {}",
            number(at("architect.tokens_per_second")),
            percent("architect.bandwidth_share"),
            seconds("architect.prompt_seconds")
        ),
        "painter" => format!(
            "{} a step, {}: {} of multiply-adds",
            seconds("painter.seconds_of_step"),
            rate_of_operations(at("painter.operations_per_second")),
            percent("painter.multiply_add_share")
        ),
        "decoder" => format!("{}, the first {}", seconds("vae.seconds"), seconds("vae.first_seconds")),
        "picture" => format!(
            "{}: load {}, prompt {}, {} tokens {}, {} steps {}, decode {}",
            seconds("picture.seconds"),
            seconds("picture.stages.load"),
            seconds("picture.stages.prompt"),
            at("picture.tokens"),
            seconds("picture.stages.architect"),
            at("picture.steps"),
            seconds("picture.stages.painter"),
            seconds("picture.stages.decoder")
        ),
        _ => status_name(stage.status).to_owned(),
    }
}

fn kernel(row: &Value) -> String {
    let word = |field: &str| row[field].as_str().unwrap_or_default();
    let value = |field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    let rate = match word("ceiling") {
        "multiply-add" => rate_of_operations(value("operations_per_second")),
        _ => rate_of_bytes(value("bytes_per_second")),
    };
    let error = match (row["passed"] == true, row["error"].as_f64()) {
        (false, _) => "**wrong**".to_owned(),
        (true, Some(error)) => format!("{error:.3}"),
        (true, None) => String::new(),
    };
    let share = format!("{:.0} % {}", 100.0 * value("share"), word("ceiling"));
    let [kernel, variant, shape] = [word("kernel"), word("variant"), word("shape")].map(cell);
    format!(
        "| {kernel} | {variant} | {shape} | {} | {rate} | {share} | {error} |",
        short_duration(value("seconds"))
    )
}

/// Text that does not end a cell.
fn cell(text: &str) -> String {
    one_line(text).replace('|', "/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fails_is_said_and_what_is_done_has_figures() {
        let stage = |name, status, problem: Option<&str>, result| Stage {
            name,
            size: Some(64),
            command: "atelier bench".into(),
            limit_seconds: 9.0,
            seconds: 2.0,
            status,
            problem: problem.map(str::to_owned),
            result,
        };
        let picture = json!({
            "device": {"device": "gpu", "name": "Card | 9", "api": "vulkan", "driver": "1.2"},
            "peak_bytes": 5_000_000_000_u64,
            "vae": {"seconds": 0.5, "first_seconds": 2.0},
        });
        let report = Report {
            version: "1",
            sizes: "full",
            layers: Some(2),
            stages: vec![
                stage("painter", Status::OutOfTime, Some("it was ended after 9 s"), Value::Null),
                stage("check", Status::Failed, Some("a variant"), json!({"broken": ["dot"]})),
                stage("decoder", Status::Done, None, picture),
                stage(
                    "kernels",
                    Status::Done,
                    None,
                    json!({"kernels": [
                        {"kernel": "GELU", "variant": "plain", "shape": "1×2", "seconds": 1e-3, "ceiling": "copy",
                         "bytes_per_second": 2e9, "share": 0.25, "error": 0.125, "passed": true},
                    ]}),
                ),
            ],
            seconds: 61.0,
        };
        let text = of(&report);
        for line in [
            "## Card / 9 (vulkan, 1.2)",
            "2 layers of each model; 1 min 1 s in all",
            "| painter, 64×64 | **out of time**: it was ended after 9 s |  | 2.0 s | `atelier bench` |",
            "| check, 64×64 | **failed**: a variant (dot) |",
            "| decoder, 64×64 | 0.50 s, the first 2.0 s | 5.0 GB |",
            "| GELU | plain | 1×2 | 1.0 ms | 2.0 GB/s | 25 % copy | 0.125 |",
        ] {
            assert!(text.contains(line), "no {line:?} in\n{text}");
        }
    }
}
