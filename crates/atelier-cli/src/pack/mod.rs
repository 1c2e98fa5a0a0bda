//! Packs: `atelier quantize` makes them, `atelier verify` looks at every byte.

pub mod quantize;
pub mod verify;
mod writer;

pub use writer::is_unfinished;
