//! Blueprint files.

use std::path::Path;

use atelier::Blueprint;

use crate::error::{Error, Result};
use crate::io::files;

/// Far more than the largest blueprint takes.
const MAX_FILE: u64 = 16 << 20;

/// Reads a blueprint; whether it fits the model is checked later.
pub fn read(path: &Path) -> Result<Blueprint> {
    let text = files::read_text(path, MAX_FILE)?;
    serde_json::from_str(&text).map_err(|error| Error::input(path, format!("expected a blueprint: {error}")))
}

/// One line of JSON.
pub fn to_json(blueprint: &Blueprint) -> Result<String> {
    serde_json::to_string(blueprint).map_err(|error| Error::Crash(error.to_string()))
}

/// Writes a blueprint file.
pub fn write(path: &Path, blueprint: &Blueprint) -> Result<()> {
    files::write(path, (to_json(blueprint)? + "\n").as_bytes())
}
