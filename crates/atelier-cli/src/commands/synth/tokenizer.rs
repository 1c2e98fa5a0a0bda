//! A tokenizer for random models: bytes, and the special tokens of the built-in model with the ids of another configuration.
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

/// The file [`TOKENIZER`] for `config`: bytes follow the visual ids, then the special tokens; those that the
/// configuration names have its ids.
pub fn tokenizer(config: &PriorConfig) -> Result<Vec<u8>> {
    let named = [
        ("<|dit_token_16384|>", config.image_start_token_id),
        ("<|dit_token_16385|>", config.image_end_token_id),
        ("<|image|>", config.image_token_id),
    ];
    let taken: BTreeSet<u32> = named.iter().map(|(_, id)| *id).collect();
    let first = config.text_config.vision_vocab_size as u32;
    let mut free = (first..).filter(|id| !taken.contains(id));
    let mut most = taken.last().copied().unwrap_or_default();
    let mut number = |name: &str| {
        let id = match named.iter().find(|(other, _)| *other == name) {
            Some((_, id)) => *id,
            None => free.next().unwrap_or(u32::MAX),
        };
        most = most.max(id);
        id
    };
    let mut vocabulary: Map<String, Value> =
        bytes().map(|symbol| (symbol.to_string(), json!(number(&symbol.to_string())))).collect();
    let mut added = special_tokens()?;
    for token in &mut added {
        let name = token["content"].as_str().unwrap_or_default().to_owned();
        let id = json!(number(&name));
        token["id"] = id.clone();
        vocabulary.insert(name, id);
    }
    if most as usize >= config.text_config.vocab_size {
        let size = config.text_config.vocab_size;
        return Err(Error::Crash(format!("the tokenizer needs {} ids, the model has {size}", most + 1)));
    }
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let file = json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": level,
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    });
    serde_json::to_vec(&file).map_err(|error| Error::Crash(error.to_string()))
}

/// Those of the built-in model, which has all that the template needs.
fn special_tokens() -> Result<Vec<Value>> {
    let unlike = |what: &str| Error::Crash(format!("the built-in tokenizer has no {what}"));
    let bytes = block_on(read_all(&Mini, TOKENIZER, u64::MAX))?.ok_or_else(|| unlike("file"))?;
    let mut json: Value = serde_json::from_slice(&bytes).map_err(|error| Error::Crash(error.to_string()))?;
    match json["added_tokens"].take() {
        Value::Array(tokens) => Ok(tokens),
        _ => Err(unlike("special tokens")),
    }
}

/// How a byte-level tokenizer writes the bytes: printable ones of Latin-1 as themselves, the others from U+0100 on.
fn bytes() -> impl Iterator<Item = char> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..=u8::MAX).filter(move |byte| !printable(byte)).count() as u32;
    (0..=u8::MAX)
        .filter(printable)
        .map(char::from)
        .chain((0..others).filter_map(|n| char::from_u32(0x100 + n)))
}
