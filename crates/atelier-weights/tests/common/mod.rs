//! Safetensors files by hand, so that a test can get any byte of them wrong.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod pack;

use std::sync::Arc;

use atelier_weights::{Component, MemorySource, Result};
use futures_lite::future::block_on;

/// Length, header, data.
pub fn file(json: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// One tensor called `name` of `data.len()` bytes.
pub fn one(name: &str, dtype: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let end = data.len();
    file(&format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[0,{end}]}}}}"#), data)
}

/// An index with these tensor and shard names.
pub fn index(entries: &[(&str, &str)]) -> Vec<u8> {
    let map: Vec<String> = entries.iter().map(|(tensor, shard)| format!("{tensor:?}:{shard:?}")).collect();
    format!(r#"{{"metadata":{{"total_size":1}},"weight_map":{{{}}}}}"#, map.join(",")).into_bytes()
}

pub fn open(files: &[(&str, Vec<u8>)]) -> Result<Component> {
    let source: MemorySource = files.iter().cloned().collect();
    block_on(Component::open(Arc::new(source), "part", "model"))
}

pub fn open_file(bytes: Vec<u8>) -> Result<Component> {
    let source: MemorySource = [("dir/a.safetensors", bytes)].into_iter().collect();
    block_on(Component::open_file(Arc::new(source), "dir/a.safetensors"))
}

/// The message of a refusal. It is one line and names everything in `named`.
#[track_caller]
pub fn refused<T>(result: Result<T>, named: &[&str]) -> String {
    let Err(error) = result else { panic!("accepted, but expected an error that names {named:?}") };
    let message = error.to_string();
    for name in named {
        assert!(message.contains(name), "{message:?} does not name {name:?}");
    }
    assert!(!message.contains('\n'), "{message:?} is more than one line");
    assert!(message.chars().count() < 1000, "{message:?} is too long");
    message
}
