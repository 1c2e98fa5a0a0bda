//! The atelier-train program: writes the training data, and shows it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::ErrorKind::BrokenPipe;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use atelier_train::brief::{Brief, Family, Split};
use atelier_train::font_folders;
use atelier_train::sheet::{Picture, sheet};
use atelier_train::typeset::{self, CELL, CODES, Press, StreamOptions};
use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

/// Writes what mini learns from, and shows it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where the fonts are, in folders below too.
    #[arg(long, value_name = "DIR", global = true)]
    fonts: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts painted pictures with their prompts on one sheet.
    Sheet {
        /// The prompts.
        prompts: PathBuf,
        /// Where the pictures are: 000.png, 001.png, …
        pictures: PathBuf,
        /// Which of them, in this order.
        #[arg(long, value_delimiter = ',', required = true)]
        only: Vec<usize>,
        /// The sheet, a PNG.
        #[arg(short, long, default_value = "sheet.png")]
        output: PathBuf,
    },
    /// Prints prompts with what they ask for, as JSON, one a line.
    Briefs {
        /// The stream of prompts.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The first prompt.
        #[arg(long, default_value_t = 0)]
        start: u64,
        /// How many prompts.
        #[arg(long, default_value_t = 20)]
        count: u64,
        /// train or check: no word of a text is in both.
        #[arg(long, default_value = "train", value_parser = split)]
        split: Split,
    },
    /// Writes what every id means, and the tokenizer, as JSON to the standard output.
    Codes,
    /// Writes samples as bytes to the standard output.
    Stream {
        /// The stream of samples.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The first sample.
        #[arg(long, default_value_t = 0)]
        start: u64,
        /// How many samples.
        #[arg(long, default_value_t = u64::MAX)]
        count: u64,
        /// Without or with pixels.
        #[arg(long, value_enum, default_value = "blueprint")]
        what: What,
        /// train or check: no word of a text is in both.
        #[arg(long, default_value = "train", value_parser = split)]
        split: Split,
    },
    /// Counts why briefs of the stream have no layout, with an example of each reason.
    Rejected {
        /// The stream of samples.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many briefs.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
    },
    /// Draws pictures of the stream with their prompts on one sheet.
    Samples {
        /// The stream of samples.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The first sample.
        #[arg(long, default_value_t = 0)]
        start: u64,
        /// How many samples.
        #[arg(long, default_value_t = 16)]
        count: u64,
        /// The sheet, a PNG.
        #[arg(short, long, default_value = "samples.png")]
        output: PathBuf,
    },
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Blueprint,
    Picture,
}

fn split(name: &str) -> Result<Split, String> {
    match name {
        "train" => Ok(Split::Train),
        "check" => Ok(Split::Check),
        _ => Err("one of train, check".to_owned()),
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough.
        Err(error)
            if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let folders = arguments.fonts.map_or_else(font_folders, |folder| vec![folder]);
    match arguments.command {
        Command::Briefs { seed, start, count, split } => {
            let mut output = BufWriter::new(std::io::stdout().lock());
            for index in start..start.saturating_add(count) {
                serde_json::to_writer(&mut output, &Brief::generate(seed, index, split))?;
                output.write_all(b"\n")?;
            }
            output.flush()?;
        }
        Command::Codes => {
            let mut output = BufWriter::new(std::io::stdout().lock());
            serde_json::to_writer(&mut output, &CODES.json()).map_err(std::io::Error::from)?;
            writeln!(output)?;
        }
        Command::Stream { seed, start, count, what, split } => {
            let press = (what == What::Picture).then(|| Press::new(&folders)).transpose()?;
            let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
            let options = StreamOptions { seed, start, count, split };
            typeset::stream(&mut output, &options, press.as_ref())?;
        }
        Command::Rejected { seed, count } => rejected(seed, count)?,
        Command::Samples { seed, start, count, output } => {
            let entries = samples(&folders, seed, start, count)?;
            write_png(&output, &sheet(&entries, &folders)?)?;
        }
        Command::Sheet { prompts, pictures, only, output } => {
            let records = read_prompts(&prompts)?;
            let mut entries = Vec::new();
            for index in only {
                let record = records.iter().find(|record| record.index == index);
                let record = record.ok_or_else(|| format!("{}: no prompt {index}", prompts.display()))?;
                let picture = read_png(&pictures.join(format!("{index:03}.png")))?;
                entries.push((picture, record.prompt.clone()));
            }
            write_png(&output, &sheet(&entries, &folders)?)?;
        }
    }
    Ok(())
}

/// A prompt of a file in the layout of CVTG-2K.
#[derive(Debug, Deserialize)]
struct Prompt {
    index: usize,
    prompt: String,
}

fn read_prompts(path: &Path) -> Result<Vec<Prompt>, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct PromptFile {
        data_list: Vec<Prompt>,
    }
    let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| problem(&error))?;
    let file: PromptFile = serde_json::from_slice(&bytes).map_err(|error| problem(&error))?;
    Ok(file.data_list)
}

