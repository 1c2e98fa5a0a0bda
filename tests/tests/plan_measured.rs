//! What a plan says a stage needs, held against what the stage allocates on the CPU device.

use std::sync::Arc;

use atelier::blueprint::{BLUEPRINT_FORMAT, TokenGrid};
use atelier::memory::{MemoryPlan, PlanRequest, WORKSPACE, plan};
use atelier::packing::plan_checkpoint;
use atelier::prompt::TargetGrids;
use atelier::rng::RNG_VERSION;
use atelier::vae::Decoder;
use atelier::{Blueprint, Observer, Pipeline, QuoteRule, Request, RgbImage, Sampling, Stage};
use atelier_mini::Mini;
use atelier_tests::packs::random_pack;
use atelier_tests::{block_on, cpu, load};
use atelier_weights::checkpoint::CONFIGS;
use atelier_weights::{Policy, read_all};
use burn::tensor::Tensor;
use testkit::allocator::{Counting, peak_of};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PROMPT: &str = "A poster that says 'OPEN STUDIO' and 'TODAY'";
/// Bands that are small beside mini's maps.
const BAND: u64 = 4 << 20;

fn mini() -> Pipeline {
    block_on(Pipeline::load(Arc::new(Mini), cpu())).unwrap()
}

/// Mini with random weights and the full model's kind of pack.
fn packed_mini() -> Pipeline {
    let read = |path| block_on(read_all(&Mini, path, u64::MAX)).unwrap().unwrap();
    let configs = CONFIGS.map(|path| (path.to_owned(), serde_json::from_slice(&read(path)).unwrap()));
    let pack = random_pack(configs.into(), read("processor/tokenizer.json"), &Policy::q4());
    block_on(Pipeline::load(Arc::new(pack), cpu())).unwrap()
}

fn plan_of(pipeline: &Pipeline, request: &PlanRequest) -> MemoryPlan {
    let checkpoint = pipeline.checkpoint();
    let tensors = match checkpoint.manifest() {
        Some(manifest) => manifest.tensors.clone(),
        None => plan_checkpoint(checkpoint, &Policy::q4()).unwrap().tensors,
    };
    plan(checkpoint.config(), &tensors, request).unwrap()
}

/// At least what was measured. The workspace, which is a good part of all when a model is this small, must not hide what
/// is missing, so without it and with what threads need here it is enough too; and at most a quarter more.
fn check(what: &str, plan: &MemoryPlan, stage: Stage, measured: u64) {
    let stage = plan.stages.iter().find(|found| found.stage == stage).unwrap();
    let planned = stage.peak();
    let point = stage.largest_point().map(|point| point.name.as_str());
    let found = format!("{what}: planned {planned} bytes ({point:?}), measured {measured}");
    eprintln!("{found}, ratio {:.3}", planned as f64 / measured as f64);
    assert!(planned >= measured, "{found}");
    let bare = planned - WORKSPACE;
    let convolves = matches!(stage.stage, Stage::Sources | Stage::Decoder);
    // Of a pack a panel of unpacked weights is there, too.
    assert!(bare + if convolves { 4 << 20 } else { 2 << 20 } >= measured, "{found}");
    assert!(4 * bare <= 5 * measured, "{found}");
}

