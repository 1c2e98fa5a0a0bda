//! Everything that must pass, cheapest first.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::command::{Outcome, Output, cargo, failed, missing, program, run, run_keeping, succeeds};
use crate::{machine, web};

/// Runs every check; the first that does not pass ends it.
pub fn test() -> Outcome {
    machine::ensure()?;
    ensure_components()?;
    let mut report = Report::default();
    report.format()?;
    // Never linked, so libFuzzer itself is not needed, nor the C++ compiler that builds it.
    let fuzz = ["check", "--release", "--manifest-path", "fuzz/Cargo.toml"];
    report
        .step("fuzz targets compile", cargo(&fuzz).env("CUSTOM_LIBFUZZER_PATH", "not-linked/libfuzzer.a"))?;
    report.lints()?;
    // Those of an earlier run may have had other names.
    match std::fs::remove_dir_all(kernels()?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error.to_string())),
        _ => {}
    }
    let mut tests = cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    report.tests("tests", tests.env("ATELIER_KERNELS_DIR", kernels()?))?;
    report.web()?;
    report.print();
    Ok(())
}

/// What a change most often breaks, in two minutes once everything is built: no device, no browser, no trained model.
pub fn check() -> Outcome {
    ensure_components()?;
    let mut report = Report::default();
    report.format()?;
    report.typescript()?;
    report.lints()?;
    report.browser_lints()?;
    let mut tests = cargo(&["test", "--release", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
    for name in QUICK {
        tests.args(["--test", name]);
    }
    report.tests("unit tests and parity", &mut tests)?;
    report.print();
    Ok(())
}

/// The test programs of [`check`]: golden files on the CPU, with and without the model; every message, help text and
/// event; what the documents say of the repository.
const QUICK: [&str; 5] = ["cpu", "parts", "messages", "snapshots", "documents"];

/// Where the tests of the kernels write them for the tests of the page.
fn kernels() -> Outcome<PathBuf> {
    Ok(web::target_folder()?.join("kernels"))
}

/// rustfmt and clippy are not part of every installation.
fn ensure_components() -> Outcome {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if succeeds(&mut cargo(&[subcommand, "--version"])) {
            continue;
        }
        let add = ["component", "add", component];
        run(&mut program("rustup", &add)).map_err(|failure| {
            missing(format!(
                "{component} is missing and `rustup {}` did not help: {}",
                add.join(" "),
                failure.message
            ))
        })?;
    }
    Ok(())
}

/// What ran, with its time; printed at the end.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
}

impl Report {
    fn print(&self) {
        println!("\n{}\nall of it passed", self.lines.join("\n"));
    }

    fn format(&mut self) -> Outcome {
        self.step("format", &mut cargo(&["fmt", "--all", "--check"]))
    }

    fn lints(&mut self) -> Outcome {
        // The release profile everywhere, so that the dependencies' build scripts and macros are built once.
        let clippy = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
        self.step("lints", &mut cargo(&clippy))
    }

    /// Types, format and lints of the page and the package.
    fn typescript(&mut self) -> Outcome {
        web::tools()?;
        self.step("TypeScript types", &mut web::npm(&["run", "types"]))?;
        self.step("TypeScript lints", &mut web::npm(&["run", "lint"]))
    }

    fn browser_lints(&mut self) -> Outcome {
        self.step("browser lints", &mut web::lints()?)
    }

    fn step(&mut self, name: &str, command: &mut Command) -> Outcome {
        let start = Instant::now();
        run(command)?;
        self.note(name, start, "passed");
        Ok(())
    }

    fn note(&mut self, name: &str, start: Instant, verdict: &str) {
        self.lines.push(format!("{name:<24} {:>4} s   {verdict}", start.elapsed().as_secs()));
    }

    /// The page: its build, which includes its types, its package's own tests, and all of it in a browser.
    fn web(&mut self) -> Outcome {
        let start = Instant::now();
        web::single_file()?;
        self.note("browser build", start, "passed");
        self.step("TypeScript lints", &mut web::npm(&["run", "lint"]))?;
        self.browser_lints()?;
        self.scripts("npm package", &mut web::npm(&["test"]))?;
        let native = web::native()?;
        let mut e2e = web::npm(&["run", "e2e"]);
        e2e.env("ATELIER_NATIVE_DIR", native).env("ATELIER_KERNELS_DIR", kernels()?);
        e2e.env("ATELIER_PROGRAM", web::target_folder()?.join("release/atelier"));
        self.scripts("page in a browser", &mut e2e)
    }

    /// The same as [`Report::tests`] for tests in TypeScript.
    fn scripts(&mut self, name: &str, command: &mut Command) -> Outcome {
        let start = Instant::now();
        // Without colours, the closing line is "Tests  12 passed (12)".
        let (results, outcome) =
            run_keeping(command.env("NO_COLOR", "1"), Output::Stdout, &["Tests  ", "in the tab: "]);
        println!("\n{}", results.join("\n"));
        outcome?;
        let closing = results.iter().find(|line| line.contains("Tests  ")).map_or("", String::as_str);
        let passed = number_before(closing, " passed");
        let left_out = ["failed", "skipped", "todo"].iter().any(|word| closing.contains(word));
        if passed == 0 || left_out {
            return Err(failed(format!("{name}: {}", closing.trim())));
        }
        self.note(name, start, &format!("{passed} passed, none ignored"));
        Ok(())
    }

    /// The tests, with each program's own closing line. A test that is ignored counts as failed: nothing is skipped.
    fn tests(&mut self, name: &str, command: &mut Command) -> Outcome {
        let start = Instant::now();
        let (results, outcome) = run_keeping(command, Output::Stdout, &["test result: "]);
        println!("\n{}", results.join("\n"));
        outcome?;
        let count = |what| results.iter().map(|line| number_before(line, what)).sum::<usize>();
        let (passed, ignored) = (count(" passed;"), count(" ignored;"));
        if passed == 0 || ignored > 0 {
            return Err(failed(format!("{passed} tests passed and {ignored} were ignored")));
        }
        self.note(name, start, &format!("{passed} passed, none ignored"));
        Ok(())
    }
}

/// The number that stands directly before `what`.
fn number_before(line: &str, what: &str) -> usize {
    let before = line.split_once(what).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
