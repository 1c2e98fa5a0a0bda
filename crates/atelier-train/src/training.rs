//! The training commands of the program.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atelier::Device;
use atelier_train::data::{Caption, Description, PromptFile, PromptRecord};
use atelier_train::train::{
    self, ArchitectTask, DecoderTask, Options, PainterTask, Redraw, Studio, Task, Through, VaeTask,
    VisionTask,
};
use burn::tensor::FloatDType;
use clap::{Args, ValueEnum};

/// Trainings, from wherever they stand.
#[derive(Debug, Clone, Args)]
pub struct Train {
    /// What to train.
    part: Part,
    /// Where the trainings keep their weights and curves.
    #[arg(long, value_name = "DIR", default_value = "training")]
    work: PathBuf,
    /// Where the checkpoint goes once all parts are trained.
    #[arg(short, long, value_name = "DIR", default_value = "models/mini")]
    output: PathBuf,
    /// Steps in all, those already taken included; the recipe's own number if not given.
    #[arg(long)]
    steps: Option<u64>,
    /// Steps between checks on samples that are never learned from.
    #[arg(long, default_value_t = 250)]
    check_every: u64,
    /// Factor on the learning rate.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Seed of weights and samples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Compute in bf16, with weights and optimiser in f32.
    #[arg(long)]
    bf16: bool,
    /// Only measure what is there.
    #[arg(long)]
    check: bool,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceName::DEFAULT)]
    device: DeviceName,
}

/// The finished checkpoint.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Where the trainings keep their weights and curves.
    #[arg(long, value_name = "DIR", default_value = "training")]
    work: PathBuf,
    /// Where the checkpoint goes.
    #[arg(short, long, value_name = "DIR", default_value = "models/mini")]
    output: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceName::DEFAULT)]
    device: DeviceName,
}

/// Writes the checkpoint.
pub fn export(arguments: &Export, folders: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let studio = Studio::new(folders)?;
    let options = Options { work: arguments.work.clone(), steps: 0, check_every: 0, rate: 1.0, seed: 0 };
    train::export(&studio, &options, &arguments.device.open(), &arguments.output)?;
    eprintln!("{}", arguments.output.display());
    Ok(())
}

/// Correct pictures through a part of the model.
#[derive(Debug, Clone, Args)]
pub struct RedrawArguments {
    /// The prompts.
    prompts: PathBuf,
    /// The part.
    #[arg(long, value_enum)]
    through: Through,
    /// Where the pictures go: 000.png, 001.png, …
    #[arg(short, long)]
    output: PathBuf,
    /// The checkpoint.
    #[arg(short, long, value_name = "DIR", default_value = "models/mini")]
    model: PathBuf,
    /// Steps of the painter.
    #[arg(long, default_value_t = 50)]
    steps: usize,
    /// How many prompts.
    #[arg(short, long, default_value_t = usize::MAX)]
    number: usize,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = DeviceName::DEFAULT)]
    device: DeviceName,
}

/// Redraws the correct pictures of a prompt file.
pub fn redraw(arguments: &RedrawArguments, folders: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let studio = Studio::new(folders)?;
    let mut redraw = Redraw::open(&arguments.model, &arguments.device.open(), studio, arguments.steps)?;
    std::fs::create_dir_all(&arguments.output)?;
    let mut records = PromptFile::read(&arguments.prompts)?.data_list;
    records.truncate(arguments.number);
    for records in records.chunks(10) {
        let descriptions: Vec<Description> =
            records.iter().map(PromptRecord::description).collect::<Result<_, _>>()?;
        let pictures = redraw.pictures(&descriptions, arguments.through)?;
        for (record, picture) in records.iter().zip(pictures) {
            let path = arguments.output.join(format!("{:03}.png", record.index));
            let (width, height) = (picture.width as u32, picture.height as u32);
            crate::write_rgb(&path, width, height, &picture.pixels)?;
            eprintln!("{}", path.display());
        }
    }
    Ok(())
}

