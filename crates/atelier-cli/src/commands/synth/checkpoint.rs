//! A random checkpoint in the public folder layout: one safetensors file for each component, in one pass.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use atelier::inventory::{InventoryEntry, TensorRole, inventory};
use atelier_weights::{ComponentName, Dtype, Scheme, safetensors_header};

use super::random::Random;
use super::skeleton::Skeleton;
use crate::error::{Error, Result};
use crate::io::files;
use crate::ui::counter::Counter;
use crate::ui::style::Style;

/// Weights that are made at a time.
const CHUNK: usize = 4 << 20;
/// Bytes of a bfloat16.
pub const BYTES: u64 = 2;

/// Writes the folder; returns bytes and seconds.
pub fn write(folder: &Path, skeleton: &Skeleton, random: &Random, style: Style) -> Result<(u64, f64)> {
    fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
    if fs::read_dir(folder).map_err(|error| Error::read(folder, error))?.next().is_some() {
        return Err(Error::input(folder, "expected a new or empty folder, found files in it"));
    }
    let mut components = Vec::new();
    for component in ComponentName::ALL {
        let mut entries = inventory(&skeleton.config, component);
        entries.retain(|entry| !matches!(entry.role, TensorRole::AliasOf(_)));
        components.push((component, entries));
    }
    let total: u64 = components.iter().flat_map(|(_, entries)| entries).map(bytes).sum();
    let mut progress = Counter::bytes(style, "make", total, 0);
    for (component, entries) in &components {
        let file = folder.join(component.weights());
        make_folder_of(&file)?;
        write_component(&file, component.folder(), entries, random, &mut progress)
            .map_err(|error| Error::write(&file, error))?;
    }
    // Last, so that what was interrupted is no model.
    for (path, content) in skeleton.files() {
        let file = folder.join(path);
        make_folder_of(&file)?;
        files::write(&file, &content)?;
    }
    Ok((total, progress.seconds()))
}

fn make_folder_of(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))
}

fn bytes(entry: &InventoryEntry) -> u64 {
    BYTES * entry.shape.iter().product::<usize>() as u64
}

fn write_component(
    path: &Path,
    component: &str,
    entries: &[InventoryEntry],
    random: &Random,
    progress: &mut Counter,
) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let tensors = entries.iter().map(|entry| (entry.name.clone(), Dtype::Bf16, entry.shape.clone()));
    file.write_all(&safetensors_header(tensors).0)?;
    for entry in entries {
        let rows = entry.shape.first().copied().unwrap_or(1);
        let columns: usize = entry.shape.iter().skip(1).product();
        let each = (CHUNK / columns.max(1)).max(1);
        for start in (0..rows).step_by(each) {
            let values = random.rows(component, &entry.name, &entry.shape, start..(start + each).min(rows));
            let bytes = Scheme::Bf16.float_bytes(&values);
            file.write_all(&bytes)?;
            progress.add(bytes.len() as u64);
        }
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}
