//! Models that need no weights to be talked about: mini, and the full GLM-Image, whose configurations are part of the
//! program.

use std::sync::Arc;

use atelier::{ByteSource, ModelConfig};
use atelier_mini::Mini;
use atelier_weights::{MemorySource, Scheme};
use clap::ValueEnum;
use futures_lite::future::block_on;

use crate::error::Result;

/// A model by its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// GLM-Image: 9 billion weights in the architect, 7 billion in the painter
    Full,
    /// The built-in model
    Mini,
}

/// The full model's configurations, by their paths in the checkpoint.
macro_rules! embedded {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("full/", $path)))),*]
    };
}

const FULL: &[(&str, &str)] = embedded![
    "model_index.json",
    "processor/preprocessor_config.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "transformer/config.json",
    "vae/config.json",
    "vision_language_encoder/config.json",
    "vision_language_encoder/generation_config.json",
];

impl Preset {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Mini => "mini",
        }
    }

    /// Its configurations, as files of a checkpoint.
    pub fn configs(self) -> Arc<dyn ByteSource> {
        match self {
            Self::Full => Arc::new(FULL.iter().copied().collect::<MemorySource>()),
            Self::Mini => Arc::new(Mini),
        }
    }

    /// Its configurations, read.
    pub fn config(self) -> Result<ModelConfig> {
        Ok(block_on(ModelConfig::read(&*self.configs()))?)
    }

    /// How its checkpoint has the weights.
    pub fn stored(self) -> Scheme {
        match self {
            Self::Full => Scheme::Bf16,
            Self::Mini => Scheme::F16,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use atelier_weights::checkpoint::CONFIGS;

    use super::*;

    #[test]
    fn the_full_models_configurations_are_the_references() {
        let folder = Path::new("../../tests/data/reference/full/config");
        let mut paths = CONFIGS;
        paths.sort_unstable();
        assert_eq!(FULL.iter().map(|(path, _)| *path).collect::<Vec<_>>(), paths);
        for (path, text) in FULL {
            let reference = std::fs::read_to_string(folder.join(path)).unwrap();
            assert_eq!(*text, reference, "{path}");
        }
        assert_eq!(Preset::Full.config().unwrap().prior.text_config.num_hidden_layers, 40);
        assert_eq!(Preset::Mini.config().unwrap().prior.text_config.num_hidden_layers, 6);
    }
}
