//! The flags of the commands that measure or plan a run.

use std::path::PathBuf;

use atelier::{DeviceChoice, MAX_GLYPH_TOKENS, MAX_STEPS, Stage};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::device::DEVICES;
use super::values::{Name, gigabytes, one_of, side, whole_in};
use super::{DeviceArgs, OUTPUT, WHERE};
use crate::model::Model;
use crate::presets::Preset;

/// What `atelier bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Each stage alone.
    All,
    /// One of them.
    Stage(Stage),
    /// A picture from its prompt to its pixels.
    Picture,
}

const STAGES: &[Name<Measured>] = &[
    Name::new("all", Measured::All),
    Name::new("architect", Measured::Stage(Stage::Architect)),
    Name::new("painter", Measured::Stage(Stage::Painter)),
    Name::new("vae", Measured::Stage(Stage::Decoder)),
    Name::new("picture", Measured::Picture),
];

/// What no kernel depends on.
const OF_STAGES: [&str; 7] = ["stage", "size", "tokens", "steps", "dispatches", "model", "vram_budget"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier bench --model GLM-Image-q4
  atelier bench --stage picture --size 1024 --steps 20 --model GLM-Image-q4
  atelier bench --kernel-table --adapter 2")]
pub struct BenchArgs {
    /// What to measure: all is each of architect, painter and vae alone; picture is a whole one with all of its tokens, and the
    /// seconds of each stage
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
    /// Instead of stages, measure every kernel in every variant on the shapes that the full model spends its time on: its time,
    /// its share of what the device can do, and its error on hard numbers; no model is needed
    #[arg(long, conflicts_with_all = OF_STAGES)]
    pub kernel_table: bool,
    /// With --kernel-table: shapes of about an eighth, as a software adapter is given them anyway
    #[arg(long, requires = "kernel_table")]
    pub small: bool,
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
  atelier rehearse -o rehearsal
  atelier rehearse --small --adapter llvmpipe -o rehearsal

In order: what the device is, the check of its kernels, the table of its kernels, a model of random
weights, its architect and its painter at 512x512 and 1024x1024, its decoder, and a whole picture
with its peak of memory. A stage that fails or runs out of time is reported, and the rest goes on.
Writes rehearsal.json and rehearsal.md, a table fit for docs/PERFORMANCE.md.
Exit codes: 0 all stages were done, 1 one was not, 2 bad input, 130 cancelled.")]
pub struct RehearseArgs {
    /// Folder for the results, and for the model while it is needed
    #[arg(short, long, value_name = "FOLDER", default_value = "rehearsal", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Layers of the architect and blocks of the painter, 1 to 1000
    #[arg(long, value_name = "COUNT", value_parser = whole_in(1, 1000), default_value_t = 2, allow_negative_numbers = true)]
    pub layers: usize,
    /// All layers of the full model: 13 GB on disk, and minutes to make them
    #[arg(long, conflicts_with = "layers")]
    pub all_layers: bool,
    /// The sizes of the built-in model, pictures of 128x128 and 256x256, small shapes of kernels: for a CPU or a software adapter
    #[arg(long)]
    pub small: bool,
    /// Time limit of every stage, in seconds [default: each has its own, from one minute to half an hour]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub limit: Option<f64>,
    /// Device to measure; auto is a GPU if there is one
    #[arg(long, value_parser = one_of(DEVICES), default_value = "auto", help_heading = WHERE)]
    pub device: DeviceChoice,
    /// The adapter to measure, by number, or by part of its name, interface or kind
    #[arg(long, value_name = "NAME", help_heading = WHERE, value_parser = NonEmptyStringValueParser::new())]
    pub adapter: Option<String>,
    /// Print only errors
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