/// A part of mini.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// All parts, one after another, and then the checkpoint.
    All,
    /// Pictures to latents and back.
    Vae,
    /// Latents to pictures, further, with the encoder as it is.
    Decoder,
    /// Pictures to codes: the vision tower and its codebook.
    Vision,
    /// Prompt to blueprint.
    Architect,
    /// Blueprint and glyphs to latents, on those of the trained VAE.
    Painter,
}

/// A kind of device this program was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The processor, in Rust.
    Flex,
    /// The processor, by LibTorch.
    #[cfg(feature = "libtorch")]
    Libtorch,
    /// An NVIDIA card, by LibTorch.
    #[cfg(feature = "libtorch")]
    LibtorchCuda,
    /// A graphics card through Vulkan or Metal.
    #[cfg(feature = "wgpu")]
    Wgpu,
    /// An NVIDIA card, by CUDA.
    #[cfg(feature = "cuda")]
    Cuda,
}

impl DeviceName {
    #[cfg(feature = "libtorch")]
    const DEFAULT: Self = Self::Libtorch;
    #[cfg(not(feature = "libtorch"))]
    const DEFAULT: Self = Self::Flex;

    // burn marks LibTorch as deprecated; mini was trained on it (docs/MINI.md).
    #[allow(deprecated)]
    fn open(self) -> Device {
        match self {
            Self::Flex => Device::flex(),
            #[cfg(feature = "libtorch")]
            Self::Libtorch => Device::libtorch(),
            #[cfg(feature = "libtorch")]
            Self::LibtorchCuda => Device::libtorch_cuda(0),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(0),
        }
    }
}

/// Trains or measures one part, or all.
pub fn train(arguments: &Train, folders: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let mut device = arguments.device.open();
    if arguments.bf16 {
        device.configure(FloatDType::BF16)?;
    }
    let studio = Studio::new(folders)?;
    // The first Ctrl-C ends the training after this step, and saves it.
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;

    let all = [Part::Vae, Part::Decoder, Part::Vision, Part::Architect, Part::Painter];
    let parts = if arguments.part == Part::All { &all[..] } else { &[arguments.part] };
    for part in parts {
        train_part(*part, arguments, &studio, &device, folders, &stop)?;
        if stop.load(Ordering::Relaxed) {
            eprintln!("stopped; the same command goes on from here");
            return Ok(());
        }
    }
    if arguments.part == Part::All && !arguments.check {
        let options = options(arguments, 0);
        train::export(&studio, &options, &device, &arguments.output)?;
        eprintln!("{}", arguments.output.display());
    }
    Ok(())
}

fn options(arguments: &Train, steps: u64) -> Options {
    Options {
        work: arguments.work.clone(),
        steps: arguments.steps.unwrap_or(steps),
        check_every: arguments.check_every,
        rate: arguments.rate,
        seed: arguments.seed,
    }
}

fn train_part(
    part: Part,
    arguments: &Train,
    studio: &Studio,
    device: &Device,
    folders: &[PathBuf],
    stop: &AtomicBool,
) -> Result<(), Box<dyn Error>> {
    let (studio, seed) = (studio.clone(), arguments.seed);
    let vae = options(arguments, 0).state("vae");
    let mut task: Box<dyn Task> = match part {
        Part::Vae | Part::All => Box::new(VaeTask::new(studio, seed)?),
        Part::Decoder => Box::new(DecoderTask::new(studio, seed, &vae, device)?),
        Part::Vision => Box::new(VisionTask::new(studio, seed)?),
        Part::Architect => Box::new(ArchitectTask::new(studio, seed)?),
        Part::Painter => Box::new(PainterTask::new(studio, seed, &vae, device)?),
    };
    let options = options(arguments, task.steps());
    if arguments.check {
        train::check(&mut *task, &options, device)?;
        return Ok(());
    }
    train::run(&mut *task, &options, device, stop)?;
    let folder = options.work.join(task.name());
    let curves = train::draw_curves(&folder.join("curve.csv"), &Caption::new(folders)?)?;
    crate::write_png(&folder.join("curve.png"), &curves)?;
    Ok(())
}
