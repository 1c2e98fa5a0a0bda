//! The painter: glyph encoder and DiT together; both passes of guidance, one after the other.
//!
//! With `w` the width, `n` the picture's patches, `t` text tokens, `S = n + t`, `r` tokens of all source images:
//!
//! | point | alive |
//! |---|---|
//! | blueprint | embedded codes, two of the projector's layers and an activation `4·n·w` |
//! | attention | both streams `S·w`, queries, keys, values and result `4·S·w`, with sources all keys and values again `2·(r + S)·w` |
//! | MLP | keys and values that a source cache might want `2·S·w`, the attention's result `S·w`, text `t·w`, the picture with its norm `2·n·w`, hidden before and after GELU `2·m·4w` |
//!
//! The MLP takes at most `m = 2048` rows at a time; of a larger picture there are also its results so far, `n·w`, and in the
//! end twice.
//!
//! Persistent: for each branch the projected blueprint and glyphs `(n + t)·w` and the angles; the keys and values of source
//! images in every block, `2 · blocks · r · w`; a few latents.

use super::stage::{AllocationPoint, Part, StagePlan, WeightsPlan};
use super::{F32, PlanRequest, SourceSizes, choose_cache};
use crate::config::ModelConfig;
use crate::geometry::{LATENT_PIXELS, PATCH_PIXELS};
use crate::prior::CachePrecision;
use crate::progress::Stage;
use crate::transformer::MLP_ROWS;

pub(super) fn plan(
    config: &ModelConfig,
    request: &PlanRequest,
    sources: &SourceSizes,
    weights: WeightsPlan,
) -> StagePlan {
    if sources.count == 0 {
        return plan_with(config, request, sources, weights, CachePrecision::F32);
    }
    let with = |cache| {
        let plan = plan_with(config, request, sources, weights.clone(), cache);
        StagePlan { cache: Some(cache), ..plan }
    };
    choose_cache(request, with)
}

fn plan_with(
    config: &ModelConfig,
    request: &PlanRequest,
    sources: &SourceSizes,
    weights: WeightsPlan,
    cache: CachePrecision,
) -> StagePlan {
    let c = &config.transformer;
    let width = c.width();
    let image = (request.height / PATCH_PIXELS) * (request.width / PATCH_PIXELS);
    let source = (sources.pixels[0] / PATCH_PIXELS) * (sources.pixels[1] / PATCH_PIXELS);
    let text = request.glyph_tokens.max(1);
    let branches = if request.guided { 2 } else { 1 };
    let latent = [c.in_channels, request.height / LATENT_PIXELS, request.width / LATENT_PIXELS];
    let mut persistent = vec![
        Part::new("projected blueprint", branches, &[image, width], F32),
        Part::new("projected glyphs", branches, &[text, width], F32),
        Part::new("angles", 2 * branches, &[image, c.attention_head_dim], F32),
        Part::new("latents, velocities", 6, &latent, F32),
        // One row for each of the twelve vectors, in every block.
        Part::new("modulation", 2, &[12, width], F32),
    ];
    let mut points = Vec::new();
    if sources.count > 0 {
        let tokens = sources.count.saturating_mul(source);
        persistent.push(Part::new(
            "keys or values of the sources in a block",
            2 * c.num_layers,
            &[tokens, width],
            cache.bytes(),
        ));
        points.extend(block(width, "a source", source, 0, [0, 0]));
        // Of 16 bits they are made f32 before they are joined with the others.
        let widened = if cache == CachePrecision::F32 { 0 } else { tokens };
        points.extend(block(width, "a step", image, text, [tokens, widened]));
    } else {
        points.extend(block(width, "a step", image, text, [0, 0]));
    }
    points.push(AllocationPoint::new(
        "the blueprint's projection",
        vec![Part::new("codes", 4, &[image, width], F32)],
    ));
    points.push(glyphs(config, text));
    StagePlan::new(Stage::Painter, weights, persistent, points)
}

/// The allocation points of a block. Of the sources' tokens some are made f32 for it.
fn block(
    width: usize,
    of: &str,
    image: usize,
    text: usize,
    [sources, widened]: [usize; 2],
) -> Vec<AllocationPoint> {
    let joint = image.saturating_add(text);
    let part = |what, count, seq, times| Part::new(what, count, &[seq, times * width], F32);
    let mut attention = vec![
        part("picture", 1, image, 1),
        part("text", 1, text, 1),
        part("queries, keys, values, result", 4, joint, 1),
    ];
    if sources > 0 {
        attention.push(part("keys or values with those of the sources", 2, joint.saturating_add(sources), 1));
        attention.push(part("keys or values of the sources in f32", 2, widened, 1));
    }
    let mlp = [
        part("keys, values, the attention's result", 3, joint, 1),
        part("text", 1, text, 1),
        part("picture, normed", 2, image, 1),
    ];
    let with = |parts: Vec<Part>| mlp.iter().cloned().chain(parts).collect();
    let hidden = part("hidden, before and after GELU", 2, image.min(MLP_ROWS), 4);
    let mut points = vec![AllocationPoint::new(format!("{of}: attention of a block"), attention)];
    if image <= MLP_ROWS {
        points.push(AllocationPoint::new(format!("{of}: MLP of a block"), with(vec![hidden])));
    } else {
        let results = |count| part("results of the MLP", count, image, 1);
        points.push(AllocationPoint::new(format!("{of}: MLP of some rows"), with(vec![hidden, results(1)])));
        points.push(AllocationPoint::new(format!("{of}: results of the MLP"), with(vec![results(2)])));
    }
    points
}

/// The glyph encoder's MLP and attention, with one long text; scores are a buffer here, for their bias.
fn glyphs(config: &ModelConfig, text: usize) -> AllocationPoint {
    let c = &config.glyph_encoder;
    let part = |what, count, columns| Part::new(what, count, &[text, columns], F32);
    let inner = c.num_heads * c.d_kv;
    let parts = vec![
        part("stream, normed", 3, c.d_model),
        part("queries, keys, values, result", 4, inner),
        part("hidden", 3, c.d_ff),
        Part::new("distances, bias, scores, mask", 5, &[c.num_heads, text, text], F32),
    ];
    AllocationPoint::new("the glyph encoder", parts)
}