/// One line for every reason and family: how many, and the first few prompts.
fn rejected(seed: u64, count: u64) -> std::io::Result<()> {
    let mut reasons = BTreeMap::<String, (u64, Vec<String>)>::new();
    for index in 0..count {
        let brief = Brief::generate(seed, index, Split::Train);
        if let Err(error) = typeset::Sample::of(&brief) {
            let name = format!("{error:?}");
            let name = name.split_once('(').map_or(name.as_str(), |(name, _)| name);
            let entry = reasons.entry(format!("{:?}, {name}", Family::of(seed, index))).or_default();
            entry.0 += 1;
            if entry.1.len() < 3 {
                entry.1.push(format!("{error} | {}×{} | {:?}", brief.width, brief.height, brief.prompt));
            }
        }
    }
    let mut output = std::io::stdout().lock();
    let all: u64 = reasons.values().map(|reason| reason.0).sum();
    writeln!(output, "{all} of {count} have no layout")?;
    for (reason, (number, examples)) in reasons {
        writeln!(output, "{reason}: {number}")?;
        for example in examples {
            writeln!(output, "    {example}")?;
        }
    }
    Ok(())
}

/// Pictures of the stream with their prompts.
fn samples(
    folders: &[PathBuf],
    seed: u64,
    start: u64,
    count: u64,
) -> Result<Vec<(Picture, String)>, Box<dyn Error>> {
    let press = Press::new(folders)?;
    let samples = (start..).filter_map(|index| typeset::Sample::generate(seed, index, Split::Train).ok());
    let drawn = samples.take(usize::try_from(count)?).map(|sample| {
        let [width, height] = [sample.layout.tw, sample.layout.th].map(|cells| (CELL * cells) as usize);
        let rgb = press.print(&sample.grid, sample.layout.tw as usize);
        (Picture { width, height, rgb }, sample.prompt)
    });
    Ok(drawn.collect())
}

/// An RGB picture of eight bits.
fn read_png(path: &Path) -> Result<Picture, Box<dyn Error>> {
    let problem = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| problem(&error))?;
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().map_err(|error| problem(&error))?;
    let size = reader.output_buffer_size().ok_or_else(|| problem(&"too large"))?;
    let mut rgb = vec![0; size];
    let info = reader.next_frame(&mut rgb).map_err(|error| problem(&error))?;
    if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
        return Err(problem(&"expected RGB with eight bits").into());
    }
    Ok(Picture { width: info.width as usize, height: info.height as usize, rgb })
}

fn write_png(path: &Path, picture: &Picture) -> Result<(), Box<dyn Error>> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (width, height) = (u32::try_from(picture.width)?, u32::try_from(picture.height)?);
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&picture.rgb)?;
    Ok(())
}
