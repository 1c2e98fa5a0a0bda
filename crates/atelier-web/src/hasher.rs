//! SHA-256 for files that arrive in pieces, which browsers themselves only have for whole ones.

use atelier_weights::hex;
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

/// SHA-256 in pieces.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Hasher(Sha256);

#[wasm_bindgen]
impl Hasher {
    /// Of nothing so far.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash in lower-case hexadecimal; the next one starts from nothing.
    pub fn digest(&mut self) -> String {
        hex(&self.0.finalize_reset())
    }
}
