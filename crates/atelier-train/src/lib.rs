//! Training of mini, the small built-in model.
//!
//! [`data`] draws the pictures it learns from: an endless, seeded stream of posters with their prompts.

pub mod data;
