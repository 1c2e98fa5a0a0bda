//! Reads model weights: safetensors files and indexes, from any ranged byte source.
//!
//! A [`ByteSource`] is where bytes come from: a folder on disk, memory, a browser's file handle. A [`Component`]
//! is one part of a model on such a source: one safetensors file, or an index with its shards. Opening a component
//! reads and checks every header, so that a damaged or hostile checkpoint is refused before a single weight is
//! read. Nothing is allocated in proportion to a size that a file merely claims.
//!
//! A pack is a model with its matrices packed: [`Scheme`] says how, a [`Policy`] which, and the pack's [`Manifest`] where.

mod block;
pub mod checkpoint;
mod component;
mod convert;
mod dtype;
mod e4m3;
mod error;
#[cfg(feature = "files")]
mod folder;
mod header;
mod index;
mod json;
mod layout;
mod pack;
mod policy;
mod search;
mod source;

pub use block::{BLOCK, Packed, Scheme};
pub use checkpoint::ComponentName;
pub use component::{Component, Piece, Stored};
pub use convert::FLOATS;
pub use dtype::Dtype;
pub use e4m3::E4M3;
pub use error::{Error, Result};
#[cfg(feature = "files")]
pub use folder::FolderSource;
pub use header::{Header, MAX_HEADER, TensorInfo};
pub use layout::{Layout, safetensors_header};
pub use pack::{
    FileEntry, MANIFEST, MAX_BUFFER, MAX_SHARD, Manifest, PACK_FORMAT, PackSource, PieceEntry, Shard,
    TensorEntry, hex,
};
pub use policy::{Encoding, Policy, Rule};
pub use search::Search;
pub use source::{ByteSource, MAX_JSON, MemorySource, read_all, read_json};
