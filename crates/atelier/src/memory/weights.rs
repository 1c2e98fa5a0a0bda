//! Weights as the loader puts them on the device.

use std::collections::BTreeMap;

use atelier_weights::{BLOCK, Scheme, TensorEntry};

use super::F32;
use super::stage::{Part, WeightsPlan, bytes};
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::inventory::{InventoryEntry, read_by};
use crate::progress::Stage;

/// The weights of `stage`: matrices of a pack as words where a row fills blocks, all else as f32. `tensors` says how each
/// is stored, and in which pieces.
pub(super) fn weights(
    config: &ModelConfig,
    stage: Stage,
    tensors: &[TensorEntry],
    packed: bool,
) -> Result<WeightsPlan> {
    let stored: BTreeMap<(&str, &str), &TensorEntry> =
        tensors.iter().map(|tensor| ((tensor.component.as_str(), tensor.name.as_str()), tensor)).collect();
    let mut buffers = Buffers::default();
    for (component, entry) in read_by(config, stage) {
        let tensor = stored.get(&(component.folder(), entry.name.as_str())).ok_or_else(|| {
            let problem = format!("tensor {}: expected it in the plan, found no such tensor", entry.name);
            Error::Weights { location: component.folder().to_owned(), problem }
        })?;
        buffers.add(&entry, tensor, packed);
    }
    let nothing = || Part::new("nothing", 0, &[0], F32);
    let largest = buffers.largest_dense.iter().chain(&buffers.largest_packed).max_by_key(|part| part.bytes);
    Ok(WeightsPlan {
        bytes: buffers.bytes,
        largest: largest.cloned().unwrap_or_else(nothing),
        largest_packed: buffers.largest_packed,
    })
}

#[derive(Default)]
struct Buffers {
    bytes: u64,
    largest_dense: Option<Part>,
    largest_packed: Option<Part>,
}

impl Buffers {
    /// As `CheckpointWeights::matrix` and `CheckpointWeights::reshaped` of the loader do it.
    fn add(&mut self, entry: &InventoryEntry, tensor: &TensorEntry, packed: bool) {
        let columns = tensor.columns();
        let scheme = tensor.scheme;
        if !(packed && entry.matrix && scheme != Scheme::F32 && columns.is_multiple_of(BLOCK)) {
            let part = Part::new(&entry.name, 1, &entry.shape, F32);
            self.bytes = self.bytes.saturating_add(part.bytes);
            keep_larger(&mut self.largest_dense, part);
            return;
        }
        for piece in &tensor.pieces {
            let codes = Part::new(&entry.name, 1, &[piece.rows, scheme.code_words(columns)], F32);
            // A word for each row where there are no scales, and a zero for each row in place of a bias.
            let scales = bytes(&[piece.rows, scheme.scale_words(columns).max(1)], F32);
            let zeros = bytes(&[piece.rows], F32);
            self.bytes = self.bytes.saturating_add(codes.bytes + scales + zeros);
            keep_larger(&mut self.largest_packed, codes);
        }
    }
}

fn keep_larger(largest: &mut Option<Part>, part: Part) {
    if largest.as_ref().is_none_or(|largest| largest.bytes < part.bytes) {
        *largest = Some(part);
    }
}
