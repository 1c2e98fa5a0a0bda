use atelier::{Device, Observer, Pipeline, QuoteRule, Request, Sampling, Trace};

use super::read;
use crate::traced::assert_all_traced;
use crate::{Golden, block_on, tiny_random};

/// A request for the likeliest token every time, which the reference draws in its files, by its own rule of quotes.
pub fn greedy(prompts: impl IntoIterator<Item = impl Into<atelier::Prompt>>) -> Request {
    let Sampling { temperature, top_p, .. } = Sampling::GREEDY;
    Request {
        temperature: Some(temperature),
        top_p: Some(top_p),
        top_k: Some(0),
        quotes: Some(QuoteRule::Reference),
        ..Request::new(prompts)
    }
}

fn check(name: &str, device: &Device) {
    let golden = Golden::open(name);
    let mut pipeline = block_on(Pipeline::load(tiny_random(), device.clone())).expect("the pipeline loads");
    let request = Request {
        width: Some(golden.entry.number("token_w") * 32),
        height: Some(golden.entry.number("token_h") * 32),
        ..greedy([golden.entry.prompt()])
    };
    let trace = Trace::default();
    let mut run = pipeline.prepare(&request, None).expect("a run");
    block_on(trace.scope(run.blueprint(0, &mut Observer::silent()))).expect("a blueprint");
    assert_all_traced(&golden, &read(trace));
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
