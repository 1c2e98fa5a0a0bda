use atelier::{ArchitectOptions, Device, Pipeline, Run, Sampling, Sources};

use super::read;
use crate::traced::assert_all_traced;
use crate::{Golden, block_on, tiny_random};

pub const GREEDY: Sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: None };

fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let mut pipeline = block_on(Pipeline::load(tiny_random(), device.clone())).expect("the pipeline loads");
    let options = ArchitectOptions {
        width: golden.entry.number("token_w") * 32,
        height: golden.entry.number("token_h") * 32,
        seed: 0,
        sampling: GREEDY,
    };
    let mut run = Run::silent().traced();
    block_on(pipeline.architect(golden.entry.prompt(), &options, &Sources::default(), &mut run))
        .expect("a blueprint");
    assert_all_traced(&golden, &read(run.trace));
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
