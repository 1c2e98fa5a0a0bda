use atelier::image::vision_patches;
use atelier::prompt::upsample_codes;
use atelier::vision::Vision;
use atelier::{Device, Trace};
use burn::tensor::{Tensor, TensorData};

use super::read;
use crate::traced::{assert_traced, image};
use crate::{Golden, load, tiny_checkpoint};

/// From the reference's own patches on, so that one grey level of the resampler does not blur the comparison; the
/// patches have a check of their own (`parts`).
fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let checkpoint = tiny_checkpoint();
    let Vision { tower, quantizer } = load(&checkpoint, device);
    let c = &checkpoint.config().processor;
    let image = image(&golden, "image_u8");
    let patches = vision_patches(&image, c.patch_size, c.min_pixels, c.max_pixels).expect("patches");
    let grid = patches.grid;
    assert_eq!(golden.ids("image_grid_thw"), [1, grid.rows as u32, grid.columns as u32]);
    let codes = |pixels: Vec<f32>| -> Vec<u32> {
        let pixels = Tensor::<2>::from_data(TensorData::new(pixels, [grid.len(), 768]), device);
        let codes = quantizer.forward(tower.forward(pixels, grid), grid);
        let codes: Vec<i64> =
            codes.into_data().try_cast_as::<i64>().expect("ids").try_into_vec().expect("ids");
        codes.into_iter().map(|code| code as u32).collect()
    };
    let trace = Trace::default();
    let ids = trace.sync_scope(|| codes(golden.f32("pixel_values")));
    assert_eq!(ids, golden.ids("vq_ids"), "{name}: codes");
    assert_eq!(upsample_codes(&ids, grid), golden.ids("vq_ids_up"), "{name}: upsampled codes");
    let required = ["patch_embed_out", "with_position", "block0_out", "block1_out", "quant_conv_out"];
    assert_traced(&golden, &read(trace), &required);
    // And with our own patches the codes are the same.
    assert_eq!(codes(patches.pixels), golden.ids("vq_ids"), "{name}: codes of our patches");
}

pub fn a(device: &Device) {
    check("vision_a", device);
}

pub fn b(device: &Device) {
    check("vision_b", device);
}

pub fn square(device: &Device) {
    check("vision_square", device);
}
