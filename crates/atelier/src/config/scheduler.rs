//! `scheduler/scheduler_config.json`.

use std::fmt;

use atelier_weights::checkpoint::SCHEDULER;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// The scheduler.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SchedulerConfig {
    /// The reference's class.
    #[serde(rename = "_class_name", default = "euler")]
    pub class: String,
    /// Steps of the training schedule.
    pub num_train_timesteps: usize,
    /// Shift at length 0.
    pub base_shift: f64,
    /// Growth of the shift with the square root of the length.
    pub max_shift: f64,
    /// Length at which the growth counts once.
    pub base_image_seq_len: usize,
}

impl fmt::Debug for SchedulerConfig {
    /// A checkpoint's fingerprint is made of these words: what came after the first blueprints is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class: _, num_train_timesteps, base_shift, max_shift, base_image_seq_len } = self;
        f.debug_struct("SchedulerConfig")
            .field("num_train_timesteps", num_train_timesteps)
            .field("base_shift", base_shift)
            .field("max_shift", max_shift)
            .field("base_image_seq_len", base_image_seq_len)
            .finish()
    }
}

impl SchedulerConfig {
    /// The class of the public checkpoint, and of those that name none.
    pub const EULER: &str = "FlowMatchEulerDiscreteScheduler";
}

fn euler() -> String {
    SchedulerConfig::EULER.to_owned()
}

impl ConfigFile for SchedulerConfig {
    const FILE: &str = SCHEDULER;

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        rules.size("num_train_timesteps", self.num_train_timesteps)?;
        rules.size("base_image_seq_len", self.base_image_seq_len)?;
        Ok(())
    }
}
