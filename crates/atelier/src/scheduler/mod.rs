//! From noise to a picture in steps (spec 8).

mod flow_match_euler;

use burn::tensor::Tensor;

use crate::config::SchedulerConfig;
use crate::error::Result;

pub use flow_match_euler::FlowMatchEuler;

/// The noise levels of one picture and how to get from each to the next. Steps are counted from 0; none may be left out.
pub trait Scheduler: std::fmt::Debug {
    /// The number of steps.
    fn steps(&self) -> usize;

    /// The timestep that the painter is given.
    fn timestep(&self, step: usize) -> f32;

    /// The latents after a step, from those before it and the velocity that the painter predicts for them.
    ///
    /// # Shapes
    /// - all: `[1, channels, height / 8, width / 8]`
    fn step(&mut self, step: usize, latents: Tensor<4>, velocity: &Tensor<4>) -> Tensor<4>;

    /// Where the velocity of a step leads from the latents after it when all noise is taken away at once.
    ///
    /// # Shapes
    /// As [`Scheduler::step`].
    fn estimate(&self, step: usize, latents: &Tensor<4>, velocity: Tensor<4>) -> Tensor<4>;
}

/// The scheduler that a model asks for, for a picture of `width`×`height` pixels.
///
/// # Errors
/// [`Error::Request`](crate::Error::Request) with field `steps` when there is no schedule of so many.
pub fn for_picture(
    config: &SchedulerConfig,
    steps: usize,
    width: usize,
    height: usize,
) -> Result<Box<dyn Scheduler>> {
    // The configuration names one of `SchedulerConfig::CLASSES`: a second one is told apart by `config.class` here.
    Ok(Box::new(FlowMatchEuler::new(config, steps, width, height)?))
}
