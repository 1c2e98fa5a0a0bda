//! Source images become codes for the architect and latents for the painter.

use burn::tensor::{Device, Tensor, TensorData};

use crate::blueprint::SourceRecord;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::image::{RgbImage, usable_source, vae_pixels, vae_size, vision_patches, vision_size};
use crate::latents::Latents;
use crate::pace::Paced;
use crate::progress::Observer;
use crate::prompt::{Grid, upsample_codes};
use crate::readback::{read_floats, read_ids};
use crate::trace::{self, TraceTensor, TraceValues};
use crate::vae::{Encoder, LatentStatistics};
use crate::vision::{Vision, patches_tensor};

/// The models that read source images.
#[derive(Debug)]
pub(super) struct SourceModels {
    pub vision: Vision,
    pub encoder: Encoder,
}

/// Source images as the model sees them, on the host; empty for text to image.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sources {
    pub images: Vec<EncodedSource>,
}

/// One source image as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EncodedSource {
    pub record: SourceRecord,
    pub grid: Grid,
    /// One code for each cell of the grid.
    pub codes: Vec<u32>,
    /// Normalised.
    pub latents: Latents,
}

impl Sources {
    /// What a blueprint notes about them.
    pub fn records(&self) -> Vec<SourceRecord> {
        self.images.iter().map(|image| image.record.clone()).collect()
    }

    /// All codes, image after image.
    pub fn codes(&self) -> Vec<u32> {
        self.images.iter().flat_map(|image| image.codes.iter().copied()).collect()
    }
}

/// A source image as given and, if its grids would not agree, resized.
#[derive(Debug, Clone)]
pub(super) struct UsableSource {
    record: SourceRecord,
    image: RgbImage,
}

/// Checks source images and resizes those whose grids would not agree (spec 11).
///
/// # Errors
/// [`crate::Error::SourceImage`] naming the first image that cannot be used.
pub(super) fn usable_sources(images: &[RgbImage], checkpoint: &Checkpoint) -> Result<Vec<UsableSource>> {
    let c = &checkpoint.config().processor;
    images
        .iter()
        .enumerate()
        .map(|(index, image)| {
            let usable = usable_source(image.clone(), index, c.patch_size, c.min_pixels, c.max_pixels)?;
            Ok(UsableSource { record: SourceRecord::of(image), image: usable })
        })
        .collect()
}

/// The grids the vision tower will see, before it runs.
pub(super) fn grids(usable: &[UsableSource], checkpoint: &Checkpoint) -> Result<Vec<Grid>> {
    let c = &checkpoint.config().processor;
    usable
        .iter()
        .map(|UsableSource { image, .. }| {
            let (height, width) =
                vision_size(image.width, image.height, c.patch_size, c.min_pixels, c.max_pixels)?;
            Ok(Grid { rows: height / c.patch_size, columns: width / c.patch_size })
        })
        .collect()
}

/// Runs the vision tower, the VQ module and the VAE encoder over every source image.
pub(super) async fn encode_sources(
    usable: &[UsableSource],
    models: &SourceModels,
    checkpoint: &Checkpoint,
    device: &Device,
    observer: &mut Observer<'_>,
) -> Result<Sources> {
    let mut pace = Paced::new(device, observer);
    let statistics = LatentStatistics::new(&checkpoint.config().vae);
    let c = &checkpoint.config().processor;
    let mut images = Vec::with_capacity(usable.len());
    for (index, UsableSource { record, image }) in usable.iter().enumerate() {
        let patches = vision_patches(image, c.patch_size, c.min_pixels, c.max_pixels)?;
        let grid = patches.grid;
        let values = patches.pixels.len() / grid.len().max(1);
        trace::record("pixel_values", || {
            TraceTensor::new([grid.len(), values], TraceValues::F32(patches.pixels.clone()))
        });
        let prefix = format!("vision.source{index}.");
        let codes = trace::prefixed_if_async(true, &prefix, async {
            let patches = patches_tensor(&patches.pixels, grid, device);
            let features = models.vision.tower.forward_paced(patches, grid, &mut pace).await?;
            Ok::<_, Error>(models.vision.quantizer.forward(features, grid))
        });
        let codes = read_ids(codes.await?).await?;
        pace.caught_up();
        trace::record("vq_ids", || TraceTensor::ids([codes.len()], codes.iter().copied()));
        let up = upsample_codes(&codes, grid);
        trace::record(format_args!("source{index}_prior_ids"), || TraceTensor::ids([up.len()], up));

        let (height, width) = vae_size(image.width, image.height);
        let pixels = TensorData::new(vae_pixels(image)?, [1, 3, height, width]);
        let pixels = Tensor::<4>::from_data(pixels, device);
        let prefix = format!("vae_encode.source{index}.");
        let mean = models.encoder.forward_paced(pixels, &mut pace);
        let latents = statistics.normalise(trace::prefixed_if_async(true, &prefix, mean).await?);
        trace::record(format_args!("source{index}_latents"), || latents.clone());
        let [_, channels, height, width] = latents.dims();
        let latents = Latents { channels, height, width, values: read_floats(latents).await? };
        images.push(EncodedSource { record: record.clone(), grid, codes, latents });
    }
    Ok(Sources { images })
}
