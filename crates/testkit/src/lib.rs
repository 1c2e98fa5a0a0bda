//! What the tests of all crates share: golden files, random numbers, snapshots, a counting allocator.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod allocator;
mod golden;
mod random;
mod snapshot;

use std::path::PathBuf;

pub use futures_lite::future::block_on;

pub use golden::{Entry, Golden, Tensors, assert_close, assert_levels, entries, entry, json};
pub use random::Random;
pub use snapshot::{assert_generated, assert_snapshot, masked};

/// A path of the repository, given relative to its root.
///
/// Cargo runs tests in their package's folder, so the root is above the current folder. A path from compile time may be
/// that of a checkout that is gone.
pub fn repository(path: &str) -> PathBuf {
    let here = std::env::current_dir().expect("a current folder");
    let root = here.ancestors().find(|folder| folder.join("tests/data/reference").is_dir());
    root.unwrap_or_else(|| panic!("{} is not in the repository", here.display())).join(path)
}

/// The folder with the reference's checkpoint and golden files.
pub fn reference() -> PathBuf {
    repository("tests/data/reference")
}
