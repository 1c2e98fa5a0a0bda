//! The last step: latents become pixels.

use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Field, Result};
use crate::image::{RgbImage, to_rgb8};
use crate::latents::{ImageIndex, Latents};
use crate::readback::read_floats;
use crate::trace::{self, TraceTensor, TraceValues};
use crate::vae::{BAND_BYTES, DecodeMode, Decoder, LatentStatistics};

/// Checks latents that may come from a caller against `[_, channels, height, width]`.
///
/// # Errors
/// [`Error::Request`] when they have another shape or their values do not fill it.
pub(super) fn check(latents: &Latents, [_, channels, height, width]: [usize; 4]) -> Result<()> {
    let found = [latents.channels, latents.height, latents.width];
    if found == [channels, height, width] && latents.values.len() == channels * height * width {
        return Ok(());
    }
    let expected = format!("{:?} values", [channels, height, width]);
    Err(Error::request(Field::Latents, expected, format!("{} for {found:?}", latents.values.len())))
}

/// Decodes one picture; also tells how many of its pixels are far out of range.
pub(super) async fn decode(
    latents: &Latents,
    decoder: &Decoder,
    mode: DecodeMode,
    checkpoint: &Checkpoint,
    device: &Device,
    index: ImageIndex,
) -> Result<(RgbImage, usize)> {
    let shape = [1, latents.channels, latents.height, latents.width];
    let statistics = LatentStatistics::new(&checkpoint.config().vae);
    let z = Tensor::from_data(TensorData::new(latents.values.clone(), shape), device);
    let z = statistics.denormalise(z);
    trace::record("vae_input", || z.clone());
    let in_bands = mode == DecodeMode::Bands && !trace::is_recording();
    let decode = || {
        let z = z.clone();
        // A trace wants whole maps.
        if in_bands { decoder.forward_in_bands(z, BAND_BYTES) } else { decoder.forward(z) }
    };
    let pixels = trace::prefixed_if(index.image == 0, "vae_decode.", decode);
    trace::record("image_float", || pixels.clone());
    let [_, _, height, width] = pixels.dims();
    let (image, far) = match to_rgb8(&read_floats(pixels).await?, width, height) {
        Err(Error::NotFinite { .. }) => {
            let place = trace::first_not_finite(|| drop(decode())).await?;
            return Err(Error::not_finite("the decoder", place.as_deref()));
        }
        image => image?,
    };
    trace::record("image_u8", || {
        TraceTensor::new([1, height, width, 3], TraceValues::U8(image.pixels.clone()))
    });
    Ok((image, far))
}
