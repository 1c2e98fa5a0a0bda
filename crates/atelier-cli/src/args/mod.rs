//! The command line as clap sees it.

mod planning;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use atelier::Request;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::model::Model;

pub use planning::{PlanArgs, PlanScheme, SynthArgs};

const WHAT: &str = "What to draw";
const HOW: &str = "How to draw";
const WHERE: &str = "Where it runs";
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
    /// Draw pictures
    Generate(Box<GenerateArgs>),
    /// Print the run that a PNG was made by
    Inspect(InspectArgs),
    /// Pack a model: four or eight bits a weight
    Quantize(QuantizeArgs),
    /// Compare every byte of a pack with its hashes
    Verify(VerifyArgs),
    /// Make a random model of real sizes
    Synth(SynthArgs),
    /// Say how much device memory a run needs
    Plan(PlanArgs),
    /// Measure each stage against what the device can do
    Bench(BenchArgs),
    /// Say what this machine has and what would be used
    Doctor(DoctorArgs),
    /// Draw a set of prompts, to measure a model by
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

Each picture is saved as soon as it is painted. A run that is cut short, by Ctrl-C or a fault,
leaves a file beside its pictures that --resume goes on from. A second Ctrl-C ends at once.

Exit codes: 0 done, 1 the device failed, 2 bad input, 3 too little memory, 130 cancelled."
)]
pub struct GenerateArgs {
    /// The prompt; words in quotes are drawn as text
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,
    /// One more prompt (repeatable)
    #[arg(short = 'p', long = "prompt", value_name = "PROMPT", help_heading = WHAT)]
    pub more_prompts: Vec<String>,
    /// A file with one prompt a line; - is standard input
    #[arg(long, value_name = "FILE", help_heading = WHAT)]
    pub prompt_file: Option<PathBuf>,
    /// A source image: PNG, JPEG, WebP or BMP (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = WHAT)]
    pub image: Vec<PathBuf>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: the model's; with --image the image's shape, of the model's area]
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: as for --width]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Pictures of each prompt, at least 1 [default: 1]
    #[arg(short = 'n', long, value_name = "COUNT", help_heading = WHAT, allow_negative_numbers = true)]
    pub images_per_prompt: Option<usize>,
    /// Paint a saved blueprint; its seed is the default of --seed
    #[arg(long, value_name = "FILE", help_heading = WHAT, conflicts_with_all = NEW_BLUEPRINT)]
    pub blueprint: Option<PathBuf>,
    /// Repeat the run that made this PNG; --steps, --guidance, --seed, -n and -i may change it
    #[arg(long, value_name = "PNG", help_heading = WHAT, conflicts_with_all = NEW_BLUEPRINT, conflicts_with = "blueprint")]
    pub from: Option<PathBuf>,
    /// Go on with a run that was cut short: the file that it left, which has all settings; no other is taken beside it
    #[arg(long, value_name = "FILE.unfinished.json", help_heading = WHAT, conflicts_with_all = OTHER_RUN, value_hint = ValueHint::FilePath)]
    pub resume: Option<PathBuf>,

    /// Steps of the painter, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// How strongly the prompt counts, at least 0; up to 1 is twice as fast [default: the model's, or 1.5]
    #[arg(long, visible_alias = "cfg-scale", value_name = "SCALE", help_heading = HOW, allow_negative_numbers = true)]
    pub guidance: Option<f32>,
    /// Whole number, or random or -1; picture k has seed + k - 1 and the blueprint of its prompt's first [default: random]
    #[arg(short, long, value_name = "NUMBER", value_parser = any_seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// Of the blueprint alone, to make a later picture of several again [default: the seed]
    #[arg(long, value_name = "NUMBER", value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub blueprint_seed: Option<u64>,
    /// Of the blueprint's tokens, at least 0; 0 takes the likeliest [default: the model's, usually 0.9]
    #[arg(long, value_name = "NUMBER", help_heading = HOW, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Draw from the likeliest tokens of this mass, above 0 to 1 [default: the model's, usually 0.75]
    #[arg(long, value_name = "MASS", help_heading = HOW, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Draw from this many likeliest tokens; 0 is all of them [default: the model's]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub top_k: Option<usize>,
    /// Initial noise: the tensor `noise`, F32 [images, 16, height / 8, width / 8]
    #[arg(long, value_name = "FILE.safetensors", help_heading = HOW)]
    pub latents: Option<PathBuf>,
    /// With several prompts, paint each as if it were alone
    #[arg(long, help_heading = HOW)]
    pub no_batch_padding: bool,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// The PNG to write; %03d is the number of the picture [default: atelier-%03d.png, from the first free number]
    #[arg(short, long, value_name = "FILE.png", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,
    /// Write the blueprint as soon as it is complete; with several prompts %03d is the number of the prompt
    #[arg(long, value_name = "FILE.json", help_heading = OUTPUT, conflicts_with_all = ["blueprint", "from"])]
    pub save_blueprint: Option<PathBuf>,
    /// Stop at the blueprint; without --save-blueprint it goes to standard output
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["blueprint", "from", "resume", "output", "latents"])]
    pub blueprint_only: bool,
    /// Write every stage's tensors, for comparison with the reference
    #[arg(long, value_name = "FILE.safetensors", help_heading = OUTPUT, conflicts_with = "resume")]
    pub trace: Option<PathBuf>,
    /// Leave prompt, settings and blueprint out of the PNG
    #[arg(long, help_heading = OUTPUT, conflicts_with = "resume")]
    pub no_metadata: bool,
    /// Note the folders of model and source images too, not their names alone
    #[arg(long, help_heading = OUTPUT, conflicts_with = "no_metadata")]
    pub note_paths: bool,
    /// Print events on standard output, one JSON object a line
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
    /// Print this help
    // Declared here so that it does not get a heading of its own.
    #[arg(short, long, action = ArgAction::Help, help_heading = OUTPUT)]
    help: Option<bool>,
}

