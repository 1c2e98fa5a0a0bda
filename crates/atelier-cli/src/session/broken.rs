//! Variants of kernels that `atelier doctor --check` found broken here, by adapter and driver: a new driver may be right again.

use std::path::PathBuf;

use atelier::AdapterReport;
use atelier::device::{Variant, Variants};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::files;

/// Where the list is kept instead of the user's folder for such things.
const FOLDER: &str = "ATELIER_STATE_DIR";
const FILE: &str = "broken-kernels.json";
const MOST_BYTES: u64 = 1 << 20;

/// An adapter whose check found something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    adapter: String,
    api: String,
    driver: String,
    /// Names of variants.
    broken: Vec<String>,
}

impl Entry {
    fn is_of(&self, adapter: &AdapterReport) -> bool {
        self.adapter == adapter.name && self.api == adapter.api && self.driver == adapter.driver
    }
}

fn path() -> Option<PathBuf> {
    let folder = match std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::state_dir().or_else(dirs::data_local_dir)?.join("atelier"),
    };
    Some(folder.join(FILE))
}

/// The whole list.
fn entries() -> Result<Vec<Entry>> {
    let Some(path) = path() else { return Ok(Vec::new()) };
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(path, error)),
        // A pipe would have to be waited for.
        Ok(found) if !found.is_file() => return Err(Error::input(path, "expected a file")),
        Ok(_) => {}
    }
    let text = files::read_text(&path, MOST_BYTES)?;
    serde_json::from_str(&text).map_err(|error| {
        Error::input(path, format!("expected the list that `atelier doctor --check` writes, found {error}"))
    })
}

/// What is broken on an adapter.
///
/// # Errors
/// The list is there and cannot be read.
pub fn on(adapter: &AdapterReport) -> Result<Variants> {
    let entries = entries()?;
    let broken = entries.iter().filter(|entry| entry.is_of(adapter)).flat_map(|entry| &entry.broken);
    let named = |name: &String| Variant::ALL.iter().copied().find(|variant| variant.name() == name);
    Ok(broken.filter_map(named).collect())
}

/// Remembers what a check found, instead of what one found before. Tells where.
///
/// # Errors
/// The list cannot be read, and is left as it is, or it cannot be written.
pub fn remember(adapter: &AdapterReport, broken: Variants) -> Result<Option<PathBuf>> {
    let before = entries()?;
    let mut after: Vec<Entry> = before.iter().filter(|entry| !entry.is_of(adapter)).cloned().collect();
    if broken != Variants::NONE {
        let AdapterReport { name, api, driver, .. } = adapter.clone();
        let broken = broken.iter().map(|variant| variant.name().to_owned()).collect();
        after.push(Entry { adapter: name, api, driver, broken });
    }
    let Some(path) = path().filter(|_| after != before) else { return Ok(None) };
    let text = serde_json::to_string_pretty(&after).map_err(|error| Error::Crash(error.to_string()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
    }
    files::write(&path, text.as_bytes())?;
    Ok(Some(path))
}
