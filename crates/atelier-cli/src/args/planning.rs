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

Stages are on the device one after another; the peak is that of the largest. A GB is 1,000,000,000 bytes.
Exit codes: 0 it fits, 2 bad input, 3 it does not fit the budget.")]
pub struct PlanArgs {
    /// Folder of a model or a pack, or the built-in mini [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// Plan for a known model without its weights
    #[arg(long, value_enum, conflicts_with = "model")]
    pub like: Option<Preset>,
    /// How weights are packed [default: q4 with --like, f32 for a checkpoint, a pack's own]
    #[arg(long, value_enum)]
    pub scheme: Option<PlanScheme>,
    /// Width in pixels, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(short = 'W', long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Number of source images, each as large as the picture
    #[arg(long, value_name = "COUNT", default_value_t)]
    pub images: usize,
    /// Length of the prompt in tokens [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub prompt_tokens: Option<usize>,
    /// Length of the quoted texts in bytes [default: 256]
    #[arg(long, value_name = "COUNT")]
    pub glyph_tokens: Option<usize>,
    /// Available device memory, in GB
    #[arg(long, value_name = "GB", allow_negative_numbers = true)]
    pub vram_budget: Option<f64>,
    /// Print the plan as JSON, in bytes
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanScheme {
    /// Four bits; eight where it matters most
    #[default]
    Q4,
    /// Eight bits
    Q8,
    /// Four bits with offsets, and eight for the architect's attention
    Mixed,
    /// Sixteen bits
    F16,
    /// 32 bits, as an unpacked checkpoint is computed
    F32,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier synth --like full --layers 1 -o synthetic
  atelier generate \"a poster\" --model synthetic --blueprint-only -W 64 -H 64

The weights are random, and so are the pictures: this is for testing a machine. The tokenizer is mini's with the
model's ids, so prompts have more tokens than with the real one. Rerun the command to resume after Ctrl-C.")]
pub struct SynthArgs {
    /// Model whose sizes to use
    #[arg(long, value_enum)]
    pub like: Preset,
    /// Folder for the model, new or empty
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How weights are packed [default: q4]
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeName>,
    /// Write a bfloat16 checkpoint instead of a pack
    #[arg(long, conflicts_with = "scheme")]
    pub checkpoint: bool,
    /// Limit the layers of the architect and the blocks of the painter and the vision tower
    #[arg(long, value_name = "COUNT", value_parser = layers)]
    pub layers: Option<usize>,
    /// Random seed, a whole number
    #[arg(long, value_name = "NUMBER", default_value_t)]
    pub seed: u64,
    /// Print only errors
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
