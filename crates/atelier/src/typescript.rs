//! What crosses into the npm package, as it sees it.

use testkit::TypeScript;

use crate::card::{Alphabet, CharacterRange, SizeRule};
use crate::device::{KernelCheck, Submission, UnusedVariant};
use crate::geometry::{MAX_SIDE, TOKEN_PIXELS};
use crate::record::{LatentsRecord, MAX_NOTE, RUN_FORMAT, RunRecord};
use crate::rng::{MAX_SEED, RANDOM_SEEDS};
use crate::{
    AdapterKind, AdapterReport, BLUEPRINT_FORMAT, Blueprint, Card, DEFAULT_GUIDANCE, DEFAULT_STEPS,
    ErrorCode, Event, Grid, GridName, MAX_GUIDANCE, MAX_IMAGES, MAX_STEPS, MAX_TEMPERATURE, MAX_TOP_K,
    ModelInfo, PaintOptions, Prompt, QuoteRule, Request, Sampling, Settings, SourceRecord, Stage, Start,
    TokenGrid, Warning,
};

/// RGBA pixels, row by row, four bytes each.
#[derive(ts_rs::TS)]
#[expect(dead_code, reason = "only its TypeScript is of use: JavaScript makes the object itself")]
pub(crate) struct Pixels {
    width: usize,
    height: usize,
    #[ts(type = "Uint8ClampedArray<ArrayBuffer>")]
    data: Vec<u8>,
}

#[test]
fn border_in_typescript() {
    TypeScript::of("atelier")
        .constant(
            "SIDE_STEP",
            "Sides are a multiple of this many pixels, and at least as long.",
            TOKEN_PIXELS,
        )
        .constant("MAX_SIDE", "The longest side that a request may ask for, in pixels.", MAX_SIDE)
        .constant(
            "DEFAULT_STEPS",
            "Steps where neither the request nor the model's card says.",
            DEFAULT_STEPS,
        )
        .constant(
            "DEFAULT_GUIDANCE",
            "Guidance where neither the request nor the model's card says.",
            DEFAULT_GUIDANCE,
        )
        .constant("MAX_STEPS", "The most steps.", MAX_STEPS)
        .constant("MAX_GUIDANCE", "The largest guidance scale; the least is 0.", MAX_GUIDANCE)
        .constant("MAX_TEMPERATURE", "The highest temperature; the least is 0.", MAX_TEMPERATURE)
        .constant("MAX_TOP_K", "The most tokens that top-k keeps.", MAX_TOP_K)
        .constant("MAX_IMAGES", "The most pictures of one prompt.", MAX_IMAGES)
        .constant("MAX_SEED", "The largest seed; the least is 0.", MAX_SEED)
        .constant("RANDOM_SEEDS", "Seeds that nobody chose are below this.", RANDOM_SEEDS)
        .constant("BLUEPRINT_FORMAT", "The format of every blueprint.", BLUEPRINT_FORMAT)
        .constant("RUN_FORMAT", "The format of what a PNG notes.", RUN_FORMAT)
        .constant("MAX_NOTE", "The longest note that is read, in bytes.", MAX_NOTE)
        .declare::<Request>()
        .variants::<Start>()
        .declare::<Prompt>()
        .variants::<QuoteRule>()
        .variants::<Event>()
        .declare::<Pixels>()
        .variants::<Stage>()
        .variants::<GridName>()
        .declare::<Grid>()
        .variants::<Warning>()
        .declare::<Blueprint>()
        .declare::<TokenGrid>()
        .declare::<SourceRecord>()
        .declare::<Sampling>()
        .declare::<PaintOptions>()
        .declare::<RunRecord>()
        .declare::<LatentsRecord>()
        .declare::<ModelInfo>()
        .declare::<Settings>()
        .declare::<AdapterReport>()
        .declare::<UnusedVariant>()
        .declare::<KernelCheck>()
        .declare::<Submission>()
        .variants::<AdapterKind>()
        .declare::<Card>()
        .declare::<SizeRule>()
        .declare::<Alphabet>()
        .declare::<CharacterRange>()
        .variants::<ErrorCode>()
        .assert("atelier.ts");
}
