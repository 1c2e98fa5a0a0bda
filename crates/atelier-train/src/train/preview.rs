//! What makes small pictures of latents while the painter is at work.

use atelier::config::VaeConfig;
use atelier::preview::Preview;
use atelier::vae::{Encoder, LatentStatistics};
use atelier::{Latents, RgbImage};
use burn::tensor::Device;

use super::error::{Result, TrainError};
use super::files;
use super::recipe::SIDE;
use super::studio::Studio;
use super::vae;

/// Pictures that the function is fitted to.
const SAMPLES: u64 = 24;

/// The linear function from the latents of `encoder`, normalised as `config` says, to the pictures' colours.
///
/// # Errors
/// A picture cannot be drawn, or the device fails.
pub fn fit(studio: &Studio, encoder: &Encoder, config: &VaeConfig, device: &Device) -> Result<Preview> {
    let side = SIDE as usize;
    let statistics = LatentStatistics::new(config);
    let mut samples = Vec::new();
    for index in 0..SAMPLES {
        let drawing = studio.draw(1, index, &vae::curriculum())?;
        let image = RgbImage::new(side, side, drawing.picture.rgb.clone())?;
        let pixels = vae::crops(&[(drawing, [0, 0])], side, device);
        let latents = statistics.normalise(encoder.forward(pixels));
        let [_, channels, height, width] = latents.dims();
        samples.push((Latents { channels, height, width, values: files::values(latents)? }, image));
    }
    let preview = Preview::fit(samples.iter().map(|(latents, image)| (latents, image)));
    preview
        .ok_or_else(|| TrainError::file("vae/config.json", "no function from latents to colours was found"))
}
