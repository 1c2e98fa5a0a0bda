use atelier::image::{to_rgb8, vae_pixels};
use atelier::vae::{Decoder, Encoder, LatentStatistics};
use atelier::{Device, Trace};
use burn::tensor::{Tensor, TensorData};

use super::read;
use crate::traced::{assert_traced, image};
use crate::{Golden, assert_close, load, tiny_checkpoint};
use testkit::assert_levels;

pub fn decode(device: &Device) {
    let golden = Golden::open("vae_decode");
    let decoder: Decoder = load(&tiny_checkpoint(), device);
    let z = Tensor::<4>::from_data(TensorData::new(golden.f32("z"), golden.shape("z")), device);
    let trace = Trace::default();
    let sample = trace.sync_scope(|| decoder.forward(z));
    let [_, _, height, width] = sample.dims();
    let sample: Vec<f32> = sample.into_data().try_into_vec().expect("f32");
    assert_close("sample", &sample, &golden.f32("sample"), golden.entry.tolerance());
    let image = to_rgb8(&sample, width, height).expect("a picture");
    assert_levels("image_u8", &image.0.pixels, &golden.u8("image_u8"), 1);
    let required = ["conv_in_out", "mid_out", "up0_out", "up1_out", "up2_out", "up3_out"];
    assert_traced(&golden, &read(trace), &required);
}

pub fn encode(device: &Device) {
    let golden = Golden::open("vae_encode");
    let checkpoint = tiny_checkpoint();
    let encoder: Encoder = load(&checkpoint, device);
    let pixels = vae_pixels(&image(&golden, "image_u8")).expect("pixels");
    assert_close("pixels", &pixels, &golden.f32("pixels"), golden.entry.tolerance());
    let pixels = Tensor::<4>::from_data(TensorData::new(pixels, golden.shape("pixels")), device);
    let trace = Trace::default();
    let mean = trace.sync_scope(|| encoder.forward(pixels));
    let normalised = LatentStatistics::new(&checkpoint.config().vae).normalise(mean);
    let normalised: Vec<f32> = normalised.into_data().try_into_vec().expect("f32");
    assert_close("normalised", &normalised, &golden.f32("normalised"), golden.entry.tolerance());
    let required =
        ["conv_in_out", "down0_out", "down1_out", "down2_out", "down3_out", "mid_out", "mean", "logvar"];
    assert_traced(&golden, &read(trace), &required);
}
