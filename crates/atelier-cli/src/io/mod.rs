//! Files that the program reads and writes.

pub mod blueprints;
pub mod files;
pub mod images;
pub mod latents;
pub mod metadata;
pub mod names;
pub mod pack;
pub mod trace;
pub mod unfinished;
