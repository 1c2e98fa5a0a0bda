//! `atelier synth`: a random model of real sizes, to try machines with before the weights are there.

use std::collections::BTreeMap;
use std::path::Path;

use atelier::ModelConfig;
use atelier::packing::plan;
use atelier_weights::{FileEntry, Layout, Manifest, MemorySource, PACK_FORMAT, Search, hex, read_all};
use futures_lite::future::block_on;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::quantize::{CONFIGS, MAX_FILE, TOKENIZER, file_entry, policy_of};
use super::random::Random;
use super::tokenizer::tokenizer;
use super::writer::{PackWriter, bits_per_weight};
use super::{random_checkpoint, writer};
use crate::cli::SynthArgs;
use crate::counter::Counter;
use crate::error::{Error, Result};
use crate::progress::{Style, duration, size};
use crate::report::{self, say};

/// A model without weights.
pub struct Skeleton {
    /// The configurations by their paths.
    pub configs: BTreeMap<String, Value>,
    /// The same, read and checked.
    pub config: ModelConfig,
    /// `processor/tokenizer.json`.
    pub tokenizer: Vec<u8>,
}

/// Runs the command.
pub fn run(args: &SynthArgs) -> Result<()> {
    let style = report::style(false, args.quiet);
    let skeleton = Skeleton::new(args)?;
    let random = Random::new(args.seed);
    if args.checkpoint {
        return random_checkpoint::write(&args.output, &skeleton, &random, style);
    }
    write_pack(args, &skeleton, &random, style)
}

fn write_pack(args: &SynthArgs, skeleton: &Skeleton, random: &Random, style: Style) -> Result<()> {
    let policy = policy_of(args.scheme.unwrap_or_default());
    let stored = args.like.stored();
    let layout = block_on(plan(&skeleton.config, &policy, |_, _| stored))?;
    let manifest = skeleton.manifest(args, &layout, policy.name);
    let writer = PackWriter::new(&args.output, manifest, layout.clone())?;
    let done = writer.done();
    if style != Style::Silent && done > 0 {
        say(&format!("going on: {} are done", size(done)));
    }
    writer.copy(TOKENIZER, &skeleton.tokenizer)?;
    let mut progress = Counter::bytes(style, "make", layout.bytes(), done);
    let weights: &mut writer::Weights<'_> =
        &mut |tensor, rows| Ok(random.rows(&tensor.component, &tensor.name, &tensor.shape, rows));
    writer.write(weights, &|_| Vec::new(), &mut |bytes| progress.add(bytes))?;
    let seconds = progress.seconds();
    drop(progress);
    finish(style, &args.output, layout.bytes(), bits_per_weight(&layout), seconds);
    Ok(())
}

/// Says what was made.
pub fn finish(style: Style, folder: &Path, bytes: u64, bits: f64, seconds: f64) {
    if style != Style::Silent {
        let (size, time, place) = (size(bytes), duration(seconds), folder.display());
        say(&format!("made      {size}, {bits:.2} bits a weight, {time}: {place}"));
    }
}

impl Skeleton {
    fn new(args: &SynthArgs) -> Result<Self> {
        let source = args.like.configs();
        let mut configs = BTreeMap::new();
        for path in CONFIGS {
            // Built in, so what the model needs is there.
            let Some(text) = block_on(read_all(&*source, path, MAX_FILE))? else { continue };
            let mut json: Value =
                serde_json::from_slice(&text).map_err(|error| Error::input(source.locate(path), error))?;
            if let Some(layers) = args.layers {
                shorten(path, &mut json, layers);
            }
            configs.insert(path.to_owned(), json);
        }
        let files = configs.iter().map(|(path, json)| (path.clone(), json.to_string()));
        let config = block_on(ModelConfig::read(&files.collect::<MemorySource>()))?;
        let tokenizer = tokenizer(&config.prior)?;
        Ok(Self { configs, config, tokenizer })
    }

    fn manifest(&self, args: &SynthArgs, layout: &Layout, policy: String) -> Manifest {
        let mut hash = Sha256::new();
        hash.update(format!("synthetic, seed {}: {:?}", args.seed, self.configs));
        let source = hex(&hash.finalize());
        let files: Vec<FileEntry> = vec![file_entry(TOKENIZER, &self.tokenizer)];
        Manifest {
            format: PACK_FORMAT.to_owned(),
            source,
            policy,
            // Of random weights the fastest is as good as any.
            search: Search::Nearest,
            calibrated: None,
            configs: self.configs.clone(),
            files,
            shards: layout.shards.clone(),
            tensors: layout.tensors.clone(),
        }
    }

    /// Every file that is no weights: path and content.
    pub fn files(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        let configs =
            self.configs.iter().map(|(path, json)| (path.as_str(), format!("{json:#}\n").into_bytes()));
        configs.chain([(TOKENIZER, self.tokenizer.clone())])
    }
}

/// Keeps the first layers of the three parts that have most of the weights.
fn shorten(path: &str, config: &mut Value, layers: usize) {
    let counts: &[&str] = match path {
        "vision_language_encoder/config.json" => &["/text_config/num_hidden_layers", "/vision_config/depth"],
        "transformer/config.json" => &["/num_layers"],
        _ => &[],
    };
    for pointer in counts {
        if let Some(count) = config.pointer_mut(pointer)
            && count.as_u64().is_some_and(|found| found > layers as u64)
        {
            *count = layers.into();
        }
    }
}
