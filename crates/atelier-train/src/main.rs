//! The atelier-train program: looks at the training data.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::ErrorKind::BrokenPipe;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use atelier_train::brief::{Brief, Family, Split};
use atelier_train::data::{Curriculum, Geometry, Painter, Picture, PromptFile, Sample, Scene, Style, sheet};
use atelier_train::typeset::{self, CODES, Press, StreamOptions};
use clap::{Parser, Subcommand, ValueEnum};

#[cfg(feature = "train")]
mod training;

/// Looks at the pictures that mini learns from.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where the fonts are, in folders below too.
    #[arg(long, value_name = "DIR", global = true)]
    fonts: Option<PathBuf>,
    /// How text is set: column, cell, half or natural.
    #[arg(long, default_value = "column", global = true, value_parser = geometry)]
    geometry: Geometry,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draws samples with their prompts on one sheet.
    Preview {
        /// The sheet, a PNG.
        #[arg(short, long, default_value = "preview.png")]
        output: PathBuf,
        /// How many samples.
        #[arg(short, long, default_value_t = 20)]
        number: u64,
        /// The stream of samples.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The first sample.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// word, regions, full or like-development.
        #[arg(long, default_value = "full", value_parser = stage)]
        stage: Box<Curriculum>,
    },
    /// Draws the pictures of a prompt file as they should be: 000.png, 001.png, …
    Render {
        /// The prompts.
        prompts: PathBuf,
        /// Where the pictures go.
        #[arg(short, long)]
        output: PathBuf,
    },
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
    /// Measures how many samples are drawn in a second.
    Time {
        /// How many samples.
        #[arg(short, long, default_value_t = 2000)]
        number: u64,
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
    Sheet2 {
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
        #[arg(short, long, default_value = "sheet.png")]
        output: PathBuf,
    },
    /// Trains one part of mini, or all.
    #[cfg(feature = "train")]
    Train(training::Train),
    /// Sends the correct pictures of a prompt file through a part of the model, to see what it keeps of them.
    #[cfg(feature = "train")]
    Redraw(training::RedrawArguments),
    /// Writes the trained parts as one checkpoint.
    #[cfg(feature = "train")]
    Export(training::Export),
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Blueprint,
    Picture,
}

fn geometry(name: &str) -> Result<Geometry, String> {
    Geometry::named(name).ok_or_else(|| "one of column, cell, half, natural".to_owned())
}

