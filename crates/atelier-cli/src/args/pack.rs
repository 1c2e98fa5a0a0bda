//! The flags of the commands that make packs, and of `atelier verify`.

use std::path::PathBuf;

use atelier_weights::{Policy, Search};
use clap::{Args, ValueHint};

use super::values::{Name, one_of, seed, whole_in};
use crate::model::Model;
use crate::presets::Preset;

/// A policy by its name.
pub type Scheme = fn() -> Policy;

const SCHEMES: &[Name<Scheme>] = &[
    Name::new("q4", Policy::q4 as Scheme).help("Four bits; eight where it matters most"),
    Name::new("q8", Policy::q8 as Scheme).help("Eight bits"),
    Name::new("mixed", Policy::mixed as Scheme)
        .help("Four bits with offsets, and eight for the architect's attention"),
    Name::new("keep", Policy::keep as Scheme).help("Unchanged, only in shards with hashes, for browsers"),
];

const SEARCHES: &[Name<Search>] = &[
    Name::new("nearest", Search::Nearest).help("From the largest weight of each block"),
    Name::new("least-squares", Search::LeastSquares).help("The candidate with the smallest squared error"),
];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier quantize GLM-Image -o GLM-Image-q4
  atelier generate \"A poster that says 'HELLO'\" --model GLM-Image-q4

Rerun the command to resume after Ctrl-C. A policy is JSON:
  {\"name\": \"mine\", \"rules\": [{\"tensors\": \"transformer/*.norm1.*\", \"treatment\": \"q8\"}], \"otherwise\": \"q4\"}
The first rule that matches decides; treatments are keep, q8, q4 and q4-offset.")]
pub struct QuantizeArgs {
    /// Model folder, or the built-in mini
    #[arg(value_name = "CHECKPOINT", value_hint = ValueHint::DirPath)]
    pub checkpoint: Model,
    /// Folder for the pack, new or empty
    #[arg(short, long, value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How to pack weights
    #[arg(long, value_parser = one_of(SCHEMES), default_value = "q4", conflicts_with = "policy")]
    pub scheme: Scheme,
    /// Your own rules instead of a scheme
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// How to choose scales
    #[arg(long, value_parser = one_of(SEARCHES), default_value = "least-squares")]
    pub search: Search,
    /// Calibrate: first run these prompts (one per line) on the CPU, and weight errors by each column's activations
    #[arg(long, value_name = "PROMPTS.txt", value_hint = ValueHint::FilePath)]
    pub calibrate: Option<PathBuf>,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Names any damaged file; download it again, or delete the pack and quantize again. An unfinished pack
is refused: rerun the same `atelier quantize` command to resume it.")]
pub struct VerifyArgs {
    /// Pack folder
    #[arg(value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub pack: PathBuf,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier synth --like full --layers 1 -o synthetic
  atelier generate \"a poster\" --model synthetic --blueprint-only -W 64 -H 64

The weights are random, and so are the pictures: this is for testing a machine. The tokenizer is
mini's with the model's ids, so prompts have more tokens than with the real one. Rerun the command
to resume after Ctrl-C.")]
pub struct SynthArgs {
    /// Model whose sizes to use
    #[arg(long, value_enum)]
    pub like: Preset,
    /// Folder for the model, new or empty
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How weights are packed [default: q4]
    #[arg(long, value_parser = one_of(SCHEMES))]
    pub scheme: Option<Scheme>,
    /// Write a bfloat16 checkpoint instead of a pack
    #[arg(long, conflicts_with = "scheme")]
    pub checkpoint: bool,
    /// Limit, 1 to 1000, the layers of the architect and the blocks of the painter and the vision tower
    #[arg(long, value_name = "COUNT", value_parser = whole_in(1, 1000), allow_negative_numbers = true)]
    pub layers: Option<usize>,
    /// Random seed, 0 to 9007199254740991
    #[arg(long, value_name = "NUMBER", value_parser = seed, default_value_t, allow_negative_numbers = true)]
    pub seed: u64,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}
