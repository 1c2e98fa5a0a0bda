//! Bytes by stage, and what they are.

use serde::Serialize;

use super::WORKSPACE;
use crate::prior::CachePrecision;
use crate::progress::Stage;
use crate::vae::DecodeMode;

/// Some equal buffers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What they hold.
    pub what: String,
    /// Bytes of each.
    pub bytes: u64,
    /// How many there are at once.
    pub count: u64,
}

impl Part {
    /// `count` buffers of `dims` numbers of `size` bytes.
    pub(super) fn new(what: &str, count: usize, dims: &[usize], size: u64) -> Self {
        Self { what: what.to_owned(), bytes: bytes(dims, size), count: count as u64 }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.bytes.saturating_mul(self.count)
    }
}

/// Bytes of a tensor; saturates, because sizes may come from a command line.
pub(super) fn bytes(dims: &[usize], size: u64) -> u64 {
    dims.iter().fold(size, |product, &dim| product.saturating_mul(dim as u64))
}

/// Bytes of several parts.
pub(super) fn total(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.total()))
}

/// A stage's weights on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeightsPlan {
    /// All of them.
    pub bytes: u64,
    /// The largest buffer.
    pub largest: Part,
    /// The largest buffer of packed words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_packed: Option<Part>,
}

/// One operation and what is alive around it, beside weights and what the stage holds all the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The operation.
    pub name: String,
    /// The buffers.
    pub parts: Vec<Part>,
}

impl Moment {
    pub(super) fn new(name: impl Into<String>, parts: Vec<Part>) -> Self {
        Self { name: name.into(), parts }
    }

    /// Bytes of all buffers.
    pub fn total(&self) -> u64 {
        total(&self.parts)
    }
}

/// A stage's needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagePlan {
    /// The stage.
    pub stage: Stage,
    /// Its weights as they are on the device.
    pub weights: WeightsPlan,
    /// What it holds beside them as long as it works.
    pub held: Vec<Part>,
    /// Its moments.
    pub moments: Vec<Moment>,
    /// How the decoder works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DecodeMode>,
    /// What the architect keeps keys and values in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CachePrecision>,
}

impl StagePlan {
    /// A stage with its workspace, without a choice.
    pub(super) fn new(stage: Stage, weights: WeightsPlan, mut held: Vec<Part>, moments: Vec<Moment>) -> Self {
        held.push(Part { what: "workspace".to_owned(), bytes: WORKSPACE, count: 1 });
        Self { stage, weights, held, moments, mode: None, cache: None }
    }

    /// Bytes held all the time, without weights.
    pub fn held(&self) -> u64 {
        total(&self.held)
    }

    /// The moment with the most bytes.
    pub fn largest_moment(&self) -> Option<&Moment> {
        self.moments.iter().max_by_key(|moment| moment.total())
    }

    /// The most bytes at once.
    pub fn peak(&self) -> u64 {
        let moment = self.largest_moment().map_or(0, Moment::total);
        self.weights.bytes.saturating_add(self.held()).saturating_add(moment)
    }

    /// The largest buffer of all.
    pub fn largest_buffer(&self) -> Part {
        let moments = self.moments.iter().flat_map(|moment| &moment.parts);
        let parts = self.held.iter().chain(moments).chain([&self.weights.largest]);
        parts.max_by_key(|part| part.bytes).cloned().unwrap_or_else(|| Part::new("nothing", 0, &[0], 1))
    }
}

/// Every stage's needs. Stages live one after another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryPlan {
    /// In the order of a run.
    pub stages: Vec<StagePlan>,
}

impl MemoryPlan {
    /// The most bytes at once: the largest stage. That is also the smallest budget that does.
    pub fn peak(&self) -> u64 {
        self.stages.iter().map(StagePlan::peak).max().unwrap_or(0)
    }

    /// The largest buffer of all stages. Kernels bind buffers whole, so it is the largest binding too.
    pub fn largest_buffer(&self) -> Option<Part> {
        self.stages.iter().map(StagePlan::largest_buffer).max_by_key(|part| part.bytes)
    }

    /// The largest buffer of packed weights.
    pub fn largest_packed(&self) -> Option<&Part> {
        self.stages
            .iter()
            .filter_map(|stage| stage.weights.largest_packed.as_ref())
            .max_by_key(|part| part.bytes)
    }

    /// Whether `budget` bytes are enough.
    pub fn fits(&self, budget: u64) -> bool {
        self.peak() <= budget
    }
}
