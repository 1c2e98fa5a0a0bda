//! A model without weights.

use std::collections::BTreeMap;

use atelier::ModelConfig;
use atelier_weights::checkpoint::{CARD, CONFIGS, TOKENIZER};
use atelier_weights::{
    ComponentName, FileEntry, Layout, Manifest, MemorySource, PACK_FORMAT, Search, hex, read_all,
};
use futures_lite::future::block_on;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::tokenizer::tokenizer;
use crate::args::SynthArgs;
use crate::commands::quantize::{MAX_FILE, file_entry};
use crate::error::{Error, Result};

/// Everything of a model but its weights.
pub struct Skeleton {
    /// The configurations by their paths.
    pub configs: BTreeMap<String, Value>,
    /// The same, read and checked.
    pub config: ModelConfig,
    /// The file [`TOKENIZER`].
    pub tokenizer: Vec<u8>,
}

impl Skeleton {
    pub fn new(args: &SynthArgs) -> Result<Self> {
        let source = args.like.configs();
        let mut configs = BTreeMap::new();
        for path in CONFIGS.into_iter().chain([CARD]) {
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

    pub fn manifest(&self, args: &SynthArgs, layout: &Layout, policy: String) -> Manifest {
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
    const ARCHITECT: &str = ComponentName::VisionLanguageEncoder.config();
    const PAINTER: &str = ComponentName::Transformer.config();
    let counts: &[&str] = match path {
        ARCHITECT => &["/text_config/num_hidden_layers", "/vision_config/depth"],
        PAINTER => &["/num_layers"],
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
