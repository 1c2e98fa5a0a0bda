//! Training of mini, the small built-in model.
//!
//! [`data`] draws the pictures it learns from: an endless, seeded stream of posters with their prompts. [`brief`] writes
//! prompts as people type them, and [`typeset`] sets them on the grid of codes. `train`, with the feature of that name, trains the modules of the `atelier` crate.

pub mod brief;
pub mod data;
#[cfg(feature = "train")]
pub mod train;
pub mod typeset;
