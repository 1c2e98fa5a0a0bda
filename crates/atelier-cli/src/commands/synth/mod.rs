//! `atelier synth`: a random model of real size, to test a machine without the weights.

mod checkpoint;
mod random;
mod skeleton;
mod tokenizer;

use std::path::Path;

use atelier::packing::plan;
use atelier_weights::Policy;
use atelier_weights::checkpoint::TOKENIZER;

use random::Random;
use skeleton::Skeleton;

use crate::args::SynthArgs;
use crate::error::Result;
use crate::io::pack::{PackWriter, Weights, bits_per_weight};
use crate::ui::counter::Counter;
use crate::ui::format::{duration, size};
use crate::ui::style::{Style, say};

/// Runs the command.
pub fn run(args: &SynthArgs) -> Result<()> {
    let style = Style::of(false, args.quiet);
    let skeleton = Skeleton::new(args)?;
    let random = Random::new(args.seed);
    if args.checkpoint {
        let (bytes, seconds) = checkpoint::write(&args.output, &skeleton, &random, style)?;
        finish(style, &args.output, bytes, 8.0 * checkpoint::BYTES as f64, seconds);
        return Ok(());
    }
    write_pack(args, &skeleton, &random, style)
}

fn write_pack(args: &SynthArgs, skeleton: &Skeleton, random: &Random, style: Style) -> Result<()> {
    let policy = args.scheme.map_or_else(Policy::q4, |scheme| scheme());
    let stored = args.like.stored();
    let layout = plan(&skeleton.config, &policy, |_, _| stored);
    let manifest = skeleton.manifest(args, &layout, policy.name);
    let writer = PackWriter::new(&args.output, manifest, layout.clone())?;
    let done = writer.done();
    if style != Style::Silent && done > 0 {
        say(&format!("resuming: {} done", size(done)));
    }
    writer.copy(TOKENIZER, &skeleton.tokenizer)?;
    let mut progress = Counter::bytes(style, "make", layout.bytes(), done);
    let weights: &mut Weights<'_> =
        &mut |tensor, rows| Ok(random.rows(&tensor.component, &tensor.name, &tensor.shape, rows));
    writer.write(weights, &|_| Vec::new(), &mut |bytes| progress.add(bytes))?;
    let seconds = progress.seconds();
    drop(progress);
    finish(style, &args.output, layout.bytes(), bits_per_weight(&layout), seconds);
    Ok(())
}

/// Says what was made.
fn finish(style: Style, folder: &Path, bytes: u64, bits: f64, seconds: f64) {
    if style != Style::Silent {
        let (size, time, place) = (size(bytes), duration(seconds), folder.display());
        say(&format!("made      {size}, {bits:.2} bits per weight, {time}: {place}"));
    }
}
