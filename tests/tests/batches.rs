//! The painter's batches give what it gives one at a time.

#![allow(clippy::unwrap_used)]

use atelier::Device;
use atelier::transformer::{ConditioningInputs, PictureFrame, Transformer};
use atelier_tests::{assert_close, cpu, load, tiny_checkpoint};
use burn::tensor::{Tensor, TensorData};

/// Other shapes of the same products are summed in another order.
const ROUNDING: (f32, f32) = (1e-4, 1e-3);

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Numbers that look random and are always the same.
fn noise<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| ((i * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[test]
fn a_batch_of_pictures_equals_each_of_them_painted_alone() {
    let device = cpu();
    let dit: Transformer = load(&tiny_checkpoint(), &device);
    let (patches, codes) = ([2, 3], 2 * 3);
    let ids: Vec<u32> = (0..2 * codes as u32).map(|i| 7 * i % 250).collect();
    let frames =
        [[64.0, 96.0], [512.0, 256.0]].map(|target_size| PictureFrame { target_size, crop: [0.0, 32.0] });
    let (drop, times) = ([false, true], [999.0, 250.0]);
    let glyphs = noise([2, 4, 40], &device);
    let latents = noise([2, 16, 4, 6], &device);

    let paint = |rows: std::ops::Range<usize>, dit: &Transformer| {
        let count = rows.len();
        let guides = ConditioningInputs {
            glyphs: Some(glyphs.clone().narrow(0, rows.start, count)),
            prior_ids: &ids[rows.start * codes..rows.end * codes],
            drop_prior: &drop[rows.clone()],
            patches,
            frames: &frames[rows.clone()],
        };
        let conditions = dit.conditions(guides);
        let latents = latents.clone().narrow(0, rows.start, count);
        values(dit.forward(latents, &times[rows], &conditions, None))
    };
    let together = paint(0..2, &dit);
    assert_close("velocities", &together, &[paint(0..1, &dit), paint(1..2, &dit)].concat(), ROUNDING);
}
