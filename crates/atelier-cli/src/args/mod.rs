//! The command line as clap sees it.

mod planning;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::model::Model;

pub use planning::{PlanArgs, PlanScheme, SynthArgs};

const WHAT: &str = "What to generate";
const HOW: &str = "Sampling";
const WHERE: &str = "Model and device";
const OUTPUT: &str = "Output";

/// A prompt becomes a picture, on this machine.
#[derive(Debug, Parser)]
#[command(name = "atelier", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate pictures
    Generate(Box<GenerateArgs>),
    /// Print how a PNG was made
    Inspect(InspectArgs),
    /// Pack a model: quantize its weights to four or eight bits
    Quantize(QuantizeArgs),
    /// Verify every byte of a pack against its hashes
    Verify(VerifyArgs),
    /// Make a model of real size with random weights
    Synth(SynthArgs),
    /// Show how much device memory a run needs
    Plan(PlanArgs),
    /// Measure each stage against the device's limits
    Bench(BenchArgs),
    /// Show what this machine has and what would be used
    Doctor(DoctorArgs),
    /// Evaluate a model on a set of prompts
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  atelier generate \"A poster that says 'OPEN STUDIO'\" -o poster.png
  atelier generate \"the same street in winter\" -i street.jpg -n 4 -o winter-%03d.png --model GLM-Image
  atelier generate --from poster.png --steps 80 -o poster-finer.png
  atelier generate --resume winter.unfinished.json

Each picture is saved as soon as it is painted. A run that ends early, by Ctrl-C or an error, leaves a file
beside its pictures from which --resume continues. A second Ctrl-C ends the program at once.

Exit codes: 0 done, 1 the device failed, 2 bad input, 3 out of memory (or over --vram-budget), 130 cancelled."
)]
pub struct GenerateArgs {
    /// The prompt; words in quotes appear as text in the picture
    #[arg(value_name = "PROMPT")]
    pub text: Option<String>,
    /// Another prompt (repeatable)
    #[arg(short, long, value_name = "PROMPT", help_heading = WHAT)]
    pub prompt: Vec<String>,
    /// File with one prompt per line; - reads standard input
    #[arg(long, value_name = "FILE", help_heading = WHAT)]
    pub prompt_file: Option<PathBuf>,
    /// Source image: PNG, JPEG, WebP or BMP (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = WHAT)]
    pub image: Vec<PathBuf>,
    /// Width in pixels, a multiple of 32 from 32 to 4096 [default: the model's; with --image, the image's aspect ratio at the
    /// model's area]
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: as for --width]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Pictures per prompt, at least 1 [default: 1]
    #[arg(short = 'n', long, value_name = "COUNT", help_heading = WHAT, allow_negative_numbers = true)]
    pub images_per_prompt: Option<usize>,
    /// Paint a saved blueprint; --seed defaults to its seed
    #[arg(long, value_name = "FILE", help_heading = WHAT, conflicts_with_all = NEW_BLUEPRINT)]
    pub blueprint: Option<PathBuf>,
    /// Repeat the run that made this PNG; --steps, --guidance, --seed, -n and -i may change it
    #[arg(long, value_name = "PNG", help_heading = WHAT, conflicts_with_all = NEW_BLUEPRINT, conflicts_with = "blueprint")]
    pub from: Option<PathBuf>,
    /// Continue a run that ended early, from the file it left; that file has every setting, so no other may be given
    #[arg(long, value_name = "FILE.unfinished.json", help_heading = WHAT, conflicts_with_all = OTHER_RUN, value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,

    /// Denoising steps, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Classifier-free guidance scale, at least 0; 1 or less turns it off and halves the time per step [default: the model's, or 1.5]
    #[arg(long, visible_alias = "cfg-scale", value_name = "SCALE", help_heading = HOW, allow_negative_numbers = true)]
    pub guidance: Option<f32>,
    /// Random seed: a whole number, or random or -1; picture k uses seed + k - 1, and the blueprint of its prompt's first picture [default: random]
    #[arg(short, long, value_name = "NUMBER", value_parser = any_seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// Seed of the blueprint alone, to repeat a later one of several pictures [default: --seed]
    #[arg(long, value_name = "NUMBER", value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub blueprint_seed: Option<u64>,
    /// Sampling temperature for the blueprint, at least 0; 0 is greedy [default: the model's, usually 0.9]
    #[arg(long, value_name = "NUMBER", help_heading = HOW, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Nucleus sampling: keep the smallest set of tokens whose probability reaches P, 0 < P <= 1 [default: the model's,
    /// usually 0.75]
    #[arg(long, value_name = "P", help_heading = HOW, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Top-k sampling: keep this many of the most likely tokens; 0 keeps all [default: the model's]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub top_k: Option<usize>,
    /// Initial noise from a file: the tensor `noise`, F32 [images, 16, height / 8, width / 8]
    #[arg(long, value_name = "FILE.safetensors", help_heading = HOW)]
    pub latents: Option<PathBuf>,
    /// With several prompts, do not pad them to one length: paint each as if it were alone
    #[arg(long, help_heading = HOW)]
    pub no_batch_padding: bool,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// PNG to write; %03d is the picture's number [default: atelier-%03d.png, from the first free number]
    #[arg(short, long, value_name = "FILE.png", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,
    /// Write the blueprint as soon as it is complete; with several prompts, %03d is the prompt's number
    #[arg(long, value_name = "FILE.json", help_heading = OUTPUT, conflicts_with_all = ["blueprint", "from"])]
    pub save_blueprint: Option<PathBuf>,
    /// Stop after the blueprint; without --save-blueprint, print it on standard output
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["blueprint", "from", "resume", "output", "latents"])]
    pub blueprint_only: bool,
    /// Write the tensors of every stage, to compare them with the reference
    #[arg(long, value_name = "FILE.safetensors", help_heading = OUTPUT, conflicts_with = "resume")]
    pub trace: Option<PathBuf>,
    /// Leave prompt, settings and blueprint out of the PNG
    #[arg(long, help_heading = OUTPUT, conflicts_with = "resume")]
    pub no_metadata: bool,
    /// Also record the folders of model and source images, not only their names
    #[arg(long, help_heading = OUTPUT, conflicts_with = "no_metadata")]
    pub note_paths: bool,
    /// Print events on standard output, one JSON object per line
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
    /// Print this help
    // Declared here so that it does not get a heading of its own.
    #[arg(short, long, action = ArgAction::Help, help_heading = OUTPUT)]
    help: Option<bool>,
}

