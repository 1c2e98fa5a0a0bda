//! `atelier licences`: the terms of the program, and of everything that is linked into it.

use crate::error::Result;
use crate::ui::stdout;

const MIT: &str = include_str!("../../../../LICENSE-MIT");
const APACHE: &str = include_str!("../../../../LICENSE-APACHE");
/// Made by `cargo xtask licences`.
const THIRD_PARTY: &str = include_str!("../../THIRD-PARTY.txt");

/// Prints them.
pub fn run() -> Result<()> {
    let rule = "=".repeat(78);
    let own = "atelier and the built-in model mini are yours under the MIT licence or the Apache License 2.0, as you like.";
    stdout::write(format!("{own}\n\n{MIT}\n{rule}\n\n{APACHE}\n{rule}\n\n{THIRD_PARTY}").as_bytes())
}
