//! What the full model needs, from its configurations alone, and how a plan follows the request.

use std::sync::Arc;

use atelier::ModelConfig;
use atelier::memory::{MemoryPlan, PlanRequest, plan};
use atelier::packing::plan as lay_out;
use atelier::prior::CachePrecision;
use atelier::vae::DecodeMode;
use atelier::{Error, Field, Observer, Pipeline, Request, RgbImage, Stage};
use atelier_mini::Mini;
use atelier_tests::{block_on, cpu, reference, software_gpu};
use atelier_weights::{FolderSource, Policy, Scheme};

const GB: u64 = 1_000_000_000;

fn full_size() -> ModelConfig {
    let source = FolderSource::open(reference().join("full/config")).unwrap();
    block_on(ModelConfig::read(&source)).unwrap()
}

/// The full model, packed.
fn full(policy: &Policy, request: &PlanRequest) -> MemoryPlan {
    let config = full_size();
    let layout = lay_out(&config, policy, |_, _| Scheme::Bf16);
    plan(&config, &layout.tensors, request).unwrap()
}

fn stage(plan: &MemoryPlan, stage: Stage) -> &atelier::memory::StagePlan {
    plan.stages.iter().find(|found| found.stage == stage).unwrap()
}

#[test]
fn four_bits_fit_small_cards() {
    for (side, most) in [(1024, 8 * GB), (2048, 8 * GB)] {
        let plan = full(&Policy::q4(), &PlanRequest::new(side, side, true));
        assert!(plan.peak() <= most, "{side}: {} bytes", plan.peak());
        assert!(plan.fits(most) && !plan.fits(plan.peak() - 1));
        let largest = plan.largest_buffer().unwrap();
        assert!(largest.bytes <= 1 << 30, "{side}: {largest:?}");
        let packed = plan.largest_packed().unwrap();
        assert!(packed.bytes <= 128 << 20, "{side}: {packed:?}");
        // The published parameters at about 4.5 bits.
        let architect = stage(&plan, Stage::Architect).weights.bytes;
        assert!((4_900_000_000..5_200_000_000).contains(&architect), "{architect}");
    }
}

#[test]
fn a_cache_of_half_the_numbers_has_half_the_bytes() {
    let request = PlanRequest::new(1024, 1024, true);
    let cache = |precision| {
        let plan = full(&Policy::q4(), &PlanRequest { cache: Some(precision), ..request.clone() });
        stage(&plan, Stage::Architect).persistent[0].total()
    };
    // 40 layers, two heads of 128, keys and values: 20,480 numbers a token (spec 12).
    assert_eq!(cache(CachePrecision::F32), 20_480 * 4 * (256 + 256 + 1024 + 1));
    assert_eq!(cache(CachePrecision::F32), 2 * cache(CachePrecision::F16));
}

#[test]
fn the_cache_is_of_16_bits_where_one_of_32_is_too_much() {
    let request = PlanRequest { prompt_tokens: 4096, ..PlanRequest::new(1024, 1024, true) };
    let architect = |budget| {
        let plan = full(&Policy::q4(), &PlanRequest { budget, ..request.clone() });
        let stage = stage(&plan, Stage::Architect);
        (stage.cache.unwrap(), stage.peak())
    };
    let (precision, wide) = architect(None);
    assert_eq!(precision, CachePrecision::F32);
    assert_eq!(architect(Some(wide)).0, CachePrecision::F32);
    let (precision, narrow) = architect(Some(wide - 1));
    assert_eq!(precision, CachePrecision::F16);
    assert!(narrow < wide, "{narrow} and {wide}");
}

/// Image to image at 1024×1024 on a card of 8 GB.
#[test]
fn a_source_image_fits_small_cards_in_16_bits() {
    let request = PlanRequest { sources: 1, ..PlanRequest::new(1024, 1024, true) };
    let free = full(&Policy::q4(), &request);
    assert_eq!(stage(&free, Stage::Painter).cache, Some(CachePrecision::F32));
    assert!(!free.fits(8 * GB), "{}", free.peak());
    let held = full(&Policy::q4(), &PlanRequest { budget: Some(8 * GB), ..request });
    assert_eq!(stage(&held, Stage::Painter).cache, Some(CachePrecision::F16));
    assert!(held.fits(8 * GB), "{}", held.peak());
}

