//! One safetensors file of arbitrary bytes: refused in one line of words, or read to the last tensor.
//!
//! The input is the file without its first 8 bytes, then the number of data bytes (two bytes, little-endian): a
//! fuzzer seldom guesses a length that fits. A file whose very length is arbitrary is tried too.
#![no_main]

use std::sync::Arc;

use atelier_weights::{Component, Error, Header, MemorySource};
use futures_lite::future::block_on;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    whole_file(input.to_vec());
    let Some((json, data)) = input.split_last_chunk() else { return };
    let data = u16::from_le_bytes(*data);

    let size = 8 + json.len() as u64 + u64::from(data);
    let parsed = Header::parse("file", json, size);
    if let Ok(header) = &parsed {
        let covered: u64 = header.tensors.values().map(|info| info.range.end - info.range.start).sum();
        assert_eq!(covered, u64::from(data));
    }
    let _ = Header::parse("file", json, u64::from(data)).inspect_err(one_line);
    let _ = Header::parse("file", json, u64::MAX - u64::from(data)).inspect_err(one_line);

    let mut file = (json.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(json);
    file.resize(file.len() + usize::from(data), 0x3f);
    assert_eq!(whole_file(file), parsed.is_ok());
});

/// Reads every tensor in every way; whether the file was accepted.
fn whole_file(bytes: Vec<u8>) -> bool {
    let size = bytes.len();
    let source: MemorySource = [("file", bytes)].into_iter().collect();
    let part = match block_on(Component::open_file(Arc::new(source), "file")) {
        Ok(part) => part,
        Err(error) => {
            one_line(&error);
            return false;
        }
    };
    for (name, info) in part.tensors() {
        let _ = block_on(part.read_f32(name)).inspect_err(one_line);
        let _ = block_on(part.read_i32(name)).inspect_err(one_line);
        let _ = block_on(part.read_u8(name)).inspect_err(one_line);
        let rows = info.shape.first().copied().unwrap_or(0);
        for range in [0..rows, rows / 2..rows, rows..rows.saturating_add(1)] {
            let _ = block_on(part.read_rows_f32(name, range)).inspect_err(one_line);
        }
        let bytes = block_on(part.read_bytes(name)).expect("a checked tensor is there");
        assert!(bytes.len() < size);
    }
    block_on(part.fingerprint()).expect("a checked file is there");
    true
}

fn one_line(error: &Error) {
    let message = error.to_string();
    assert!(!message.contains('\n') && message.chars().count() < 1500, "{message}");
}
