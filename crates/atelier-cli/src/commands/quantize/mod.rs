//! `atelier quantize`: a checkpoint becomes a pack.

mod calibrate;

use std::collections::BTreeMap;

use atelier::calibration::Calibration;
use atelier::checkpoint::Checkpoint;
use atelier::packing::plan_checkpoint;
use atelier_weights::checkpoint::{CARD, CONFIGS, TOKENIZER};
use atelier_weights::{
    ByteSource, ComponentName, FileEntry, Layout, Manifest, PACK_FORMAT, Policy, Search, TensorEntry, hex,
    read_all,
};
use futures_lite::future::block_on;
use sha2::{Digest, Sha256};

use crate::args::QuantizeArgs;
use crate::error::{Error, Result};
use crate::guard;
use crate::io::files;
use crate::io::pack::{PackWriter, bits_per_weight, shares};
use crate::ui::counter::Counter;
use crate::ui::format::{duration, size};
use crate::ui::style::{Style, say};

/// The longest policy file that is read.
const MAX_POLICY: u64 = 1 << 20;
/// The longest configuration or tokenizer.
pub const MAX_FILE: u64 = 256 << 20;
/// Runs the command.
pub fn run(args: &QuantizeArgs) -> Result<()> {
    let style = Style::of(false, args.quiet);
    guard::watch_interrupts();
    let policy = policy(args)?;
    let source = args.checkpoint.source()?;
    let checkpoint = block_on(Checkpoint::open(source.clone()))?;
    if checkpoint.is_pack() {
        return Err(Error::flag("CHECKPOINT", "a checkpoint", format!("{} is a pack", args.checkpoint)));
    }
    let layout = plan_checkpoint(&checkpoint, &policy)?;
    let names: Vec<String> =
        layout.tensors.iter().map(|tensor| format!("{}/{}", tensor.component, tensor.name)).collect();
    if let (Some(path), [rule, ..]) = (&args.policy, policy.unmatched(&names).as_slice()) {
        return Err(Error::input(path, format!("the rule for {rule:?} matches no tensor")));
    }
    let manifest = Manifest {
        calibrated: args.calibrate.as_deref().map(calibrate::fingerprint).transpose()?,
        ..block_on(describe(&*source, &checkpoint, &layout, &policy, args.search))?
    };
    let before: u64 =
        checkpoint.components().flat_map(|(_, part)| part.files()).map(|(_, bytes)| bytes).sum();
    let writer = PackWriter::new(&args.output, manifest, layout.clone())?;
    let done = writer.done();
    if style != Style::Silent {
        let schemes: Vec<String> =
            shares(&layout).iter().map(|(scheme, share)| format!("{} {share:.0} %", scheme.name())).collect();
        say(&format!("{} to {}: {}", size(before), size(layout.bytes()), schemes.join(", ")));
        if done > 0 {
            say(&format!("resuming: {} done", size(done)));
        }
    }
    writer.copy(TOKENIZER, &block_on(whole(&*source, TOKENIZER))?)?;
    let calibration = match &args.calibrate {
        Some(path) => block_on(calibrate::measure(&args.checkpoint, path, style))?,
        None => Calibration::default(),
    };
    let importance =
        |tensor: &TensorEntry| calibration.importance(&format!("{}/{}", tensor.component, tensor.name));
    let mut progress = Counter::bytes(style, "quantize", layout.bytes(), done);
    let mut weights = |tensor: &TensorEntry, rows| {
        guard::check_interrupt()?;
        let missing = || Error::Crash(format!("tensor {} has no component", tensor.name));
        let component = ComponentName::of(&tensor.component).ok_or_else(missing)?;
        let name = checkpoint.stored_name(component, &tensor.name);
        let component = checkpoint.component(component)?;
        let scalar = tensor.shape.is_empty();
        let read = async {
            if scalar { component.read_f32(name).await } else { component.read_rows_f32(name, rows).await }
        };
        Ok(block_on(read)?)
    };
    writer.write(&mut weights, &importance, &mut |bytes| progress.add(bytes))?;
    let seconds = progress.seconds();
    drop(progress);
    if style != Style::Silent {
        let bits = bits_per_weight(&layout);
        let (size, time, place) = (size(layout.bytes()), duration(seconds), args.output.display());
        say(&format!("packed    {size}, {bits:.2} bits per weight, {time}: {place}"));
    }
    Ok(())
}

async fn whole(source: &dyn ByteSource, path: &str) -> Result<Vec<u8>> {
    let missing = || Error::input(source.locate(path), "no such file");
    read_all(source, path, MAX_FILE).await?.ok_or_else(missing)
}

fn policy(args: &QuantizeArgs) -> Result<Policy> {
    if let Some(path) = &args.policy {
        let text = files::read_text(path, MAX_POLICY)?;
        return Ok(Policy::from_json(&path.display().to_string(), &text)?);
    }
    Ok((args.scheme)())
}

/// A file of the pack as its manifest notes it.
pub fn file_entry(path: &str, bytes: &[u8]) -> FileEntry {
    let sha256 = hex(&Sha256::digest(bytes));
    FileEntry { path: path.to_owned(), bytes: bytes.len() as u64, sha256 }
}

/// The manifest, but for the hashes of the shards.
async fn describe(
    source: &dyn ByteSource,
    checkpoint: &Checkpoint,
    layout: &Layout,
    policy: &Policy,
    search: Search,
) -> Result<Manifest> {
    let mut configs = BTreeMap::new();
    for path in CONFIGS.into_iter().chain([CARD]) {
        // The model was opened, so what it needs is there; it need not have a card.
        let Some(text) = read_all(source, path, MAX_FILE).await? else { continue };
        let json = serde_json::from_slice(&text).map_err(|error| Error::input(source.locate(path), error))?;
        configs.insert(path.to_owned(), json);
    }
    let files = vec![file_entry(TOKENIZER, &whole(source, TOKENIZER).await?)];
    Ok(Manifest {
        format: PACK_FORMAT.to_owned(),
        source: checkpoint.fingerprint().to_owned(),
        policy: policy.name.clone(),
        search,
        calibrated: None,
        configs,
        files,
        shards: layout.shards.clone(),
        tensors: layout.tensors.clone(),
    })
}
