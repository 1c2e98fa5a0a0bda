//! What becomes of a checkpoint's tensors in a pack.

use atelier_weights::{ComponentName, Layout, Policy, Scheme, TensorEntry};

use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::error::{Error, Field, Result};
use crate::inventory::{InventoryEntry, read_by};
use crate::progress::Stage;

/// Every tensor that inference uses, with its stage, in the order in which stages load them, as `policy` wants it.
/// `stored` says how the checkpoint has a tensor.
pub fn plan(
    config: &ModelConfig,
    policy: &Policy,
    stored: impl Fn(ComponentName, &InventoryEntry) -> Scheme,
) -> Layout {
    let mut tensors = Vec::new();
    for &stage in Stage::ALL {
        for (component, entry) in read_by(config, stage) {
            let as_stored = stored(component, &entry);
            let scheme = match entry.shape.as_slice() {
                &[_, columns] if entry.matrix => {
                    policy.scheme(component.folder(), &entry.name, columns, as_stored)
                }
                _ => as_stored,
            };
            let InventoryEntry { name, shape, .. } = entry;
            let component = component.folder().to_owned();
            tensors.push((stage.name(), TensorEntry { component, name, shape, scheme, pieces: vec![] }));
        }
    }
    Layout::new(tensors)
}

/// A model's tensors as a run has them on the device: those of a pack as they are stored, others as f32.
pub fn loaded(checkpoint: &Checkpoint) -> Vec<TensorEntry> {
    match checkpoint.manifest() {
        Some(manifest) => manifest.tensors.clone(),
        None => plan(checkpoint.config(), &Policy::keep(), |_, _| Scheme::F32).tensors,
    }
}

/// The plan for a checkpoint as it is stored.
///
/// # Errors
/// It is a pack already.
pub fn plan_checkpoint(checkpoint: &Checkpoint, policy: &Policy) -> Result<Layout> {
    if checkpoint.is_pack() {
        return Err(Error::request(Field::Checkpoint, "a checkpoint", "a pack"));
    }
    Ok(plan(checkpoint.config(), policy, |component, entry| {
        checkpoint.stored(component, &entry.name).and_then(|stored| stored.scheme).unwrap_or(Scheme::F32)
    }))
}
