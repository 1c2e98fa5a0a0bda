//! The architect: its cache of keys and values, the prompt at once, then token by token.
//!
//! With `s` tokens at once, `h` the width, `q` all query heads, `k` all key heads, `i` the MLP's width:
//!
//! | point | alive |
//! |---|---|
//! | projections | stream and normed `2·s·h`, the queries as computed and turned `2·s·q`, keys and values `3·s·k` |
//! | attention | stream `s·h`, queries, result and its projection `3·s·q`, keys and values `3·s·k` |
//! | MLP | stream and normed `2·s·h`, gate and up `s·2i`, their product `s·i` |
//!
//! Persistent: the cache, `2 · layers · key heads · capacity · head width` numbers, and the angles of the tokens at hand.
//! The capacity is the prompt with its source tokens, both grids (the large one alone with source images), and one more.
//! Of a cache of 16 bits the CPU makes one of 32 for attention; kernels read it as it is, but room is kept.

use super::stage::{AllocationPoint, Part, StagePlan, WeightsPlan};
use super::{F32, PlanRequest, SourceSizes, choose_cache};
use crate::config::ModelConfig;
use crate::prior::CachePrecision;
use crate::progress::Stage;
use crate::prompt::TargetGrids;

pub(super) fn plan(
    config: &ModelConfig,
    request: &PlanRequest,
    sources: &SourceSizes,
    weights: WeightsPlan,
) -> StagePlan {
    choose_cache(request, |cache| plan_with(config, request, sources, weights.clone(), cache))
}

fn plan_with(
    config: &ModelConfig,
    request: &PlanRequest,
    sources: &SourceSizes,
    weights: WeightsPlan,
    cache: CachePrecision,
) -> StagePlan {
    let c = &config.prior.text_config;
    let target = TargetGrids::for_size(request.width, request.height);
    let draft = if sources.count == 0 { target.draft.len() } else { 0 };
    // Each source also has a start and an end.
    let prompt = request.prompt_tokens.saturating_add(sources.count.saturating_mul(sources.codes() + 2));
    let capacity = prompt.saturating_add(target.large.len() + draft + 1);
    let keys = c.num_key_value_heads * c.head_dim();
    let caches = |count, size| Part::new("keys or values of a layer", count, &[capacity, keys], size);
    let persistent = vec![
        caches(2 * c.num_hidden_layers, cache.bytes()),
        Part::new("angles", 2, &[prompt, c.rotary_dim()], F32),
    ];
    let as_f32 = (cache != CachePrecision::F32).then(|| caches(2, F32));
    let mut points = points(config, "the prompt", prompt, as_f32.as_ref());
    points.extend(self::points(config, "a token", 1, as_f32.as_ref()));
    StagePlan { cache: Some(cache), ..StagePlan::new(Stage::Architect, weights, persistent, points) }
}

/// The allocation points of a layer that sees `seq` tokens at once, and of the head, which sees one. `as_f32` is what
/// attention makes of a cache of 16 bits.
fn points(config: &ModelConfig, of: &str, seq: usize, as_f32: Option<&Part>) -> Vec<AllocationPoint> {
    let c = &config.prior.text_config;
    let (width, head) = (c.hidden_size, c.head_dim());
    let (queries, keys) = (c.num_attention_heads * head, c.num_key_value_heads * head);
    let part = |what, count, columns| Part::new(what, count, &[seq, columns], F32);
    vec![
        AllocationPoint::new(
            format!("{of}: projections of a layer"),
            vec![
                part("stream, normed", 2, width),
                part("queries", 2, queries),
                part("keys, values", 3, keys),
            ],
        ),
        AllocationPoint::new(
            format!("{of}: attention of a layer"),
            [part("stream", 1, width), part("queries, result", 3, queries), part("keys, values", 3, keys)]
                .into_iter()
                .chain(as_f32.cloned())
                .collect(),
        ),
        AllocationPoint::new(
            format!("{of}: MLP of a layer"),
            vec![
                part("stream, normed", 2, width),
                part("gate and up", 1, 2 * c.intermediate_size),
                part("their product", 1, c.intermediate_size),
            ],
        ),
        AllocationPoint::new(
            format!("{of}: logits"),
            vec![part("stream, normed", 2, width), Part::new("logits", 2, &[c.vision_vocab_size], F32)],
        ),
    ]
}