#[test]
fn what_is_not_a_pack_is_dense() {
    let dense = full(&Policy::q4(), &PlanRequest::new(512, 512, false));
    assert_eq!(stage(&dense, Stage::Painter).weights.bytes, 4 * (6_926_882_880 + 217_657_472));
    assert_eq!(stage(&dense, Stage::Decoder).weights.bytes, 4 * 233_656_835);
    assert_eq!(dense.largest_packed(), None);
}

#[test]
fn the_decoder_is_whole_where_that_fits() {
    let mode = |side, budget| {
        let plan = full(&Policy::q4(), &PlanRequest { budget, ..PlanRequest::new(side, side, true) });
        stage(&plan, Stage::Decoder).mode.unwrap()
    };
    assert_eq!(mode(512, None), DecodeMode::Whole);
    // 512 channels of 1024 x 1024 are 2.1 GB.
    assert_eq!(mode(1024, None), DecodeMode::Bands);
    assert_eq!(mode(512, Some(2 * GB)), DecodeMode::Bands);
    assert_eq!(mode(512, Some(8 * GB)), DecodeMode::Whole);
}

/// What every WebGPU device binds.
#[test]
fn no_buffer_is_larger_than_any_device_takes() {
    for (side, images) in [(512, 0), (512, 1), (1024, 0)] {
        let sizes = PlanRequest::new(side, side, true);
        let plan = full(&Policy::q4(), &PlanRequest { most_buffer: 128 << 20, sources: images, ..sizes });
        let largest = plan.largest_buffer().unwrap();
        assert!(largest.bytes <= 128 << 20, "{side}, {images} source images: {largest:?}");
        // Whole maps are larger: 512 channels of 512 x 512 are 537 MB.
        assert_eq!(stage(&plan, Stage::Decoder).mode, Some(DecodeMode::Bands));
    }
}

/// llvmpipe takes buffers of 128 MiB and no larger.
#[pollster::test]
async fn a_run_with_a_buffer_too_large_for_the_device_is_refused() {
    let pipeline = |device| block_on(Pipeline::load(Arc::new(Mini), device)).unwrap();
    let mut on_gpu = pipeline(software_gpu());
    let with_image = |side| {
        let image = RgbImage::new(side, side, vec![0; 3 * side * side]).unwrap();
        Request { width: Some(64), height: Some(64), sources: vec![image], ..Request::new(["OK"]) }
    };
    // Sixteen channels of the image while the VAE reads it, with a border.
    let (large, small) = (with_image(1536), with_image(1024));
    let Err(Error::Buffer { what, bytes, most }) = on_gpu.generate(&large, &mut Observer::default()).await
    else {
        panic!("expected a buffer to be too large")
    };
    assert!(what.contains("map") && bytes >= 16 * 1536 * 1536 * 4, "{bytes} bytes for {what}");
    assert_eq!(most, 128 << 20);
    on_gpu.plan(&small, None).unwrap();
    pipeline(cpu()).plan(&large, None).unwrap();
}

#[test]
fn source_images_and_guidance_cost() {
    let request = PlanRequest::new(1024, 1024, true);
    let painter = |request: &PlanRequest| stage(&full(&Policy::q4(), request), Stage::Painter).peak();
    let alone = painter(&PlanRequest { guided: false, ..request.clone() });
    assert!(alone < painter(&request));
    // Keys and values of 4096 tokens in 30 blocks.
    let sourced = PlanRequest { sources: 1, ..request.clone() };
    assert!(painter(&sourced) >= painter(&request) + 2 * 30 * 4096 * 4096 * 4);
    let plan = full(&Policy::q4(), &sourced);
    assert_eq!(plan.stages.len(), 4);
    assert_eq!(full(&Policy::q4(), &request).stages.len(), 3);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let config = full_size();
    let layout = lay_out(&config, &Policy::q4(), |_, _| Scheme::Bf16);
    let refused = |request| match plan(&config, &layout.tensors, &request) {
        Err(Error::Request { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(PlanRequest::new(100, 64, true)), Field::Width);
    assert_eq!(refused(PlanRequest { sources: 1, ..PlanRequest::new(64, 1024, true) }), Field::Image);
    // Nothing overflows.
    let huge =
        PlanRequest { prompt_tokens: usize::MAX, glyph_tokens: usize::MAX, ..PlanRequest::new(64, 64, true) };
    assert_eq!(plan(&config, &layout.tensors, &huge).unwrap().peak(), u64::MAX);
    let missing = plan(&config, &[], &PlanRequest::new(64, 64, true)).unwrap_err();
    assert!(missing.to_string().contains("found no such tensor"), "{missing}");
}
