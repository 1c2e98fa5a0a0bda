//! An arbitrary index beside an arbitrary shard and a sound one: refused in one line of words, or all tensors read.
//!
//! The input is the index, a zero byte, and the shard `a`. The shard `b` holds the tensor `b`.
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use atelier_weights::{Component, MemorySource};
use futures_lite::future::block_on;
use libfuzzer_sys::fuzz_target;

const SOUND: &[u8] = br#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (index, shard) = input.split_at(cut);
    let mut sound = (SOUND.len() as u64).to_le_bytes().to_vec();
    sound.extend_from_slice(SOUND);
    sound.extend_from_slice(&[0; 4]);
    let source: MemorySource = [
        ("part/model.safetensors.index.json", index),
        ("part/a", shard.get(1..).unwrap_or_default()),
        ("part/b", &sound),
    ]
    .into_iter()
    .collect();
    match block_on(Component::open(Arc::new(source), "part", "model")) {
        Err(error) => {
            let message = error.to_string();
            assert!(!message.contains('\n') && message.chars().count() < 1500, "{message}");
        }
        Ok(part) => {
            // An index cannot name a file outside the folder.
            let files: BTreeSet<&str> = part.files().map(|(path, _)| path).collect();
            assert!(files.iter().all(|path| matches!(*path, "part/a" | "part/b")), "{files:?}");
            for (name, _) in part.tensors() {
                block_on(part.read_bytes(name)).expect("a checked tensor is there");
            }
            block_on(part.fingerprint()).expect("a checked file is there");
        }
    }
});
