use atelier::{Device, Noise, Observer, Pipeline, Request, RgbImage, Trace};

use super::architect::greedy;
use super::read;
use crate::traced::{assert_all_traced, image};
use crate::{Golden, block_on, tiny_random};

/// Prompt to picture, compared at every stage the reference noted.
fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let mut pipeline = block_on(Pipeline::load(tiny_random(), device.clone())).expect("the pipeline loads");
    let prompts: Vec<String> = match golden.entry.param("prompts").as_array() {
        Some(prompts) => prompts.iter().map(|p| p.as_str().expect("a prompt").to_owned()).collect(),
        None => vec![golden.entry.prompt().to_owned()],
    };
    let sources: Vec<RgbImage> = (0..)
        .map(|i| format!("source{i}_u8"))
        .take_while(|n| golden.has(n))
        .map(|n| image(&golden, &n))
        .collect();
    let image = golden.shape("image_u8");
    let request = Request {
        sources,
        width: Some(image[2]),
        height: Some(image[1]),
        steps: Some(golden.entry.number("steps")),
        guidance: Some(golden.entry.param("guidance_scale").as_f64().expect("a guidance scale") as f32),
        latents: Some(Noise { shape: golden.shape("noise"), values: golden.f32("noise") }),
        ..greedy(prompts)
    };
    let trace = Trace::default();
    let pictures = block_on(trace.scope(pipeline.generate(&request, &mut Observer::silent())));
    let pictures = pictures.expect("pictures");
    assert_eq!(pictures.len(), image[0]);
    assert_all_traced(&golden, &read(trace));
}

pub fn t2i_a(device: &Device) {
    check("e2e_t2i_a", device);
}

pub fn t2i_b(device: &Device) {
    check("e2e_t2i_b", device);
}

pub fn t2i_c(device: &Device) {
    check("e2e_t2i_c", device);
}

pub fn t2i_batch2(device: &Device) {
    check("e2e_t2i_batch2", device);
}

pub fn i2i_one(device: &Device) {
    check("e2e_i2i_one", device);
}

pub fn i2i_two(device: &Device) {
    check("e2e_i2i_two", device);
}
