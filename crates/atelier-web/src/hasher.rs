//! SHA-256 for files that arrive in pieces, which browsers themselves only have for whole ones.

use atelier_weights::hex;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;

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

    /// What there is to know of the bytes so far: [`Hasher::restore`] goes on from there.
    pub fn state(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// Goes on from a state.
    ///
    /// # Errors
    /// It is none; then nothing changes.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), JsValue> {
        let none = || error::request("state: expected one of this hasher");
        let state = state.try_into().map_err(|_| none())?;
        self.0 = Sha256::deserialize(state).map_err(|_| none())?;
        Ok(())
    }
}
