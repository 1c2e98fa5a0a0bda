//! The painter: glyph encoder and DiT together; both passes of guidance, one after the other.
//!
//! With `w` the width, `n` the picture's patches, `t` text tokens, `S = n + t`, `r` tokens of all source images:
//!
//! | point | alive |
//! |---|---|
//! | blueprint | embedded codes, two of the projector's layers and an activation `4·n·w` |
//! | attention | tokens `S·w`, queries, keys, values and result `4·S·w`, with sources all keys and values again `2·(r + S)·w` |
//! | MLP | tokens with their norm `2·S·w`, of a source its keys and values `2·S·w`, hidden before and after GELU `2·m·4w` |
//! | sum | tokens and branch, both sums' results `4·S·w`, of a source its keys and values `2·S·w` |
//!
//! The MLP takes at most `m = 2048` rows at a time; of more there are also its results so far, `S·w`, and in the end twice.
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
        // Twelve vectors a block, and two twice after the last.
        Part::new("modulation", 1, &[12 * c.num_layers + 4, width], F32),
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
        points.extend(block(width, "a source", source, 0, [0, 0], true));
        // Of 16 bits they are made f32 before they are joined with the others.
        let widened = if cache == CachePrecision::F32 { 0 } else { tokens };
        points.extend(block(width, "a step", image, text, [tokens, widened], false));
    } else {
        points.extend(block(width, "a step", image, text, [0, 0], false));
    }
    points.push(AllocationPoint::new(
        "the blueprint's projection",
        vec![Part::new("codes", 4, &[image, width], F32)],
    ));
    points.push(glyphs(config, text));
    StagePlan::new(Stage::Painter, weights, persistent, points)
}

/// The allocation points of a block. Of the sources' tokens some are made f32 for it; a source itself has its keys and values
/// kept.
fn block(
    width: usize,
    of: &str,
    image: usize,
    text: usize,
    [sources, widened]: [usize; 2],
    keep: bool,
) -> Vec<AllocationPoint> {
    let joint = image.saturating_add(text);
    let part = |what, count, seq, times| Part::new(what, count, &[seq, times * width], F32);
    let mut attention = vec![part("tokens", 1, joint, 1), part("queries, keys, values, result", 4, joint, 1)];
    if sources > 0 {
        attention.push(part("keys or values with those of the sources", 2, joint.saturating_add(sources), 1));
        attention.push(part("keys or values of the sources in f32", 2, widened, 1));
    }
    let kept = if keep { 2 } else { 0 };
    let with = |tokens, parts: Vec<Part>| {
        let all = [part("tokens, normed", tokens, joint, 1), part("keys and values to keep", kept, joint, 1)];
        all.into_iter().chain(parts).collect()
    };
    let hidden = part("hidden, before and after GELU", 2, joint.min(MLP_ROWS), 4);
    let mut points = vec![
        AllocationPoint::new(format!("{of}: attention of a block"), attention),
        AllocationPoint::new(format!("{of}: sum after a branch"), with(4, Vec::new())),
    ];
    if joint <= MLP_ROWS {
        points.push(AllocationPoint::new(format!("{of}: MLP of a block"), with(2, vec![hidden])));
    } else {
        let results = |count| part("results of the MLP", count, joint, 1);
        points
            .push(AllocationPoint::new(format!("{of}: MLP of some rows"), with(2, vec![hidden, results(1)])));
        points.push(AllocationPoint::new(format!("{of}: results of the MLP"), with(2, vec![results(2)])));
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
