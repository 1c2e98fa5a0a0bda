//! The built-in model: mini, a small trained model of the full model's architecture.
//!
//! The files of `models/mini` are part of the program that uses this crate, in the public checkpoint layout. [`Mini`]
//! is a [`ByteSource`] as any other: nothing is unpacked or copied, and no file or thread is touched, so that it works
//! in a browser too.

use std::borrow::Cow;
use std::ops::Range;

use async_trait::async_trait;
use atelier_weights::{ByteSource, Error, Result};

/// The model's name, as people type it and pictures note it.
pub const NAME: &str = "mini";

/// The built-in model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mini;

/// Paths in `models/mini`, with what they hold. A test compares the list with the folder.
macro_rules! embedded {
    ($($path:literal,)*) => {
        &[$(($path, include_bytes!(concat!("../../../models/mini/", $path)))),*]
    };
}

static FILES: &[(&str, &[u8])] = embedded![
    "atelier.json",
    "model_index.json",
    "processor/chat_template.jinja",
    "processor/preprocessor_config.json",
    "processor/tokenizer.json",
    "processor/tokenizer_config.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer_config.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "vision_language_encoder/config.json",
    "vision_language_encoder/generation_config.json",
    "vision_language_encoder/model.safetensors",
];

impl Mini {
    /// The files, sorted by path: relative and '/'-separated path, content.
    pub fn files() -> impl ExactSizeIterator<Item = (&'static str, &'static [u8])> {
        FILES.iter().copied()
    }

    fn find(path: &str) -> Option<&'static [u8]> {
        FILES.iter().find_map(|(name, bytes)| (*name == path).then_some(*bytes))
    }
}

#[async_trait(?Send)]
impl ByteSource for Mini {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        Ok(Self::find(path).map(|bytes| bytes.len() as u64))
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let bytes = Self::find(path).ok_or_else(|| Error::MissingFile { file: self.locate(path) })?;
        let Range { start, end } = range;
        let part = match (usize::try_from(start), usize::try_from(end)) {
            (Ok(start), Ok(end)) => bytes.get(start..end),
            _ => None,
        };
        part.map(Cow::Borrowed).ok_or_else(|| {
            let (file, found) = (self.locate(path), bytes.len() as u64);
            Error::ShortRead { file, start, end, found }
        })
    }

    fn locate(&self, path: &str) -> String {
        if path.is_empty() {
            format!("built-in model {NAME}")
        } else {
            format!("{path} of the built-in model {NAME}")
        }
    }
}
