use atelier::transformer::{ConditioningInputs, PictureFrame, Transformer};
use atelier::{Device, Trace};
use burn::tensor::{Tensor, TensorData};

use super::read;
use crate::traced::assert_all_traced;
use crate::{Golden, load, tiny_checkpoint};

fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let dit: Transformer = load(&tiny_checkpoint(), device);
    let tensor3 =
        |name: &str| Tensor::<3>::from_data(TensorData::new(golden.f32(name), golden.shape(name)), device);
    let latent = Tensor::<4>::from_data(
        TensorData::new(golden.f32("hidden_states"), golden.shape("hidden_states")),
        device,
    );
    let [_, _, height, width] = latent.dims();
    let pair = |name: &str| [golden.f32(name)[0], golden.f32(name)[1]];
    let frame = PictureFrame { target_size: pair("target_size"), crop: pair("crop_coords") };
    let drop = golden.i32("prior_token_drop");
    assert!(drop.iter().all(|&d| d == drop[0]), "one flag for all tokens");
    let trace = Trace::default();
    let guides = ConditioningInputs {
        glyphs: Some(tensor3("encoder_hidden_states")),
        prior_ids: &golden.ids("prior_token_id"),
        drop_prior: &[drop[0] != 0],
        patches: [height / 2, width / 2],
        frames: &[frame],
    };
    trace.sync_scope(|| {
        let conditions = dit.conditions(guides);
        dit.forward(latent, &[golden.f32("timestep")[0]], &conditions, None)
    });
    assert_all_traced(&golden, &read(trace));
}

pub fn cond(device: &Device) {
    check("dit_cond", device);
}

pub fn uncond(device: &Device) {
    check("dit_uncond", device);
}

pub fn crop(device: &Device) {
    check("dit_crop", device);
}
