//! The last step: latents become pixels.

use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Field, Result};
use crate::image::{RgbImage, to_rgb8};
use crate::latents::{ImageIndex, Latents};
use crate::pace::Paced;
use crate::progress::Observer;
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

/// One picture to be decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecodeJob<'a> {
    pub latents: &'a Latents,
    pub mode: DecodeMode,
    pub index: ImageIndex,
}

/// Decodes one picture; also tells how many of its pixels are far out of range.
pub(super) async fn decode(
    DecodeJob { latents, mode, index }: DecodeJob<'_>,
    decoder: &Decoder,
    checkpoint: &Checkpoint,
    device: &Device,
    observer: &mut Observer<'_>,
) -> Result<(RgbImage, usize)> {
    let shape = [1, latents.channels, latents.height, latents.width];
    let statistics = LatentStatistics::new(&checkpoint.config().vae);
    let z = Tensor::from_data(TensorData::new(latents.values.clone(), shape), device);
    let z = statistics.denormalise(z);
    trace::record("vae_input", || z.clone());
    let in_bands = mode == DecodeMode::Bands && !trace::is_recording();
    let mut pace = Paced::new(device, observer);
    let pixels = trace::prefixed_if_async(index.image == 0, "vae_decode.", async {
        let z = z.clone();
        // A trace wants whole maps.
        if in_bands {
            decoder.forward_in_bands_paced(z, BAND_BYTES, &mut pace).await
        } else {
            decoder.forward_paced(z, &mut pace).await
        }
    });
    let pixels = pixels.await?;
    trace::record("image_float", || pixels.clone());
    let [_, _, height, width] = pixels.dims();
    let values = read_floats(pixels).await?;
    pace.caught_up();
    let (image, far) = match to_rgb8(&values, width, height) {
        Err(Error::NotFinite { .. }) => {
            let again = || {
                drop(if in_bands { decoder.forward_in_bands(z, BAND_BYTES) } else { decoder.forward(z) });
            };
            let place = trace::first_not_finite(again).await?;
            return Err(Error::not_finite("the decoder", place.as_deref()));
        }
        image => image?,
    };
    trace::record("image_u8", || {
        TraceTensor::new([1, height, width, 3], TraceValues::U8(image.pixels.clone()))
    });
    Ok((image, far))
}
