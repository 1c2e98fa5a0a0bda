//! `cargo xtask …`: the chores of this repository.

mod command;
mod fuzz;
mod machine;
mod release;
mod sensitivity;
mod test;
mod web;

use std::process::ExitCode;

use command::{Outcome, cargo, run};

const HELP: &str = "\
cargo xtask <command>

  check                what a change most often breaks, in two minutes: format, lints, unit tests, golden files on
                       the CPU, messages and help texts, types and lints of the page
  test                 everything that must pass: format, lints, tests, the page in a browser
  web [--build]        builds the browser's page into web/dist and serves it on http://127.0.0.1:8080;
                       with --build it only builds: web/dist works from any static file server; --single-file makes
                       web/single/atelier.html as well, the page with engines and model in one file, which opens by
                       double click and asks for nothing
  dist [--only program|web]
                       makes what a release holds in dist: the program for this system with completion scripts and manual
                       pages, the page for static file servers and as one file, the npm packages, a list of all that is
                       linked, and the hashes
  licences             writes the notices of what is linked into the program and into the browser's build
  fuzz [--seconds N]   runs every fuzz target for N seconds (30)
  bench [options]      time and memory of every stage, and the cost of a token with the KV cache;
                       `cargo xtask bench --help` lists the options
  rehearse [options]   checks and measures this machine from its kernels to a whole picture of random weights, each stage
                       with a time limit, and writes a JSON file and a table for docs/PERFORMANCE.md; the program does the
                       same without this repository: `atelier rehearse --help` lists the options
  sensitivity [options]
                       what four bits do to each part of the built-in model alone; the options are those of
                       `atelier eval fidelity`, such as --only 38-43 --steps 10
  help                 this text";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["check"] => test::check(),
        ["test"] => test::test(),
        ["web"] => web::web(true),
        ["web", "--build"] => web::web(false),
        ["web", "--single-file"] => web::single_file(),
        ["dist"] => release::dist(release::Part::All),
        ["dist", "--only", "program"] => release::dist(release::Part::Program),
        ["dist", "--only", "web"] => release::dist(release::Part::Web),
        ["licences"] => release::licences(),
        ["fuzz"] => fuzz::fuzz(30),
        ["fuzz", "--seconds", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::fuzz(seconds),
            Err(_) => return usage(&format!("--seconds: expected a whole number, found '{seconds}'")),
        },
        ["bench", ref options @ ..] => bench(options),
        ["rehearse", ref options @ ..] => rehearse(options),
        ["sensitivity", ref options @ ..] => sensitivity::sensitivity(options),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        [] => return usage("expected a command"),
        _ => return usage(&format!("unknown command '{}'", args.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\n\n{HELP}");
    ExitCode::from(2)
}

/// A command of the program, so that whoever has only that can run it, too.
fn rehearse(options: &[&str]) -> Outcome {
    run(cargo(&["run", "--quiet", "--release", "--", "rehearse"]).args(options))
}

/// `--workspace` gives the dependencies the features that they have everywhere else, so that none is built anew.
fn bench(options: &[&str]) -> Outcome {
    run(cargo(&["bench", "--workspace", "--bench", "bench", "--"]).args(options))
}
