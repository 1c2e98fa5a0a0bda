//! What a page or a program shows of an open model.

use serde::Serialize;

use crate::card::Card;
use crate::device::{AdapterReport, DeviceReport};
use crate::pipeline::{Pipeline, Settings};

/// An open model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct ModelInfo {
    /// Its fingerprint.
    pub model: String,
    /// Bytes of all weights.
    pub bytes: u64,
    /// Codes that a blueprint can have.
    pub codes: usize,
    /// The graphics adapter in use; the CPU is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<AdapterReport>,
    /// What a request has where it does not say.
    pub defaults: Settings,
    /// What the model says that it can draw, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
}

impl ModelInfo {
    /// Of a model on a device.
    pub fn of(pipeline: &Pipeline, device: &DeviceReport) -> Self {
        let checkpoint = pipeline.checkpoint();
        let tensors = checkpoint.components().flat_map(|(_, component)| component.tensors());
        Self {
            model: checkpoint.fingerprint().to_owned(),
            bytes: tensors.map(|(_, stored)| stored.bytes()).sum(),
            codes: checkpoint.config().prior.vq_config.num_embeddings,
            adapter: match device {
                DeviceReport::Gpu(adapter) => Some(adapter.clone()),
                DeviceReport::Cpu { .. } => None,
            },
            defaults: pipeline.defaults(),
            card: checkpoint.card().cloned(),
        }
    }
}
