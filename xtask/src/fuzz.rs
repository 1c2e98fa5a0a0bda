//! The fuzz targets, each for a bounded time.

use std::ffi::OsStr;

use crate::command::{Outcome, Output, cargo, failed, root, run, run_keeping, succeeds};

/// How libFuzzer ends and what it says of a crash.
const CLOSING: [&str; 2] = ["stat::number_of_executed_units:", "Test unit written to "];

/// Runs every target under `fuzz/targets` for so many seconds.
pub fn fuzz(seconds: u64) -> Outcome {
    if !succeeds(&mut cargo(&["fuzz", "--version"])) {
        run(&mut cargo(&["install", "cargo-fuzz", "--locked"]))?;
    }
    let mut report = Vec::new();
    let mut crashes = 0;
    for target in targets()? {
        // What the fuzzer finds goes into the corpus, which is not kept in the repository; the seeds are.
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        std::fs::create_dir_all(root().join(&corpus))
            .map_err(|error| failed(format!("{corpus}: {error}")))?;
        let time = format!("-max_total_time={seconds}");
        let args = ["fuzz", "run", "--sanitizer", "none", &target, &corpus, &seeds, "--", &time];
        let mut command = cargo(&args);
        // Coverage counters are a nightly flag; this lets the stable compiler take it.
        command.arg("-print_final_stats=1").env("RUSTC_BOOTSTRAP", "1");
        let (closing, outcome) = run_keeping(&mut command, Output::Stderr, &CLOSING);
        let after =
            |text: &str| closing.iter().find_map(|line| line.split_once(text)).map(|(_, rest)| rest.trim());
        let runs = after(CLOSING[0]).unwrap_or("?");
        let verdict = match (&outcome, after(CLOSING[1])) {
            (Ok(()), _) => "no crash".to_owned(),
            (Err(_), Some(artifact)) => format!("CRASH: {artifact}"),
            (Err(failure), None) => format!("FAILED: {}", failure.message),
        };
        crashes += usize::from(outcome.is_err());
        report.push(format!("{target:<12} {runs:>12} runs in {seconds} s   {verdict}"));
    }
    println!("\n{}", report.join("\n"));
    if crashes == 0 { Ok(()) } else { Err(failed(format!("{crashes} fuzz target(s) did not hold"))) }
}

fn targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/targets");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    let files = entries.flatten().map(|entry| entry.path());
    let sources = files.filter(|path| path.extension() == Some(OsStr::new("rs")));
    let mut names: Vec<String> =
        sources.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    if names.is_empty() { Err(failed("fuzz/targets is empty")) } else { Ok(names) }
}
