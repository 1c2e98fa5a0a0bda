//! The flags of `atelier generate`.

use std::path::PathBuf;

use atelier::{MAX_IMAGES, MAX_STEPS, MAX_TOP_K, QuoteRule, Request};
use clap::{ArgAction, Args, ValueHint};

use super::values::{Name, Seed, any_seed, number, one_of, seed, side, whole};
use super::{DeviceArgs, HOW, OUTPUT, WHAT};

const QUOTES: &[Name<QuoteRule>] =
    &[Name::new("typographic", QuoteRule::Typographic), Name::new("reference", QuoteRule::Reference)];

#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  atelier generate \"A poster that says 'OPEN STUDIO'\" -o poster.png
  atelier generate \"the same street in winter\" -i street.jpg -n 4 -o winter-%03d.png --model GLM-Image
  atelier generate --from poster.png --steps 80 -o poster-finer.png
  atelier generate --resume winter.unfinished.json

Each picture is saved as soon as it is painted. A run that ends early, by Ctrl-C or an error,
leaves a file beside its pictures from which --resume continues. A second Ctrl-C ends the program
at once.

Exit codes: 0 done, 1 the device failed, 2 bad input, 3 too little memory (or over
--vram-budget), 130 cancelled."
)]
pub struct GenerateArgs {
    /// What the picture shows; words in quotation marks appear in it as text
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,
    /// Another prompt (repeatable)
    #[arg(short = 'p', long = "prompt", value_name = "PROMPT", help_heading = WHAT)]
    pub more_prompts: Vec<String>,
    /// File with one prompt per line; - reads standard input
    #[arg(long, value_name = "FILE", help_heading = WHAT)]
    pub prompt_file: Option<PathBuf>,
    /// Source image: PNG, JPEG, WebP or BMP (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = WHAT)]
    pub image: Vec<PathBuf>,
    /// Width in pixels, a multiple of 32 from 32 to 4096 [default: the model's; with --image, the image's aspect ratio at the
    /// model's area]
    #[arg(short = 'W', long, value_name = "PIXELS", value_parser = side, help_heading = WHAT, allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// Height in pixels, a multiple of 32 from 32 to 4096 [default: as for --width]
    #[arg(short = 'H', long, value_name = "PIXELS", value_parser = side, help_heading = WHAT, allow_negative_numbers = true)]
    pub height: Option<usize>,
    /// Pictures per prompt, 1 to 10000 [default: 1]
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = whole(1, MAX_IMAGES), help_heading = WHAT, allow_negative_numbers = true)]
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

    /// Denoising steps, 1 to 1000 [default: the model's, or 50]
    #[arg(long, value_name = "COUNT", value_parser = whole(1, MAX_STEPS), help_heading = HOW, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Classifier-free guidance scale, 0 to 100; 1 or less turns it off and halves the time per step [default: the model's, or 1.5]
    #[arg(long, visible_alias = "cfg-scale", value_name = "SCALE", value_parser = number("from 0 to 100"), help_heading = HOW, allow_negative_numbers = true)]
    pub guidance: Option<f32>,
    /// Random seed, 0 to 9007199254740991, or random (or -1); picture k has seed + k - 1, and a blueprint the seed of its prompt's
    /// first picture [default: random]
    #[arg(short, long, value_name = "NUMBER", value_parser = any_seed, help_heading = HOW, allow_negative_numbers = true)]
    pub seed: Option<Seed>,
    /// Seed of the blueprint alone, to repeat a later one of several pictures [default: --seed]
    #[arg(long, value_name = "NUMBER", value_parser = seed, help_heading = HOW, allow_negative_numbers = true)]
    pub blueprint_seed: Option<u64>,
    /// Sampling temperature for the blueprint, 0 to 100; 0 is greedy [default: the model's, usually 0.9]
    #[arg(long, value_name = "NUMBER", value_parser = number("from 0 to 100"), help_heading = HOW, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Nucleus sampling: keep the smallest set of tokens whose probability reaches P, 0 < P <= 1 [default: the model's,
    /// usually 0.75]
    #[arg(long, value_name = "P", value_parser = number("above 0 and at most 1"), help_heading = HOW, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Top-k sampling: keep this many of the most likely tokens, up to 1000000; 0 keeps all [default: the model's]
    #[arg(long, value_name = "COUNT", value_parser = whole(0, MAX_TOP_K), help_heading = HOW, allow_negative_numbers = true)]
    pub top_k: Option<usize>,
    /// How quotation marks are read: typographic knows all usual kinds, and the marks of It's and 6' are none; reference knows '…', "…", “…” and
    /// 「…」, and takes every ' for one
    #[arg(long, value_parser = one_of(QUOTES), value_name = "RULE", help_heading = HOW)]
    pub quotes: Option<QuoteRule>,
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
    /// Print only errors, neither progress nor warnings
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
            quotes: self.quotes.or(request.quotes),
            images_per_prompt: self.images_per_prompt.unwrap_or(request.images_per_prompt),
            batch_padding: request.batch_padding && !self.no_batch_padding,
            glyph_tokens: request.glyph_tokens.filter(|_| !self.no_batch_padding),
            ..request
        }
    }
}

/// What makes a new blueprint, and so contradicts an existing one.
const NEW_BLUEPRINT: [&str; 10] = [
    "prompt",
    "more_prompts",
    "prompt_file",
    "width",
    "height",
    "blueprint_seed",
    "temperature",
    "top_p",
    "top_k",
    "quotes",
];

/// What would change a run that is resumed.
const OTHER_RUN: [&str; 22] = [
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
    "quotes",
    "latents",
    "no_batch_padding",
    "output",
    "save_blueprint",
    "note_paths",
];
