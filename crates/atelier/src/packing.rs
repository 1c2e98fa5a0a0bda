//! What becomes of a checkpoint's tensors in a pack.

use std::collections::BTreeMap;

use atelier_weights::{Component, Layout, Policy, Scheme, TensorEntry};

use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::error::{Error, Field, Result};
use crate::progress::Stage;
use crate::weight_mapping::{ComponentName, InventoryEntry, TensorRole, inventory, stage_parts};

/// Every tensor that inference uses, with its stage, in the order in which stages load them, as `policy` wants it.
/// `stored` says how the checkpoint has a tensor.
///
/// # Errors
/// None in practice.
pub async fn plan(
    config: &ModelConfig,
    policy: &Policy,
    stored: impl Fn(ComponentName, &InventoryEntry) -> Scheme,
) -> Result<Layout> {
    let mut inventories = BTreeMap::new();
    for component in ComponentName::ALL {
        inventories.insert(component.folder(), inventory(config, component).await?);
    }
    let mut tensors = Vec::new();
    for &stage in Stage::ALL {
        for part in stage_parts(stage) {
            let component = part.component;
            let entries = inventories.get(component.folder()).into_iter().flatten();
            for entry in entries.filter(|entry| entry.role == TensorRole::Used && part.reads(&entry.name)) {
                let as_stored = stored(component, entry);
                let scheme = match entry.shape.as_slice() {
                    &[_, columns] if entry.matrix => {
                        policy.scheme(component.folder(), &entry.name, columns, as_stored)
                    }
                    _ => as_stored,
                };
                let (name, shape) = (entry.name.clone(), entry.shape.clone());
                let component = component.folder().to_owned();
                tensors.push((stage.name(), TensorEntry { component, name, shape, scheme, pieces: vec![] }));
            }
        }
    }
    Ok(Layout::new(tensors))
}

/// The plan for a checkpoint as it is stored.
///
/// # Errors
/// It is a pack already.
pub async fn plan_checkpoint(checkpoint: &Checkpoint, policy: &Policy) -> Result<Layout> {
    if checkpoint.is_pack() {
        return Err(Error::request(Field::Checkpoint, "a checkpoint", "a pack"));
    }
    let components: Vec<(ComponentName, &Component)> = checkpoint.components().collect();
    let mut aliases = BTreeMap::new();
    for (name, component) in &components {
        aliases.insert(name.folder(), aliases_of(component, &inventory(checkpoint.config(), *name).await?));
    }
    plan(checkpoint.config(), policy, |name, entry| {
        let component = components.iter().find(|(other, _)| *other == name).map(|(_, component)| component);
        let found =
            aliases.get(name.folder()).and_then(|aliases| aliases.get(&entry.name)).unwrap_or(&entry.name);
        component.and_then(|component| component.get(found)?.scheme).unwrap_or(Scheme::F32)
    })
    .await
}

/// For names that a component lacks, the ones under which it has the same tensors.
pub fn aliases_of(component: &Component, inventory: &[InventoryEntry]) -> BTreeMap<String, String> {
    let alias = |entry: &InventoryEntry| match &entry.role {
        TensorRole::AliasOf(name) if component.get(name).is_none() => {
            Some((name.clone(), entry.name.clone()))
        }
        _ => None,
    };
    inventory.iter().filter_map(alias).collect()
}
