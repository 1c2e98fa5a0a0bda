//! From noise to a picture in steps (spec 8).

mod flow_match_euler;

use atelier_weights::ByteSource;
use burn::tensor::Tensor;

use crate::config::SchedulerConfig;
use crate::config::rules::{ConfigFile, Rules};
use crate::error::{Error, Result};

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

type Make = fn(&SchedulerConfig, usize, usize, usize) -> Result<Box<dyn Scheduler>>;

/// The schedulers that there are, by the reference's names of their classes.
const CLASSES: &[(&str, Make)] = &[(SchedulerConfig::EULER, |config, steps, width, height| {
    Ok(Box::new(FlowMatchEuler::new(config, steps, width, height)?))
})];

/// Refuses a configuration that names a scheduler of another class.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) with the classes that there are.
pub(crate) fn check(config: &SchedulerConfig, source: &dyn ByteSource) -> Result<()> {
    let names: Vec<&str> = CLASSES.iter().map(|(class, _)| *class).collect();
    let rules = Rules { source, file: SchedulerConfig::FILE };
    rules.hold(names.contains(&config.class.as_str()), "_class_name", &names.join(" or "), &config.class)
}

/// The scheduler that a model asks for, for a picture of `width`×`height` pixels.
///
/// # Errors
/// [`Error::Request`](crate::Error::Request) with field `steps` when there is no schedule of so many;
/// [`Error::Compute`](crate::Error::Compute) of a class that [`Checkpoint::open`](crate::Checkpoint::open) refuses.
pub fn for_picture(
    config: &SchedulerConfig,
    steps: usize,
    width: usize,
    height: usize,
) -> Result<Box<dyn Scheduler>> {
    let (_, make) = CLASSES
        .iter()
        .find(|(class, _)| *class == config.class)
        .ok_or_else(|| Error::Compute(format!("there is no scheduler of the class {}", config.class)))?;
    make(config, steps, width, height)
}
