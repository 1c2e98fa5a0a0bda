//! What mini, the small built-in model, learns from: an endless, seeded stream of prompts and pictures.
//!
//! [`brief`] writes prompts as people type them, [`typeset`] sets them on the grid of codes and prints them, and
//! [`sheet`] shows pictures with their prompts. The training itself is `recipes/mini`, in Python.

pub mod brief;
mod caption;
mod fonts;
mod random;
pub mod sheet;
pub mod typeset;
mod words;

pub use fonts::{FontError, font_folders};
pub use random::Random;
