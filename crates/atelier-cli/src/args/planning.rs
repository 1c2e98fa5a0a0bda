//! The commands about models that need not be there: their memory, and random ones of their sizes.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::SchemeName;
use crate::model::Model;
use crate::presets::Preset;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier plan --like full --scheme q4 -W 1024 -H 1024 --vram-budget 8
  atelier plan --model GLM-Image-q4 -W 2048 -H 2048 --images 1 --json

Stages live on the device one after another: the peak is the largest of them. A GB is 1,000,000,000 bytes.
Exit codes: 0 it fits, 2 bad input, 3 it does not fit the budget.")]
pub struct PlanArgs {
    /// Folder of a model or a pack, or mini, which is built in [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// A model by its sizes, without its weights
    #[arg(long, value_enum, conflicts_with = "model")]
    pub like: Option<Preset>,
    /// How weights are packed [default: q4 with --like, f32 for a checkpoint, a pack's own]
    #[arg(long, value_enum)]
    pub scheme: Option<PlanScheme>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(short = 'W', long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Source images, each as large as the picture
    #[arg(long, value_name = "COUNT", default_value_t)]
    pub images: usize,
    /// Tokens of the prompt [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub prompt_tokens: Option<usize>,
    /// Bytes of the texts in quotes [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub glyph_tokens: Option<usize>,
    /// Device memory that there is, in GB
    #[arg(long, value_name = "GB", allow_negative_numbers = true)]
    pub vram_budget: Option<f64>,
    /// Print the plan as JSON, in bytes
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanScheme {
    /// Four bits, eight where it matters most
    #[default]
    Q4,
    /// Eight bits
    Q8,
    /// Four bits with offsets, and eight for the architect's attention
    Mixed,
    /// Sixteen bits
    F16,
    /// What a checkpoint that is not packed is computed with
    F32,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier synth --like full --layers 1 -o synthetic
  atelier generate \"a poster\" --model synthetic --blueprint-only -W 64 -H 64

The weights are random, and so are the pictures: it is for trying out a machine. The tokenizer is mini's with
the model's ids, so prompts have more tokens than with the real one. After Ctrl-C the same command goes on.")]
pub struct SynthArgs {
    /// Whose sizes
    #[arg(long, value_enum)]
    pub like: Preset,
    /// A new or empty folder for the model
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How weights are packed [default: q4]
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeName>,
    /// Write a checkpoint in bfloat16 instead of a pack
    #[arg(long, conflicts_with = "scheme")]
    pub checkpoint: bool,
    /// At most this many layers of the architect, blocks of the painter and blocks of the vision tower
    #[arg(long, value_name = "COUNT", value_parser = layers)]
    pub layers: Option<usize>,
    /// Whole number
    #[arg(long, value_name = "NUMBER", default_value_t)]
    pub seed: u64,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// At least one.
fn layers(typed: &str) -> Result<usize, String> {
    match typed.parse() {
        Ok(layers) if layers > 0 => Ok(layers),
        _ => Err("expected a whole number of at least 1".into()),
    }
}
