//! The last step: latents become pixels.

use atelier_weights::ComponentName;
use burn::tensor::{Device, Tensor, TensorData};

use super::painter::ImageIndex;
use super::request::Latents;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::image::{RgbImage, to_rgb8};
use crate::plan::{DecodeMode, F32, choose_mode};
use crate::progress::{Event, Run};
use crate::trace::{TraceValues, read_floats};
use crate::vae::{BAND_BYTES, Decoder, LatentStatistics};

/// Checks latents that may come from a caller.
///
/// # Errors
/// [`Error::Request`] when their channels are not the model's or their values do not fill their shape.
pub(super) fn check(latents: &Latents, checkpoint: &Checkpoint) -> Result<()> {
    let Latents { channels, height, width, values } = latents;
    let expected = checkpoint.config().vae.latent_channels;
    let cells = height.checked_mul(*width).filter(|&cells| cells > 0);
    if *channels == expected && cells.and_then(|cells| cells.checked_mul(expected)) == Some(values.len()) {
        return Ok(());
    }
    let found = format!("{} values for {channels} channels of {height}x{width}", values.len());
    Err(Error::request("latents", format!("{expected} channels, each height x width values"), found))
}

/// Whole, or in bands where whole maps are too large for a buffer of `most_buffer` bytes or for `budget` bytes of the device.
///
/// # Errors
/// None once the checkpoint is open.
pub(super) fn mode(
    latents: &Latents,
    checkpoint: &Checkpoint,
    most_buffer: u64,
    budget: Option<u64>,
) -> Result<DecodeMode> {
    let tensors = checkpoint.component(ComponentName::Vae)?.tensors();
    let decoder = tensors.filter(|(name, _)| name.starts_with("decoder."));
    let weights: u64 = decoder.map(|(_, stored)| F32 * stored.shape.iter().product::<usize>() as u64).sum();
    let latent = [latents.height, latents.width];
    Ok(choose_mode(&checkpoint.config().vae, latent, weights, most_buffer, budget))
}

/// Decodes one picture.
pub(super) async fn decode(
    latents: &Latents,
    decoder: &Decoder,
    mode: DecodeMode,
    checkpoint: &Checkpoint,
    device: &Device,
    index: ImageIndex,
    run: &mut Run<'_>,
) -> Result<RgbImage> {
    let shape = [1, latents.channels, latents.height, latents.width];
    let statistics = LatentStatistics::new(&checkpoint.config().vae);
    let z = Tensor::from_data(TensorData::new(latents.values.clone(), shape), device);
    let z = statistics.denormalise(z);
    run.trace.stacked_tensor("vae_input", 0, &z);
    let pixels = if mode == DecodeMode::Bands && !run.trace.is_enabled() {
        decoder.forward_in_bands(z, BAND_BYTES)
    } else {
        // A trace wants whole maps.
        run.trace.scoped_if(index.image == 0, "vae_decode.", |trace| decoder.forward(z, trace))
    };
    run.trace.stacked_tensor("image_float", 0, &pixels);
    let [_, _, height, width] = pixels.dims();
    let image = to_rgb8(&read_floats(pixels).await?, width, height)?;
    run.trace.stacked("image_u8", 0, &[1, height, width, 3], || TraceValues::U8(image.pixels.clone()));
    run.emit(Event::Decode { image: index.image, images: index.images })?;
    Ok(image)
}
