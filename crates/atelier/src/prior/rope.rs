//! Which frequency follows which of a token's three positions (spec 4.2).

use burn::module::Module;
use burn::tensor::Device;

use crate::config::TextConfig;
use crate::prompt::Position;
use crate::rope::{Rope, inverse_frequencies};

/// Rotary embedding over (t, y, x).
#[derive(Module, Debug)]
pub struct MultiAxisRope {
    /// Of each frequency.
    inverse_frequencies: Vec<f32>,
    /// The axis each frequency follows: 0 for t, 1 for y, 2 for x.
    axes: Vec<usize>,
}

impl MultiAxisRope {
    /// Section `i` of the frequency index follows axis `i mod 3`.
    pub fn new(config: &TextConfig) -> Self {
        let sections = &config.rope_parameters.mrope_section;
        let axes =
            sections.iter().enumerate().flat_map(|(i, &size)| std::iter::repeat_n(i % 3, size)).collect();
        let theta = config.rope_parameters.rope_theta;
        Self { inverse_frequencies: inverse_frequencies(theta, config.rotary_dim()), axes }
    }

    /// The rotation of each of the given positions.
    pub fn at(&self, positions: &[Position], device: &Device) -> Rope {
        let angles: Vec<f32> = positions
            .iter()
            .flat_map(|position| {
                self.inverse_frequencies.iter().zip(&self.axes).map(|(f, &axis)| position[axis] as f32 * f)
            })
            .collect();
        Rope::from_angles(&angles, positions.len(), device)
    }
}
