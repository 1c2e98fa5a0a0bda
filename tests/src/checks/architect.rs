use atelier::{ArchitectOptions, Device, Pipeline, Run, Sampling, Sources};

use super::read;
use crate::{Golden, block_on, tiny_random};

pub const GREEDY: Sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: None };

fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let mut pipeline = block_on(Pipeline::load(tiny_random(), device.clone())).expect("the pipeline loads");
    let options = ArchitectOptions {
        width: golden.number("token_w") * 32,
        height: golden.number("token_h") * 32,
        seed: 0,
        sampling: GREEDY,
    };
    let mut run = Run::silent().traced();
    block_on(pipeline.architect(golden.prompt(), &options, &Sources::default(), &mut run))
        .expect("a blueprint");
    let outputs = golden.outputs();
    golden.assert_traced(&read(run.trace), &outputs.iter().map(String::as_str).collect::<Vec<_>>());
}

pub fn t2i_a(device: &Device) {
    check("ar_t2i_a", device);
}

pub fn t2i_b(device: &Device) {
    check("ar_t2i_b", device);
}

pub fn t2i_c(device: &Device) {
    check("ar_t2i_c", device);
}
