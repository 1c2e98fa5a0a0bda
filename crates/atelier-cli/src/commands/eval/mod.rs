//! `atelier eval`: what a model makes of a file of prompts.

pub mod fidelity;
mod progress;
mod prompts;
pub mod text;
