//! A tokenizer for random models: mini's, with the ids of another configuration.
//!
//! It reads every text and its template, byte by byte, but knows no words: a prompt has more tokens than with the real one.

use std::collections::BTreeSet;

use atelier::config::PriorConfig;
use atelier_mini::Mini;
use atelier_weights::checkpoint::TOKENIZER;
use atelier_weights::read_all;
use futures_lite::future::block_on;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Names of visual codes begin like this, in every checkpoint.
const CODE: &str = "<|dit_token_";

/// The file [`TOKENIZER`] for `config`: bytes follow the visual ids, then the special tokens; those that the
/// configuration names have its ids.
pub fn tokenizer(config: &PriorConfig) -> Result<Vec<u8>> {
    let unlike = |what: &str| Error::Crash(format!("the built-in tokenizer has no {what}"));
    let bytes = block_on(read_all(&Mini, TOKENIZER, u64::MAX))?.ok_or_else(|| unlike("file"))?;
    let mut json: Value = serde_json::from_slice(&bytes).map_err(|error| Error::Crash(error.to_string()))?;
    let named = [
        ("<|dit_token_16384|>", config.image_start_token_id),
        ("<|dit_token_16385|>", config.image_end_token_id),
        ("<|image|>", config.image_token_id),
    ];
    let taken: BTreeSet<u32> = named.iter().map(|(_, id)| *id).collect();
    let first = config.text_config.vision_vocab_size as u32;
    let mut free = (first..).filter(|id| !taken.contains(id));
    let mut vocabulary = Map::new();
    let mut number = |name: &str| -> Option<u32> {
        let id = match named.iter().find(|(other, _)| *other == name) {
            Some((_, id)) => *id,
            None => free.next()?,
        };
        vocabulary.insert(name.to_owned(), json!(id));
        Some(id)
    };
    let old = json.pointer("/model/vocab").and_then(Value::as_object).cloned();
    for name in old.ok_or_else(|| unlike("vocabulary"))?.keys().filter(|name| !name.starts_with(CODE)) {
        number(name);
    }
    let added = json.pointer_mut("/added_tokens").and_then(Value::as_array_mut);
    for token in added.ok_or_else(|| unlike("special tokens"))? {
        let name = token["content"].as_str().unwrap_or_default().to_owned();
        token["id"] = json!(number(&name));
    }
    let most = vocabulary.values().filter_map(Value::as_u64).max().unwrap_or(0);
    if most >= config.text_config.vocab_size as u64 {
        let size = config.text_config.vocab_size;
        return Err(Error::Crash(format!("the tokenizer needs {} ids, the model has {size}", most + 1)));
    }
    json["model"]["vocab"] = Value::Object(vocabulary);
    serde_json::to_vec(&json).map_err(|error| Error::Crash(error.to_string()))
}