/// Every stage of a run at one size, with and without a source image.
fn run_stages(mut pipeline: Pipeline, side: usize, check: &mut dyn FnMut(&str, &MemoryPlan, Stage, u64)) {
    let image = RgbImage::new(side, side, vec![90; side * side * 3]).unwrap();
    let observer = &mut Observer::silent();
    let (width, height, steps) = (Some(side), Some(side), Some(1));
    // The words about sizes, and the ends of the quoted texts with a pad for each, come on top.
    let prompt_tokens = pipeline.checkpoint().tokenizer().encode(PROMPT).unwrap().len() + 16;
    let glyph_tokens = "OPEN STUDIO".len() + "TODAY".len() + 4;
    let plain = PlanRequest {
        prompt_tokens,
        glyph_tokens,
        ..PlanRequest::new(side, side, pipeline.checkpoint().is_pack())
    };
    let with_source = plan_of(&pipeline, &PlanRequest { sources: 1, ..plain.clone() });
    let plain = plan_of(&pipeline, &plain);

    for (plan, sources) in [(&with_source, vec![image]), (&plain, Vec::new())] {
        let with = format!("at {side} with {} sources", sources.len());
        let request = Request { sources, width, height, steps, ..Request::new([PROMPT]) };
        let mut run = pipeline.prepare(&request, None).unwrap();
        let (measured, ()) = peak_of(|| block_on(run.read_sources(observer)).unwrap());
        if !request.sources.is_empty() {
            check("sources", plan, Stage::Sources, measured);
        }
        run.release();
        let (measured, _) = peak_of(|| block_on(run.blueprint(0, observer)).unwrap());
        check(&format!("architect {with}"), plan, Stage::Architect, measured);
        run.release();
        let (measured, latents) = peak_of(|| block_on(run.paint(0, observer)).unwrap());
        check(&format!("painter {with}"), plan, Stage::Painter, measured);
        run.release();
        let (measured, _) = peak_of(|| block_on(run.decode(0, &latents, observer)).unwrap());
        check(&format!("decoder {with}"), plan, Stage::Decoder, measured);
    }
}

/// A picture with more patches than the painter's MLP takes at a time.
fn run_large_painter(side: usize) {
    let mut pipeline = mini();
    let prompt = "A sign";
    // The glyph encoder gets one token even where nothing is quoted.
    let plan_request = PlanRequest { glyph_tokens: 1, guided: false, ..PlanRequest::new(side, side, false) };
    let plan = plan_of(&pipeline, &plan_request);
    let grid = TargetGrids::for_size(side, side).large;
    let ids = (0..grid.len()).map(|place| (place % 100) as u32).collect();
    let blueprint = Blueprint {
        format: BLUEPRINT_FORMAT.to_owned(),
        model: pipeline.checkpoint().fingerprint().to_owned(),
        prompt: prompt.to_owned(),
        quotes: QuoteRule::default(),
        width: side,
        height: side,
        seed: 0,
        sampling: Sampling::GREEDY,
        rng: RNG_VERSION,
        draft: None,
        large: TokenGrid { rows: grid.rows, columns: grid.columns, ids },
        sources: Vec::new(),
    };
    let request = Request { steps: Some(1), guidance: Some(1.0), ..Request::of_blueprints([blueprint]) };
    let mut run = pipeline.prepare(&request, None).unwrap();
    let (measured, _) = peak_of(|| block_on(run.paint(0, &mut Observer::silent())).unwrap());
    check(&format!("painter at {side}"), &plan, Stage::Painter, measured);
}

/// The decoder with bands that are small beside its maps.
fn run_bands(side: usize) {
    let pipeline = mini();
    let request = PlanRequest { budget: Some(0), band_bytes: BAND, ..PlanRequest::new(side, side, false) };
    let plan = plan_of(&pipeline, &request);
    let (measured, _) = peak_of(|| {
        let decoder: Decoder = load(pipeline.checkpoint(), pipeline.device());
        let latents = Tensor::ones([1, 16, side / 8, side / 8], pipeline.device());
        block_on(decoder.forward_in_bands(latents, BAND).into_data_async()).unwrap()
    });
    check(&format!("decoder in bands at {side}"), &plan, Stage::Decoder, measured);
}

/// One test, because the allocator counts for the whole program.
#[test]
fn a_plan_is_what_stages_take_on_the_cpu() {
    // Each thread has tiles of its own: their number is part of what is measured.
    // SAFETY: no other thread reads the environment yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "2") };
    // Threads keep what they needed once.
    run_stages(mini(), 64, &mut |_, _, _, _| {});
    for side in [256, 512] {
        run_stages(mini(), side, &mut check);
    }
    run_stages(packed_mini(), 512, &mut check);
    run_large_painter(1536);
    run_bands(512);
    run_bands(768);
}
