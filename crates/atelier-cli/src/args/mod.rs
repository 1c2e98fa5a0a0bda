//! The command line as clap sees it.

mod device;
mod eval;
mod generate;
mod measure;
mod pack;
mod values;

use std::path::PathBuf;

use atelier::DeviceChoice;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::model::Model;
use device::DEVICES;
use values::one_of;

pub use device::{DeviceArgs, Kernels};
pub use eval::{EvalCommand, EvalFidelityArgs, EvalTextArgs};
pub use generate::GenerateArgs;
pub use measure::{BenchArgs, Measured, PlanArgs, PlanScheme, RehearseArgs};
pub use pack::{QuantizeArgs, SynthArgs, VerifyArgs};
pub use values::Seed;

const WHAT: &str = "What to generate";
const HOW: &str = "Sampling";
const WHERE: &str = "Model and device";
const OUTPUT: &str = "Output";

/// A prompt becomes a picture, on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "atelier",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  atelier generate \"A poster that says 'OPEN STUDIO'\" -o poster.png
  atelier doctor --model FOLDER
  atelier generate --help

Without --model or $ATELIER_MODEL, the small built-in model mini is used.
Exit codes: 0 done, 1 the device or a kernel failed, 2 bad input, 3 too little memory, 130 cancelled."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate pictures from prompts
    Generate(Box<GenerateArgs>),
    /// Print how a PNG was made
    Inspect(InspectArgs),
    /// Pack a model: quantize its weights to four or eight bits
    Quantize(QuantizeArgs),
    /// Verify every byte of a pack against its hashes
    Verify(VerifyArgs),
    /// Make a model of real size with random weights, to test a machine
    Synth(SynthArgs),
    /// Show how much device memory a run would need
    Plan(PlanArgs),
    /// Measure each stage against the device's limits
    Bench(BenchArgs),
    /// Check and measure a machine from its kernels to a whole picture, for a table
    Rehearse(RehearseArgs),
    /// Show what this machine has, what a model is, and what would be used
    Doctor(DoctorArgs),
    /// Evaluate a model on a set of prompts
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write a page for every command into this folder
        #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        output: Option<PathBuf>,
    },
    /// Print the licences of the program and of all that is in it
    Licences,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A PNG made by atelier
    #[arg(value_name = "FILE.png")]
    pub file: PathBuf,
    /// Print the run as JSON
    #[arg(long)]
    pub json: bool,
    /// Also write the blueprint to a file
    #[arg(long, value_name = "FILE.json")]
    pub blueprint: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 whatever is found, and \"usable\" of the model in --json says whether it opens; with --check, 1 if a \
kernel is broken; 2 bad input.")]
pub struct DoctorArgs {
    /// What is to be explained: a model folder, or whatever else is there, or the built-in mini [default: $ATELIER_MODEL, or
    /// mini]
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// Compute with every kernel in every variant and compare: what is broken is not used from then on, which a file of the
    /// user's state folder notes ($ATELIER_STATE_DIR is another folder)
    #[arg(long)]
    pub check: bool,
    /// What to check; auto is a GPU if there is one
    #[arg(long, value_parser = one_of(DEVICES), default_value = "auto", requires = "check")]
    pub device: DeviceChoice,
    /// The adapter to check, by number, or by part of its name, interface or kind
    #[arg(long, value_name = "NAME", requires = "check", value_parser = NonEmptyStringValueParser::new())]
    pub adapter: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every option of every command that takes a number says which, whatever is wrong with it.
    #[test]
    fn every_number_names_its_range() {
        fn numbers(command: &clap::Command, path: &[String], tried: &mut usize) {
            for inner in command.get_subcommands() {
                let path = [path, &[inner.get_name().to_owned()]].concat();
                numbers(inner, &path, tried);
                for argument in inner.get_arguments() {
                    let name = argument.get_value_names().and_then(|names| names.first());
                    let takes_number = name.is_some_and(|name| {
                        ["COUNT", "PIXELS", "NUMBER", "GB", "SCALE", "P", "FIRST-LAST"]
                            .contains(&name.as_str())
                    });
                    let Some(long) = argument.get_long().filter(|_| takes_number) else { continue };
                    for value in ["x", "", "99999999999999999999999999x"] {
                        let typed = [&path[..], &[format!("--{long}={value}")]].concat();
                        let error = Cli::try_parse_from(typed).unwrap_err().to_string();
                        assert!(error.contains("expected a ") && error.contains(long), "{path:?}: {error}");
                        *tried += 1;
                    }
                }
            }
        }
        let mut tried = 0;
        numbers(&Cli::command(), &["atelier".to_owned()], &mut tried);
        assert!(tried > 75, "{tried}");
    }

    #[test]
    fn capital_h_is_the_height() {
        let cli = Cli::parse_from(["atelier", "generate", "x", "-W", "64", "-H", "96", "--cfg-scale", "2"]);
        let Command::Generate(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!((args.width, args.height, args.guidance), (Some(64), Some(96), Some(2.0)));
    }
}
