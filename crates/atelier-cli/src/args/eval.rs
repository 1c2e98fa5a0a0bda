//! The flags of `atelier eval`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use atelier::MAX_STEPS;
use clap::{Args, Subcommand, ValueHint};

use super::values::{indexes, seed, side, whole};
use super::{DeviceArgs, HOW, OUTPUT, WHAT};
use crate::model::Model;

#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Generate a picture for every prompt of a file, to measure how well texts are rendered
    Text(EvalTextArgs),
    /// Compare a pack with the model it was made from
    Fidelity(EvalFidelityArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
For every prompt, the original model writes a blueprint and paints it. The pack then scores each
token of that blueprint, and paints it from the same noise.")]
pub struct EvalFidelityArgs {
    /// Prompts and their indexes, JSON, as for `eval text`
    #[arg(value_name = "PROMPTS.json")]
    pub prompts: PathBuf,
    /// Folder of the model that was packed, or the built-in mini
    #[arg(long, value_name = "MODEL", default_value = "mini", value_hint = ValueHint::DirPath)]
    pub against: Model,
    /// Only these indexes: 7 or 10-19
    #[arg(long, value_name = "FIRST-LAST", value_parser = indexes, help_heading = WHAT)]
    pub only: Option<RangeInclusive<usize>>,
    /// Denoising steps, 1 to 1000 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", value_parser = whole(1, MAX_STEPS), help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Random seed, 0 to 9007199254740991, the same for every picture
    #[arg(short, long, value_name = "NUMBER", default_value_t, value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print the figures as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only figures and errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
PROMPTS.json is {\"data_list\": [{\"prompt\": \"…\", \"index\": 0}, …]}; the picture of index 7 is DIR/007.png.
A prompt may have a \"width\" and a \"height\" of its own; --width and --height override them.

Existing pictures of the same model, prompt, size, steps and seed are skipped; others are painted again.
Rerun the command to resume after Ctrl-C.")]
pub struct EvalTextArgs {
    /// Prompts and their indexes, JSON
    #[arg(value_name = "PROMPTS.json")]
    pub prompts: PathBuf,
    /// Only these indexes: 7 or 10-19
    #[arg(long, value_name = "FIRST-LAST", value_parser = indexes, help_heading = WHAT)]
    pub only: Option<RangeInclusive<usize>>,
    /// Width in pixels, a multiple of 32 from 32 to 4096 [default: each prompt's own, or the model's]
    #[arg(short = 'W', long, value_name = "PIXELS", value_parser = side, help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: each prompt's own, or the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", value_parser = side, help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Denoising steps, 1 to 1000 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", value_parser = whole(1, MAX_STEPS), help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Random seed, 0 to 9007199254740991, the same for every picture
    #[arg(short, long, value_name = "NUMBER", default_value_t, value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Folder for the pictures, created if missing
    #[arg(short, long, value_name = "DIR", help_heading = OUTPUT, value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Print only errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
}
