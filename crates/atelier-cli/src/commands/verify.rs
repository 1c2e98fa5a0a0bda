//! `atelier verify`: compares every byte of a pack with its hashes.

use atelier::Stage;
use atelier::checkpoint::Checkpoint;
use atelier_weights::MANIFEST;
use futures_lite::future::block_on;

use crate::args::VerifyArgs;
use crate::error::{Error, Result};
use crate::model::{Kind, Model, Place};
use crate::ui::counter::Counter;
use crate::ui::format::{counted, duration, size};
use crate::ui::style::{Style, say};

/// Runs the command.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let style = Style::of(false, args.quiet);
    let no_pack = || Error::input(&args.pack, format!("expected a pack, found no {MANIFEST}"));
    let kind = Place::of(&args.pack).kind;
    if !matches!(kind, Kind::Pack | Kind::UnfinishedPack | Kind::Missing) {
        return Err(no_pack());
    }
    let source = Model::Folder(args.pack.clone()).source()?;
    // Sizes, counts and shapes, and the hashes of small files.
    let checkpoint = block_on(Checkpoint::open(source))?;
    let manifest = checkpoint.manifest().ok_or_else(no_pack)?;
    let total = manifest.entries().map(|file| file.bytes).sum();
    let small = manifest.files.iter().map(|file| file.bytes).sum();
    let (shards, tensors) = (manifest.shards.len(), manifest.tensors.len());
    let mut progress = Counter::bytes(style, "verify", total, small);
    for &stage in Stage::ALL {
        let mut before = 0;
        let on = |done: u64, _| {
            progress.add(done - before);
            before = done;
            Ok(())
        };
        block_on(checkpoint.verify(stage, on))?;
    }
    // Every hash is right; what remains is whether it was packed from numbers.
    for (_, component) in checkpoint.components() {
        for (name, stored) in component.tensors() {
            for piece in 0..stored.pieces().len() {
                block_on(component.read_piece(name, piece))?;
            }
        }
    }
    let seconds = progress.seconds();
    drop(progress);
    if style != Style::Silent {
        let counts = format!("{}, {}", counted(shards, "shard"), counted(tensors, "tensor"));
        say(&format!("verified  {counts}, {}, {}", size(total), duration(seconds)));
    }
    Ok(())
}
