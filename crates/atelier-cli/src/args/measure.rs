//! The flags of the commands that measure or plan a run.

use atelier::{MAX_GLYPH_TOKENS, MAX_STEPS, Stage};
use clap::{Args, ValueEnum, ValueHint};

use super::values::{Name, gigabytes, one_of, side, whole_in};
use super::{DeviceArgs, OUTPUT};
use crate::model::Model;
use crate::presets::Preset;

/// One stage, or all that are measured.
pub type Measured = Option<Stage>;

const STAGES: &[Name<Measured>] = &[
    Name::new("all", None),
    Name::new("architect", Some(Stage::Architect)),
    Name::new("painter", Some(Stage::Painter)),
    Name::new("vae", Some(Stage::Decoder)),
];

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(long, value_parser = one_of(STAGES), default_value = "all")]
    pub stage: Measured,
    /// Width and height of the picture, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(long, value_name = "PIXELS", value_parser = side, allow_negative_numbers = true)]
    pub size: Option<usize>,
    /// Tokens to generate, 3 to 16384
    #[arg(long, value_name = "COUNT", value_parser = whole_in(3, 1 << 14), default_value_t = 64, allow_negative_numbers = true)]
    pub tokens: usize,
    /// Denoising steps, 2 to 1000
    #[arg(long, value_name = "COUNT", value_parser = whole_in(2, MAX_STEPS), default_value_t = 4, allow_negative_numbers = true)]
    pub steps: usize,
    /// Also count kernels, on a GPU; takes a little longer
    #[arg(long)]
    pub dispatches: bool,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print the report as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only the report and errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier plan --like full --scheme q4 -W 1024 -H 1024 --vram-budget 8
  atelier plan --model GLM-Image-q4 -W 2048 -H 2048 --images 1 --json

Stages are on the device one after another; the peak is that of the largest. A GB is
1,000,000,000 bytes.
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
    #[arg(short = 'W', long, value_name = "PIXELS", value_parser = side, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", value_parser = side, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Number of source images, 0 to 1000, each as large as the picture
    #[arg(long, value_name = "COUNT", value_parser = whole_in(0, 1000), default_value_t, allow_negative_numbers = true)]
    pub images: usize,
    /// Length of the prompt in tokens, 1 to 1000000 [default: 256]
    #[arg(long, value_name = "COUNT", value_parser = whole_in(1, 1_000_000), allow_negative_numbers = true)]
    pub prompt_tokens: Option<usize>,
    /// Length of the quoted texts in bytes, 0 to 65536 [default: 256]
    #[arg(long, value_name = "COUNT", value_parser = whole_in(0, MAX_GLYPH_TOKENS), allow_negative_numbers = true)]
    pub glyph_tokens: Option<usize>,
    /// Available device memory, in GB
    #[arg(long, value_name = "GB", value_parser = gigabytes, allow_negative_numbers = true)]
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