fn stage(name: &str) -> Result<Box<Curriculum>, String> {
    Curriculum::named(name)
        .map(Box::new)
        .ok_or_else(|| "one of word, regions, full, like-development".to_owned())
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
    if let Command::Briefs { seed, start, count, split } = arguments.command {
        let mut output = BufWriter::new(std::io::stdout().lock());
        for index in start..start.saturating_add(count) {
            serde_json::to_writer(&mut output, &Brief::generate(seed, index, split))?;
            output.write_all(b"\n")?;
        }
        return Ok(output.flush()?);
    }
    let geometry = arguments.geometry;
    let folders = arguments.fonts.map_or_else(Painter::font_folders, |folder| vec![folder]);
    // These need no picture of the first mini.
    match &arguments.command {
        Command::Codes => {
            let mut output = BufWriter::new(std::io::stdout().lock());
            serde_json::to_writer(&mut output, &CODES.json()).map_err(std::io::Error::from)?;
            return Ok(writeln!(output)?);
        }
        &Command::Stream { seed, start, count, what, split } => {
            let press = (what == What::Picture).then(|| Press::new(&folders)).transpose()?;
            let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
            let options = StreamOptions { seed, start, count, split };
            return Ok(typeset::stream(&mut output, &options, press.as_ref())?);
        }
        &Command::Rejected { seed, count } => return Ok(rejected(seed, count)?),
        &Command::Sheet2 { seed, start, count, ref output } => {
            return sheet2(&folders, seed, start, count, output);
        }
        _ => {}
    }
    let painter = Painter::new(&geometry, &folders)?;
    match arguments.command {
        Command::Preview { output, number, seed, first, stage } => {
            let curriculum = Curriculum { geometry, ..*stage };
            let mut entries = Vec::new();
            for index in first..first + number {
                let sample = Sample::generate(seed, index, &curriculum)?;
                entries.push((painter.paint(&sample.scene)?, sample.prompt));
            }
            write_png(&output, &sheet(&entries, &folders)?)?;
        }
        Command::Render { prompts, output } => {
            std::fs::create_dir_all(&output)?;
            for record in PromptFile::read(&prompts)?.data_list {
                let description = record.description()?;
                let scene = Scene::place(&description, &geometry, [512, 512], Style::of(&description))?;
                write_png(&output.join(format!("{:03}.png", record.index)), &painter.paint(&scene)?)?;
            }
        }
        Command::Briefs { .. }
        | Command::Codes
        | Command::Stream { .. }
        | Command::Rejected { .. }
        | Command::Sheet2 { .. } => {}
        #[cfg(feature = "train")]
        Command::Train(train) => training::train(&train, &folders)?,
        #[cfg(feature = "train")]
        Command::Redraw(redraw) => training::redraw(&redraw, &folders)?,
        #[cfg(feature = "train")]
        Command::Export(export) => training::export(&export, &folders)?,
        Command::Sheet { prompts, pictures, only, output } => {
            let records = PromptFile::read(&prompts)?.data_list;
            let mut entries = Vec::new();
            for index in only {
                let record = records.iter().find(|record| record.index == index);
                let record = record.ok_or_else(|| format!("{}: no prompt {index}", prompts.display()))?;
                let picture = read_png(&pictures.join(format!("{index:03}.png")))?;
                entries.push((picture, record.prompt.clone()));
            }
            write_png(&output, &sheet(&entries, &folders)?)?;
        }
        Command::Time { number } => {
            let curriculum = Curriculum { geometry, ..Curriculum::full() };
            let begin = Instant::now();
            let samples = (0..number).map(|index| Sample::generate(0, index, &curriculum));
            let samples: Vec<Sample> = samples.collect::<Result<_, _>>()?;
            let drawn = Instant::now();
            for sample in &samples {
                std::hint::black_box(painter.paint(&sample.scene)?);
            }
            let rate = |duration: std::time::Duration| number as f64 / duration.as_secs_f64();
            println!("descriptions: {:.0} a second", rate(drawn - begin));
            println!("pictures:     {:.0} a second", rate(drawn.elapsed()));
            println!("both:         {:.0} a second", rate(begin.elapsed()));
        }
    }
    Ok(())
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

/// Pictures of the stream, one below the other in columns, each in a square with its prompt.
fn sheet2(
    folders: &[PathBuf],
    seed: u64,
    start: u64,
    count: u64,
    output: &Path,
) -> Result<(), Box<dyn Error>> {
    /// Side of the squares that pictures are centred in: the sheet halves it.
    const SQUARE: usize = 1024;
    let press = Press::new(folders)?;
    let mut entries = Vec::new();
    let samples = (start..).filter_map(|index| typeset::Sample::generate(seed, index, Split::Train).ok());
    for sample in samples.take(usize::try_from(count)?) {
        let (width, height) = (32 * sample.layout.tw as usize, 32 * sample.layout.th as usize);
        let rgb = press.print(&sample.grid, sample.layout.tw as usize);
        let mut square = vec![236; 3 * SQUARE * SQUARE];
        let (left, top) = ((SQUARE - width) / 2, (SQUARE - height) / 2);
        for (row, pixels) in rgb.chunks_exact(3 * width).enumerate() {
            let place = 3 * ((top + row) * SQUARE + left);
            square[place..place + 3 * width].copy_from_slice(pixels);
        }
        let side = SQUARE as u32;
        let picture =
            Picture { width: side, height: side, rgb: square, boxes: Vec::new(), cells: Vec::new() };
        entries.push((picture, sample.prompt));
    }
    write_png(output, &sheet(&entries, folders)?)
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
    Ok(Picture { width: info.width, height: info.height, rgb, boxes: Vec::new(), cells: Vec::new() })
}

fn write_png(path: &Path, picture: &Picture) -> Result<(), Box<dyn Error>> {
    write_rgb(path, picture.width, picture.height, &picture.rgb)
}

fn write_rgb(path: &Path, width: u32, height: u32, rgb: &[u8]) -> Result<(), Box<dyn Error>> {
    let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(())
}
