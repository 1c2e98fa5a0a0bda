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
pub struct AllocationPoint {
    /// The operation.
    pub name: String,
    /// The buffers.
    pub parts: Vec<Part>,
}

impl AllocationPoint {
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
    pub persistent: Vec<Part>,
    /// Its allocation points.
    pub points: Vec<AllocationPoint>,
    /// How the decoder works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DecodeMode>,
    /// What the architect keeps keys and values in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CachePrecision>,
}

impl StagePlan {
    /// A stage with its workspace, without a choice.
    pub(super) fn new(
        stage: Stage,
        weights: WeightsPlan,
        mut persistent: Vec<Part>,
        points: Vec<AllocationPoint>,
    ) -> Self {
        persistent.push(Part { what: "workspace".to_owned(), bytes: WORKSPACE, count: 1 });
        Self { stage, weights, persistent, points, mode: None, cache: None }
    }

    /// Bytes of what is persistent, without weights.
    pub fn persistent(&self) -> u64 {
        total(&self.persistent)
    }

    /// The allocation point with the most bytes.
    pub fn largest_point(&self) -> Option<&AllocationPoint> {
        self.points.iter().max_by_key(|point| point.total())
    }

    /// The most bytes at once.
    pub fn peak(&self) -> u64 {
        let point = self.largest_point().map_or(0, AllocationPoint::total);
        self.weights.bytes.saturating_add(self.persistent()).saturating_add(point)
    }

    /// The largest buffer of all.
    pub fn largest_buffer(&self) -> Part {
        let points = self.points.iter().flat_map(|point| &point.parts);
        let parts = self.persistent.iter().chain(points).chain([&self.weights.largest]);
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
