//! `vae/config.json`.

use atelier_weights::ComponentName;
use serde::{Deserialize, Serialize};

use super::rules::{ConfigFile, Rules};
use crate::error::Result;

/// The VAE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VaeConfig {
    /// Channels of the four levels.
    pub block_out_channels: Vec<usize>,
    /// Resnets of a down block; an up block has one more.
    pub layers_per_block: usize,
    /// Latent channels.
    pub latent_channels: usize,
    /// Picture channels in.
    pub in_channels: usize,
    /// Picture channels out.
    pub out_channels: usize,
    /// Groups of every GroupNorm.
    pub norm_num_groups: usize,
    /// Mean of each latent channel.
    pub latents_mean: Vec<f32>,
    /// Standard deviation of each latent channel.
    pub latents_std: Vec<f32>,
    /// Red, green and blue in 0..=255 of each latent channel, for [previews](crate::preview).
    #[serde(default)]
    pub latent_rgb_factors: Option<Vec<[f32; 3]>>,
    /// What is added to them.
    #[serde(default)]
    pub latent_rgb_factors_bias: Option<[f32; 3]>,
    /// Side of the pictures the model was made for, in pixels: the default width and height.
    pub sample_size: usize,
}

impl ConfigFile for VaeConfig {
    const FILE: &str = ComponentName::Vae.config();

    fn check(&self, rules: &Rules<'_>) -> Result<()> {
        rules.equal("block_out_channels (count)", self.block_out_channels.len(), 4)?;
        rules.size("norm_num_groups", self.norm_num_groups)?;
        for &channels in &self.block_out_channels {
            rules.multiple("block_out_channels", channels, "norm_num_groups", self.norm_num_groups)?;
        }
        rules.layers("layers_per_block", self.layers_per_block)?;
        rules.size("latent_channels", self.latent_channels)?;
        rules.equal("in_channels", self.in_channels, 3)?;
        rules.equal("out_channels", self.out_channels, 3)?;
        rules.equal("latents_mean (count)", self.latents_mean.len(), self.latent_channels)?;
        rules.equal("latents_std (count)", self.latents_std.len(), self.latent_channels)?;
        for &std in &self.latents_std {
            rules.hold(std.is_finite() && std > 0.0, "latents_std", "finite and above 0", std)?;
        }
        Ok(())
    }
}