impl GenerateArgs {
    /// What is asked for, over what is so without a flag.
    pub fn over(&self, request: Request) -> Request {
        Request {
            width: self.width.or(request.width),
            height: self.height.or(request.height),
            steps: self.steps.or(request.steps),
            guidance: self.guidance.or(request.guidance),
            blueprint_seed: self.blueprint_seed.or(request.blueprint_seed),
            temperature: self.temperature.or(request.temperature),
            top_p: self.top_p.or(request.top_p),
            top_k: self.top_k.or(request.top_k),
            images_per_prompt: self.images_per_prompt.unwrap_or(request.images_per_prompt),
            batch_padding: request.batch_padding && !self.no_batch_padding,
            glyph_tokens: request.glyph_tokens.filter(|_| !self.no_batch_padding),
            ..request
        }
    }
}

/// What makes a new blueprint, and so makes no sense beside one that exists.
const NEW_BLUEPRINT: [&str; 9] = [
    "prompt",
    "more_prompts",
    "prompt_file",
    "width",
    "height",
    "blueprint_seed",
    "temperature",
    "top_p",
    "top_k",
];

/// What makes another run of one that is gone on with.
const OTHER_RUN: [&str; 21] = [
    "prompt",
    "more_prompts",
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
    /// Folder of a model, or mini, which is built in; a folder of that name is ./mini [default: $ATELIER_MODEL, or mini]
    #[arg(long, value_name = "MODEL", help_heading = WHERE, value_hint = ValueHint::DirPath)]
    pub model: Option<Model>,
    /// auto takes a GPU if there is one
    #[arg(long, value_enum, default_value_t, help_heading = WHERE)]
    pub device: DeviceName,
    /// The first graphics adapter with this in its name; `atelier doctor` lists them
    #[arg(long, value_name = "NAME", help_heading = WHERE)]
    pub adapter: Option<String>,
    /// Kernels for a GPU: plain ones use nothing that not every adapter has, should a driver have faults
    #[arg(long, value_enum, default_value_t, value_name = "KIND", help_heading = WHERE)]
    pub kernels: KernelsName,
    /// The most memory of the device to use, in GB; `atelier plan` says what is needed
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
    /// Tokens that the architect writes
    #[arg(long, value_name = "COUNT", default_value_t = 64, allow_negative_numbers = true)]
    pub tokens: usize,
    /// Steps that the painter makes
    #[arg(long, value_name = "COUNT", default_value_t = 4, allow_negative_numbers = true)]
    pub steps: usize,
    /// Count kernels too, on a GPU; it costs a little time
    #[arg(long)]
    pub dispatches: bool,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print the report as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but the report and errors
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
    /// Folder of a model, or mini, which is built in [default: $ATELIER_MODEL, or mini]
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

After Ctrl-C the same command goes on. A policy is JSON: {\"name\": \"mine\", \"rules\": [{\"tensors\":
\"transformer/*.norm1.*\", \"treatment\": \"q8\"}], \"otherwise\": \"q4\"}; the first rule that matches decides;
treatments are keep, q8, q4 and q4-offset.")]
pub struct QuantizeArgs {
    /// Folder of the model, or mini, which is built in
    #[arg(value_name = "CHECKPOINT", value_hint = ValueHint::DirPath)]
    pub checkpoint: Model,
    /// A new or empty folder for the pack
    #[arg(short, long, value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// How weights are packed
    #[arg(long, value_enum, default_value_t, conflicts_with = "policy")]
    pub scheme: SchemeName,
    /// Rules of one's own instead of a scheme
    #[arg(long, value_name = "FILE.json", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// How scales are found
    #[arg(long, value_enum, default_value_t)]
    pub search: SearchName,
    /// Draw these prompts first, one a line, on the CPU, and weigh errors by what goes into each column
    #[arg(long, value_name = "PROMPTS.txt", value_hint = ValueHint::FilePath)]
    pub calibrate: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemeName {
    /// Four bits, eight where it matters most
    #[default]
    Q4,
    /// Eight bits
    Q8,
    /// Four bits with offsets, and eight for the architect's attention
    Mixed,
    /// As they are: only in shards with hashes, as a browser wants them
    Keep,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SearchName {
    /// From the largest weight of a block
    Nearest,
    /// With the least squared error of those that are tried
    #[default]
    LeastSquares,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A damaged file is named: get it again, or delete the pack and quantise once more. A pack that is not finished
is refused: the `atelier quantize` that began it goes on with it.")]
pub struct VerifyArgs {
    /// Folder of the pack
    #[arg(value_name = "PACK", value_hint = ValueHint::DirPath)]
    pub pack: PathBuf,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Draw every prompt of a file, to see how well texts are drawn
    Text(EvalTextArgs),
    /// Compare a packed model with the one it was made from
    Fidelity(EvalFidelityArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
For every prompt the original writes a blueprint and paints it. The pack then says how it would have
drawn each token of that blueprint, and paints it from the same noise.")]
pub struct EvalFidelityArgs {
    /// The prompts and their numbers, JSON, as for `eval text`
    #[arg(value_name = "PROMPTS.json")]
    pub prompts: PathBuf,
    /// The model that was packed, or mini, which is built in
    #[arg(long, value_name = "MODEL", default_value = "mini", value_hint = ValueHint::DirPath)]
    pub against: Model,
    /// Only these indexes: 7, or 10-19
    #[arg(long, value_name = "FIRST-LAST", value_parser = indexes, help_heading = WHAT)]
    pub only: Option<RangeInclusive<usize>>,
    /// Steps of the painter, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Whole number, the same for every picture
    #[arg(short, long, value_name = "NUMBER", default_value_t, value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Print the figures as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but figures and errors
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
PROMPTS.json is {\"data_list\": [{\"prompt\": \"…\", \"index\": 0}, …]}; the picture of index 7 is DIR/007.png.
A prompt may have a \"width\" and a \"height\" of its own; --width and --height come before them.

Pictures that are there already, of the same model, prompt, size, steps and seed, are passed over;
others are painted again. So after Ctrl-C the same command goes on.")]
pub struct EvalTextArgs {
    /// The prompts and their numbers, JSON
    #[arg(value_name = "PROMPTS.json")]
    pub prompts: PathBuf,
    /// Only these indexes: 7, or 10-19
    #[arg(long, value_name = "FIRST-LAST", value_parser = indexes, help_heading = WHAT)]
    pub only: Option<RangeInclusive<usize>>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: each prompt's own, or the model's]
    #[arg(short = 'W', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Pixels, a multiple of 32 from 32 to 4096 [default: each prompt's own, or the model's]
    #[arg(short = 'H', long, value_name = "PIXELS", help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Steps of the painter, at least 1 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Whole number, the same for every picture
    #[arg(short, long, value_name = "NUMBER", default_value_t, value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// The folder for the pictures, made if it is not there
    #[arg(short, long, value_name = "DIR", help_heading = OUTPUT, value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Print nothing but errors
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
        _ => Err("expected a whole number, or the first and the last of several as in 10-19".into()),
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
