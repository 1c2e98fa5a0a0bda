//! The flow-matching Euler scheduler with the size-dependent linear shift (spec 8).

use burn::tensor::Tensor;

use super::Scheduler;
use crate::config::SchedulerConfig;
use crate::error::{Error, Field, Result};
use crate::geometry::PATCH_PIXELS;

/// The noise levels of one run and the steps between them.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowMatchEuler {
    /// Unshifted timesteps `[steps]`, falling from `num_train_timesteps`; whole numbers. The painter is given one less.
    pub timesteps: Vec<f32>,
    /// Shifted noise levels `[steps + 1]`, falling from 1 to 0.
    pub sigmas: Vec<f32>,
    /// The shift: larger for larger pictures.
    pub mu: f64,
    /// Patches of the picture.
    pub image_seq_len: usize,
}

impl FlowMatchEuler {
    /// The schedule of `steps` steps for a picture of `width`×`height` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] with field `steps` unless it is in 1..=`num_train_timesteps`.
    pub fn new(config: &SchedulerConfig, steps: usize, width: usize, height: usize) -> Result<Self> {
        let SchedulerConfig { num_train_timesteps, base_shift, max_shift, base_image_seq_len, .. } = *config;
        if steps == 0 || steps > num_train_timesteps {
            return Err(Error::request(Field::Steps, format!("1 to {num_train_timesteps}"), steps));
        }
        let image_seq_len = (height / PATCH_PIXELS) * (width / PATCH_PIXELS);
        let mu = (image_seq_len as f64 / base_image_seq_len as f64).sqrt() * max_shift + base_shift;

        let train = num_train_timesteps as f64;
        // The quotient is rounded first, as in the reference: other groupings are one off at a few step
        // counts.
        let stride = (1.0 - train) / steps as f64;
        let timesteps: Vec<f32> = (0..steps).map(|i| (i as f64 * stride + train).trunc() as f32).collect();

        let shift = mu as f32;
        let shifted = |&t: &f32| shift / (shift + (1.0 / (t / train as f32) - 1.0));
        let sigmas = timesteps.iter().map(shifted).chain([0.0]).collect();
        Ok(Self { timesteps, sigmas, mu, image_seq_len })
    }

    /// What the Euler step `i` multiplies the velocity by: `σ'(i+1) − σ'(i)`, negative.
    fn difference(&self, i: usize) -> f32 {
        self.sigmas[i + 1] - self.sigmas[i]
    }
}

impl Scheduler for FlowMatchEuler {
    fn steps(&self) -> usize {
        self.timesteps.len()
    }

    fn timestep(&self, step: usize) -> f32 {
        self.timesteps[step] - 1.0
    }

    fn step(&mut self, step: usize, latents: Tensor<4>, velocity: &Tensor<4>) -> Tensor<4> {
        latents + velocity.clone().mul_scalar(self.difference(step))
    }

    fn estimate(&self, step: usize, latents: &Tensor<4>, velocity: Tensor<4>) -> Tensor<4> {
        latents.clone() - velocity.mul_scalar(self.sigmas[step + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(steps: usize, width: usize, height: usize) -> Result<FlowMatchEuler> {
        let config = SchedulerConfig {
            class: SchedulerConfig::EULER.to_owned(),
            num_train_timesteps: 1000,
            base_shift: 0.25,
            max_shift: 0.75,
            base_image_seq_len: 256,
        };
        FlowMatchEuler::new(&config, steps, width, height)
    }

    #[test]
    fn the_shift_grows_with_the_side() {
        for (side, mu) in [(512, 1.75), (1024, 3.25), (2048, 6.25)] {
            assert_eq!(schedule(50, side, side).unwrap().mu, mu);
        }
    }

    #[test]
    fn the_first_level_is_pure_noise_and_the_last_is_none() {
        for steps in 1..=1000 {
            let schedule = schedule(steps, 512, 768).unwrap();
            assert_eq!(schedule.timestep(0), 999.0);
            assert_eq!((schedule.timesteps.len(), schedule.sigmas.len()), (steps, steps + 1));
            assert_eq!((schedule.sigmas[0], schedule.sigmas[steps]), (1.0, 0.0));
            assert!((0..steps).all(|i| schedule.difference(i) < 0.0), "{steps}");
            assert!(schedule.timesteps.iter().all(|&t| t >= 1.0), "{steps}");
        }
    }

    #[test]
    fn step_counts_without_a_schedule_are_refused() {
        for steps in [0, 1001] {
            assert!(
                matches!(schedule(steps, 64, 64), Err(Error::Request { field: Field::Steps, .. })),
                "{steps}"
            );
        }
    }
}
