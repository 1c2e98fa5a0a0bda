//! What the four trainings have in common.

use burn::tensor::{FloatDType, Int, Tensor, TensorData, activation};

use super::error::Result;
use super::parameters::{Parameters, Policy};

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// Steps there will be.
    pub total: u64,
}

impl Progress {
    /// In `0.0..=1.0`.
    pub fn share(self) -> f64 {
        self.step as f64 / self.total.max(1) as f64
    }
}

/// Names and values of what a check measured; the same names every time.
pub type Figures = Vec<(&'static str, f64)>;

/// One of the four trainings.
pub trait Task {
    /// The name of its folder.
    fn name(&self) -> &'static str;

    /// How its weights begin and are learned.
    fn policy(&self) -> Policy;

    /// Steps of the recipe.
    fn steps(&self) -> u64;

    /// The learning rate at its highest.
    fn rate(&self) -> f64;

    /// Samples seen.
    fn seen(&self) -> u64;

    /// Goes on after this many samples.
    fn resume(&mut self, seen: u64);

    /// Gives weights their first values where they are not drawn.
    ///
    /// # Errors
    /// The training they come from is missing.
    fn begin(&self, _parameters: &mut Parameters) -> Result<()> {
        Ok(())
    }

    /// The loss of the next batch, with a graph. The parameters are tracked.
    ///
    /// # Errors
    /// A sample cannot be drawn.
    fn loss(&mut self, progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>>;

    /// Measures the model on what it never learned from. The parameters are averages, untracked.
    ///
    /// # Errors
    /// As for the loss.
    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures>;
}

/// Cross-entropy of each row of logits.
pub(super) fn cross_entropy(logits: Tensor<2>, targets: &[u32]) -> Tensor<1> {
    let device = logits.device();
    let count = targets.len();
    let targets: Vec<i32> = targets.iter().map(|&code| code as i32).collect();
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [count, 1]), &device);
    let log = activation::log_softmax(logits.cast(FloatDType::F32), 1);
    log.gather(1, targets).neg().reshape([count])
}
