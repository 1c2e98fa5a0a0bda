//! Packs: `atelier quantize` makes them, `atelier verify` looks at every byte, `atelier synth` makes random ones.

mod calibrate;
pub mod quantize;
mod random;
mod random_checkpoint;
pub mod synth;
mod tokenizer;
pub mod verify;
mod writer;

pub use writer::is_unfinished;
