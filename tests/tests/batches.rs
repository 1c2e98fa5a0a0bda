//! Whole sequences and batches, as training runs them, give what inference gives one at a time.

#![allow(clippy::unwrap_used)]

use atelier::loader::Loader;
use atelier::prompt::Grid;
use atelier::transformer::{ConditioningInputs, PictureFrame, Transformer};
use atelier::{Checkpoint, Device, Observer, Stage};
use atelier_tests::{assert_close, block_on, cpu, tiny_checkpoint};
use burn::tensor::{Int, Tensor, TensorData};

/// Other shapes of the same products are summed in another order.
const ROUNDING: (f32, f32) = (1e-4, 1e-3);

fn load<T>(
    checkpoint: &Checkpoint,
    stage: Stage,
    device: &Device,
    part: impl AsyncFnOnce(&mut Loader<'_, '_>) -> atelier::Result<T>,
) -> T {
    let mut run = Observer::silent();
    let mut loader = Loader::new(checkpoint, stage, device, &mut run).unwrap();
    block_on(part(&mut loader)).unwrap()
}

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
fn a_batch_of_sequences_equals_each_of_them_token_by_token() {
    let device = cpu();
    let prior = load(&tiny_checkpoint(), Stage::Architect, &device, async |l| l.prior().await);
    let sequences: [[u32; 5]; 2] = [[3, 280, 17, 256, 40], [256, 9, 9, 300, 1]];
    // Positions with a gap, as a sequence has whose rows are partly left out.
    let positions = [[0; 3], [1; 3], [2, 2, 9], [2, 5, 3], [8, 8, 8]];

    let ids: Vec<i32> = sequences.iter().flatten().map(|&id| id as i32).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [2, 5]), &device);
    let states = prior.sequence_states(ids, &[positions, positions].concat());
    let together = prior.logits(states);
    for (row, sequence) in sequences.iter().enumerate() {
        let mut cache = prior.new_cache(sequence.len());
        for (place, (id, position)) in sequence.iter().zip(positions).enumerate() {
            let alone = values(prior.next_logits(&[*id], &[position], &mut cache, &device));
            let here = together.clone().narrow(0, row, 1).narrow(1, place, 1);
            assert_close(&format!("sequence {row}, token {place}"), &values(here), &alone, ROUNDING);
        }
    }
}

#[test]
fn a_batch_of_pictures_equals_each_of_them_painted_alone() {
    let device = cpu();
    let dit = load(&tiny_checkpoint(), Stage::Painter, &device, async |l| l.transformer().await);
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

#[test]
fn a_batch_of_images_equals_each_of_them_seen_alone() {
    let device = cpu();
    let (tower, quantizer) = load(&tiny_checkpoint(), Stage::Sources, &device, async |l| l.vision().await);
    let grid = Grid { rows: 2, columns: 3 };
    let patches = noise([2, 6, 768], &device);
    let together = tower.forward_batch(patches.clone(), grid);
    for image in 0..2 {
        let alone = tower.forward(patches.clone().narrow(0, image, 1).squeeze_dim(0), grid);
        let here = values(together.clone().narrow(0, image, 1));
        assert_close(&format!("image {image}"), &here, &values(alone.clone()), ROUNDING);
        // The code is the largest cosine.
        let codes: Vec<i64> =
            quantizer.forward(alone.clone(), grid).into_data().convert::<i64>().try_to_vec().unwrap();
        let largest: Vec<i64> =
            quantizer.cosines(alone).argmax(1).into_data().convert::<i64>().try_to_vec().unwrap();
        assert_eq!(codes, largest);
    }
}