/// What makes a new blueprint, and so makes no sense beside one that exists.
const NEW_BLUEPRINT: [&str; 9] =
    ["text", "prompt", "prompt_file", "width", "height", "blueprint_seed", "temperature", "top_p", "top_k"];

/// What makes another run of one that is gone on with.
const OTHER_RUN: [&str; 21] = [
    "text",
    "prompt",
    "prompt_file",
    "image",
    "width",
    "height",
    "images_per_prompt",
    "blueprint",
    "from",
    "steps",
    "guidance",
    "seed",
    "blueprint_seed",
    "temperature",
    "top_p",
    "top_k",
    "latents",
    "no_batch_padding",
    "output",
    "save_blueprint",
    "note_paths",
];

/// A seed as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    Random,
    Number(u64),
}

/// The largest seed: a number that every reader of JSON, browsers among them, keeps exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// Model and device.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// Model folder, or the built-in mini (./mini is a folder of that name) [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", help_heading = WHERE, value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// Device to compute on; auto uses a GPU if there is one
    #[arg(long, value_enum, default_value_t, help_heading = WHERE)]
    pub device: DeviceName,
    /// Use the first graphics adapter whose name contains this; `atelier doctor` lists them
    #[arg(long, value_name = "NAME", help_heading = WHERE)]
    pub adapter: Option<String>,
    /// GPU kernels; plain uses only baseline WebGPU features, to work around driver bugs
    #[arg(long, value_enum, default_value_t, value_name = "KIND", help_heading = WHERE)]
    pub kernels: KernelsName,
    /// Limit on device memory, in GB; `atelier plan` shows how much is needed
    #[arg(long, value_name = "GB", help_heading = WHERE, allow_negative_numbers = true)]
    pub vram_budget: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum KernelsName {
    #[default]
    Fast,
    Plain,
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
pub struct BenchArgs {
    /// What to measure
    #[arg(long, value_enum, default_value_t)]
    pub stage: BenchStage,
    /// Width and height of the picture, a multiple of 32 from 32 to 4096 [default: the model's]
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    pub size: Option<usize>,
    /// Tokens to generate
    #[arg(long, value_name = "COUNT", default_value_t = 64, allow_negative_numbers = true)]
    pub tokens: usize,
    /// Denoising steps
    #[arg(long, value_name = "COUNT", default_value_t = 4, allow_negative_numbers = true)]
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchStage {
    #[default]
    All,
    Architect,
    Painter,
    Vae,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Model folder, or the built-in mini [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  atelier quantize GLM-Image -o GLM-Image-q4
  atelier generate \"A poster that says 'HELLO'\" --model GLM-Image-q4

Rerun the command to resume after Ctrl-C. A policy is JSON: {\"name\": \"mine\", \"rules\": [{\"tensors\":
\"transformer/*.norm1.*\", \"treatment\": \"q8\"}], \"otherwise\": \"q4\"}; the first rule that matches decides;
treatments are keep, q8, q4 and q4-offset.")]
pub struct QuantizeArgs {
    /// Model folder, or the built-in mini
    #[arg(value_name = "CHECKPOINT", value_hint = ValueHint::DirPath)]
    pub checkpoint: Model,
    /// Folder for the pack, new or empty
    #[arg(short, long, value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How to pack weights
    #[arg(long, value_enum, default_value_t, conflicts_with = "policy")]
    pub scheme: SchemeName,
    /// Your own rules instead of a scheme
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// How to choose scales
    #[arg(long, value_enum, default_value_t)]
    pub search: SearchName,
    /// Calibrate: first run these prompts (one per line) on the CPU, and weight errors by each column's activations
    #[arg(long, value_name = "PROMPTS.txt", value_hint = ValueHint::FilePath)]
    pub calibrate: Option<PathBuf>,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemeName {
    /// Four bits; eight where it matters most
    #[default]
    Q4,
    /// Eight bits
    Q8,
    /// Four bits with offsets, and eight for the architect's attention
    Mixed,
    /// Unchanged, only in shards with hashes, for browsers
    Keep,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SearchName {
    /// From the largest weight of each block
    Nearest,
    /// The candidate with the smallest squared error
    #[default]
    LeastSquares,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Names any damaged file; download it again, or delete the pack and quantize again. An unfinished pack is refused:
rerun the same `atelier quantize` command to resume it.")]
pub struct VerifyArgs {
    /// Pack folder
    #[arg(value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub pack: PathBuf,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Generate a picture for every prompt of a file, to measure how well texts are rendered
    Text(EvalTextArgs),
    /// Compare a pack with the model it was made from
    Fidelity(EvalFidelityArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
For every prompt, the original model writes a blueprint and paints it. The pack then scores each token of that
blueprint, and paints it from the same noise.")]
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
    /// Denoising steps, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Random seed, a whole number, the same for every picture
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
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: each prompt's own, or the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Denoising steps, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Random seed, a whole number, the same for every picture
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

/// A number in range, or a word for any.
fn any_seed(typed: &str) -> Result<Seed, String> {
    match typed.trim() {
        "-1" | "random" => Ok(Seed::Random),
        number => seed(number).map(Seed::Number).map_err(|error| error + ", or random"),
    }
}

fn seed(typed: &str) -> Result<u64, String> {
    match typed.parse() {
        Ok(number) if number <= MAX_SEED => Ok(number),
        _ => Err(format!("expected a whole number from 0 to {MAX_SEED}")),
    }
}

/// One number, or the first and the last of several.
fn indexes(typed: &str) -> Result<RangeInclusive<usize>, String> {
    let (first, last) = typed.split_once('-').unwrap_or((typed, typed));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => Err("expected a whole number, or a range such as 10-19".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn capital_h_is_the_height() {
        let cli = Cli::parse_from(["atelier", "generate", "x", "-W", "64", "-H", "96", "--cfg-scale", "2"]);
        let Command::Generate(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!((args.width, args.height, args.guidance), (Some(64), Some(96), Some(2.0)));
    }

    #[test]
    fn seeds_are_numbers_or_random() {
        assert_eq!(any_seed("-1"), Ok(Seed::Random));
        assert_eq!(any_seed("random"), Ok(Seed::Random));
        assert_eq!(any_seed("9007199254740991"), Ok(Seed::Number(MAX_SEED)));
        for typed in ["", "-2", "9007199254740992", "99999999999999999999", "1.5", "1e3", "0x1"] {
            let error = any_seed(typed).unwrap_err();
            assert_eq!(error, "expected a whole number from 0 to 9007199254740991, or random", "{typed}");
        }
        assert!(seed("random").is_err());
    }

    #[test]
    fn indexes_are_one_or_several() {
        assert_eq!((indexes("7"), indexes("10-19")), (Ok(7..=7), Ok(10..=19)));
        for typed in ["", "-", "x", "5-", "-5", "9-8", "1-2-3"] {
            assert!(indexes(typed).is_err(), "{typed}");
        }
    }
}
