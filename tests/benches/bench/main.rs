//! `cargo xtask bench`: time and memory of every stage on the tiny random checkpoint, and what a token costs with the
//! KV cache as the context grows.

mod attention;
mod kv_cache;
mod memory;
mod stages;

use atelier::{DeviceChoice, device};
use atelier_tests::block_on;

const HELP: &str = "\
cargo xtask bench [options]

  --adapter NAME   on the adapter whose name contains NAME (the CPU)
  --runs N         whole runs, of which the table has the medians (5)
  --tokens N       tokens of the KV-cache measurement, at most 4096 (3500)";

struct Options {
    device: DeviceChoice,
    runs: usize,
    tokens: usize,
}

fn main() {
    let Options { device: choice, runs, tokens } = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{HELP}");
            std::process::exit(2);
        }
    };
    let (device, report) = match block_on(device::open(&choice)) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(2);
        }
    };
    println!("tiny-random on {report}\n");
    stages::bench(&device, runs);
    println!();
    kv_cache::bench(&device, tokens);
}

fn options() -> Result<Options, String> {
    let mut options = Options { device: DeviceChoice::Cpu, runs: 5, tokens: 3500 };
    let mut args = std::env::args().skip(1);
    while let Some(option) = args.next() {
        if option == "--help" || option == "-h" {
            println!("{HELP}");
            std::process::exit(0);
        }
        if option == "--bench" {
            continue; // From `cargo bench` itself.
        }
        let value = args.next().ok_or_else(|| format!("error: {option} needs a value, or is unknown"))?;
        let number = |least: usize, most: usize| match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("error: {option}: expected {least}..={most}, found '{value}'")),
        };
        match option.as_str() {
            "--adapter" => options.device = DeviceChoice::Adapter(value),
            "--runs" => options.runs = number(1, 1000)?,
            "--tokens" => options.tokens = number(2 * kv_cache::WINDOW, 4096)?,
            _ => return Err(format!("error: unknown option {option}")),
        }
    }
    Ok(options)
}

/// The middle one of some times.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
