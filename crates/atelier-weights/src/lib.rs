//! Reads model weights: safetensors files and indexes, from any ranged byte source.
//!
//! A [`ByteSource`] is where bytes come from: a folder on disk, memory, a browser's file handle. A [`Component`]
//! is one part of a model on such a source: one safetensors file, or an index with its shards. Opening a component
//! reads and checks every header, so that a damaged or hostile checkpoint is refused before a single weight is
//! read. Nothing is allocated in proportion to a size that a file merely claims.

mod component;
mod convert;
mod dtype;
mod error;
#[cfg(feature = "files")]
mod folder;
mod header;
mod index;
mod json;
mod source;

pub use component::Component;
pub use dtype::Dtype;
pub use error::{Error, Result};
#[cfg(feature = "files")]
pub use folder::FolderSource;
pub use header::{Header, MAX_HEADER, TensorInfo};
pub use source::{ByteSource, MAX_JSON, MemorySource, read_all, read_json};
