//! Files that JavaScript hands out in ranges.

use std::borrow::Cow;
use std::ops::Range;

use async_trait::async_trait;
use atelier_weights::{ByteSource, Error, Result};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::text;

#[wasm_bindgen(typescript_custom_section)]
const MODEL_FILES: &str = r#"
/** The files of a model; paths are relative and '/'-separated. */
export interface ModelFiles {
  /** The model's name, for messages. */
  readonly name: string;
  /** The size in bytes; undefined where there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** Exactly the bytes from `start` to before `end`. */
  read(path: string, start: number, end: number): Promise<Uint8Array>;
  /** Whether the file is known to have this SHA-256 and not to have changed since: then it is not hashed again. */
  hasHash(path: string, sha256: string): Promise<boolean>;
  /** Hears that all of the file was read just now and has this SHA-256. */
  noteHash(path: string, sha256: string): Promise<void>;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The files of a model.
    #[wasm_bindgen(typescript_type = "ModelFiles")]
    pub type Files;

    /// The model's name, for messages.
    #[wasm_bindgen(method, getter, structural)]
    fn name(this: &Files) -> String;

    /// The size in bytes; undefined where there is no such file.
    #[wasm_bindgen(method, catch, structural)]
    async fn size(this: &Files, path: &str) -> Result<JsValue, JsValue>;

    /// Exactly the bytes from `start` to before `end`, as an `Uint8Array`.
    #[wasm_bindgen(method, catch, structural)]
    async fn read(this: &Files, path: &str, start: f64, end: f64) -> Result<JsValue, JsValue>;

    /// Whether the file is known to have this SHA-256.
    #[wasm_bindgen(method, catch, structural, js_name = hasHash)]
    async fn has_hash(this: &Files, path: &str, sha256: &str) -> Result<JsValue, JsValue>;

    /// Hears that it has.
    #[wasm_bindgen(method, catch, structural, js_name = noteHash)]
    async fn note_hash(this: &Files, path: &str, sha256: &str) -> Result<JsValue, JsValue>;
}

/// Numbers of JavaScript count exactly up to here.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// [`Files`] as the model reads them.
pub struct Source(pub Files);

impl Source {
    fn failed(&self, path: &str, reason: String) -> Error {
        Error::Read { file: self.locate(path), reason }
    }
}

#[async_trait(?Send)]
impl ByteSource for Source {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        let size = self.0.size(path).await.map_err(|error| self.failed(path, text(&error)))?;
        if size.is_undefined() || size.is_null() {
            return Ok(None);
        }
        match size.as_f64() {
            Some(size) if (0.0..=MAX_INTEGER).contains(&size) => Ok(Some(size as u64)),
            _ => Err(self.failed(path, format!("expected a size in bytes, found {}", text(&size)))),
        }
    }

    async fn read(&self, path: &str, Range { start, end }: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let bytes = self.0.read(path, start as f64, end as f64).await;
        let bytes = bytes.map_err(|error| self.failed(path, text(&error)))?;
        match bytes.dyn_into::<Uint8Array>() {
            Ok(bytes) => Ok(Cow::Owned(bytes.to_vec())),
            Err(other) => Err(self.failed(path, format!("expected bytes, found {}", text(&other)))),
        }
    }

    async fn has_hash(&self, path: &str, sha256: &str) -> Result<bool> {
        let found = self.0.has_hash(path, sha256).await;
        Ok(found.map_err(|error| self.failed(path, text(&error)))?.is_truthy())
    }

    async fn note_hash(&self, path: &str, sha256: &str) -> Result<()> {
        self.0.note_hash(path, sha256).await.map_err(|error| self.failed(path, text(&error)))?;
        Ok(())
    }

    fn locate(&self, path: &str) -> String {
        if path.is_empty() { self.0.name() } else { path.to_owned() }
    }
}
