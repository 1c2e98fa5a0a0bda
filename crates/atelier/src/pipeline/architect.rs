//! The architect's loop: one token after another, until both grids are full.

use burn::tensor::{Device, Tensor};

use super::request::ArchitectOptions;
use super::sources::Sources;
use crate::blueprint::{BLUEPRINT_FORMAT, Blueprint, TokenGrid};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Field, Result};
use crate::pace::{Begun, Paced};
use crate::prior::sampler::Drawn;
use crate::prior::{CachePrecision, KvCache, Prior};
use crate::progress::{Event, GridName, Observer};
use crate::prompt::{
    EncodedPrompt, Grid, Position, QuoteRule, TargetGrids, decode_positions, encode_prompt, prompt_positions,
    resolve_sources, upsample_codes,
};
use crate::readback::read_floats;
use crate::rng::{RNG_VERSION, Stream, uniform_at};
use crate::trace::{self, TraceTensor, TraceValues};

/// Which prompt of the run it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PromptIndex {
    pub prompt: usize,
    pub prompts: usize,
}

impl PromptIndex {
    /// Traces what the reference keeps for a single prompt only; in a batch it gets the prompt's number as a prefix.
    fn detail<T>(self, stage: impl FnOnce() -> T) -> T {
        let prefix = if self.prompts == 1 { String::new() } else { format!("prompt{}.", self.prompt) };
        trace::prefixed(&prefix, stage)
    }

    /// Traces one row for each prompt of a batch; a single prompt has no batch dimension, as in the reference's files.
    fn row(self, name: &str, shape: &[usize], ids: impl IntoIterator<Item = u32>) {
        let batch: &[usize] = if self.prompts == 1 { &[] } else { &[1] };
        trace::record(name, || TraceTensor::ids([batch, shape].concat(), ids));
    }
}

/// Encodes a prompt and checks that it and its picture fit the model's context.
///
/// # Errors
/// [`Error::Request`] for an empty prompt or one that is too long.
pub(super) fn encode(
    prompt: &str,
    source_grids: &[Grid],
    options: &ArchitectOptions,
    checkpoint: &Checkpoint,
) -> Result<EncodedPrompt> {
    let target = TargetGrids::for_size(options.width, options.height);
    let special = checkpoint.special_tokens();
    let encoded = encode_prompt(checkpoint.tokenizer(), special, prompt, source_grids, target)?;
    let text = &checkpoint.config().prior.text_config;
    let grids: usize = encoded.written_grids().iter().map(|grid| grid.len()).sum();
    let room = text.max_position_embeddings.saturating_sub(grids);
    if encoded.ids.len() > room {
        let expected = format!("at most {room} tokens beside the {grids} of the picture");
        return Err(Error::request(Field::Prompt, expected, format!("{} tokens", encoded.ids.len())));
    }
    if let Some(id) = encoded.ids.iter().find(|&&id| id as usize >= text.vocab_size) {
        let expected = format!("token ids below the vocabulary size {}", text.vocab_size);
        return Err(Error::request(Field::Prompt, expected, format!("token id {id}")));
    }
    Ok(encoded)
}

/// One blueprint to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteJob<'a> {
    pub prompt: &'a str,
    pub quotes: QuoteRule,
    pub encoded: &'a EncodedPrompt,
    pub sources: &'a Sources,
    pub options: &'a ArchitectOptions,
    pub index: PromptIndex,
    pub cache: CachePrecision,
}

/// Logits beyond this are of no whole model: those of the reference's stay below a hundred.
const FAR_LOGIT: f32 = 1e6;

/// Writes the blueprint of one prompt; also tells how large the logits of its first token are where no model's should be.
pub(super) async fn write(
    job: WriteJob<'_>,
    prior: &Prior,
    checkpoint: &Checkpoint,
    device: &Device,
    observer: &mut Observer<'_>,
) -> Result<(Blueprint, Option<f32>)> {
    let WriteJob { prompt, quotes, encoded, sources, options, index, .. } = job;
    let (ids, far) = write_tokens(job, prior, checkpoint, device, observer).await?;
    let TargetGrids { large, draft } = encoded.target;
    let draft_len = if encoded.sources == 0 { draft.len() } else { 0 };
    let (draft_ids, large_ids) = ids.split_at(draft_len);
    let blueprint = Blueprint {
        format: BLUEPRINT_FORMAT.to_owned(),
        model: checkpoint.fingerprint().to_owned(),
        prompt: prompt.to_owned(),
        quotes,
        width: options.width,
        height: options.height,
        seed: options.seed,
        sampling: options.sampling,
        rng: RNG_VERSION,
        draft: (encoded.sources == 0).then(|| token_grid(draft, draft_ids)),
        large: token_grid(large, large_ids),
        sources: sources.records(),
    };
    let prior_ids = upsample_codes(large_ids, large);
    index.row("prior_ids", &[prior_ids.len()], prior_ids.iter().copied());
    Ok((blueprint, far))
}

fn token_grid(grid: Grid, ids: &[u32]) -> TokenGrid {
    TokenGrid { rows: grid.rows, columns: grid.columns, ids: ids.to_vec() }
}

/// The tokens of all written grids, in order; and the largest logit of the first where it is beyond [`FAR_LOGIT`].
///
/// Unlike the reference, ids from the number of codes on (the end token among them) cannot be drawn inside a grid: there
/// they would end the run or address a code that does not exist.
async fn write_tokens(
    job: WriteJob<'_>,
    prior: &Prior,
    checkpoint: &Checkpoint,
    device: &Device,
    observer: &mut Observer<'_>,
) -> Result<(Vec<u32>, Option<f32>)> {
    let WriteJob { encoded, options, index, .. } = job;
    let special = checkpoint.special_tokens();
    let codes = checkpoint.config().prior.vq_config.num_embeddings;
    let resolved = resolve_sources(&encoded.ids, special.image_token, &job.sources.codes())?;
    if encoded.sources > 0 {
        index.detail(|| {
            trace::record("resolved_ids", || TraceTensor::ids([resolved.len()], resolved.iter().copied()));
        });
    }
    let (positions, next) =
        prompt_positions(&encoded.ids, special.image_start, special.image_token, encoded.source_grids());
    let grids = encoded.written_grids();
    let decode = decode_positions(next, &grids);
    let axes = (0..3).flat_map(|axis| decode.iter().map(move |position| position[axis]));
    index.row("decode_position_ids", &[3, decode.len()], axes);
    let tokens = decode.len() - 1;

    let mut cache = prior.new_cache_of(resolved.len() + decode.len(), job.cache);
    let mut pace = Paced::new(device, observer);
    let logits = if trace::is_recording() {
        index.detail(|| prefill(&resolved, &positions, prior, &mut cache, device))
    } else {
        prior.next_logits_paced(&resolved, &positions, &mut cache, device, &mut pace).await?
    };
    // One of them tells of damaged weights, and costs nothing beside the rest.
    let far = read_floats(logits.clone()).await?.into_iter().take(codes).map(f32::abs).fold(0.0, f32::max);
    let far = Some(far).filter(|far| *far > FAR_LOGIT);
    let mut ids = Vec::with_capacity(tokens);
    let mut all_logits = Vec::new();
    let uniform = |token: usize| uniform_at(options.seed, Stream::Tokens, token as u64);
    let draw = |logits, token| Drawn::new(logits, &options.sampling, codes, uniform(token));
    let mut drawn = draw(logits, 0);
    for (token, &position) in decode.iter().enumerate().take(tokens) {
        // A GPU goes on with the id that it has drawn while the host reads it.
        let mark = pace.mark();
        let reading = Begun::new(drawn.id()).await;
        let next = drawn.on_gpu().filter(|_| token + 1 < tokens && !trace::is_recording()).map(|id| {
            let logits = trace::paused(|| prior.logits_after(id, position, &mut cache));
            let next = draw(logits, token + 1);
            pace.submit();
            next
        });
        let id = match reading.end().await {
            Err(Error::NotFinite { place }) => {
                if next.is_some() {
                    cache.forget_last();
                }
                let once_more = || match (ids.last(), token.checked_sub(1)) {
                    (Some(&id), Some(last)) => {
                        cache.forget_last();
                        prior.next_logits(&[id], &[decode[last]], &mut cache, device);
                    }
                    _ => {
                        let mut cache = prior.new_cache_of(resolved.len(), job.cache);
                        prior.next_logits(&resolved, &positions, &mut cache, device);
                    }
                };
                let name = trace::first_not_finite(once_more).await?;
                let stage = format!("the architect, token {} of {tokens}, {place}", token + 1);
                return Err(Error::not_finite(stage, name.as_deref()));
            }
            id => id?,
        };
        pace.caught_up_to(mark);
        ids.push(id);
        pace.emit(token_event(index, &grids, token, tokens, id)).await?;
        if trace::is_recording() {
            all_logits.extend(read_floats(drawn.logits()).await?);
        } else if ids.len() == tokens {
            return Ok((ids, far));
        }
        drawn = next.unwrap_or_else(|| {
            draw(trace::paused(|| prior.next_logits(&[id], &[position], &mut cache, device)), token + 1)
        });
    }

    // The reference also computes the token after the picture, which nothing uses; so does a trace.
    let logits = drawn.logits();
    let [vocabulary] = logits.dims();
    let after = Drawn::new(logits.clone(), &options.sampling, vocabulary, uniform(tokens)).id().await?;
    let last = read_floats(logits).await?;
    all_logits.extend(&last);
    index.detail(|| {
        trace::record("last_step_logits", || TraceTensor::new([vocabulary], TraceValues::F32(last)));
        let shape = [tokens + 1, vocabulary];
        trace::record("decode_logits", || TraceTensor::new(shape, TraceValues::F32(all_logits)));
    });
    index.row("generated_ids", &[tokens + 1], ids.iter().copied().chain([after]));
    Ok((ids, far))
}

/// The logits from which each token of a blueprint would be drawn, had the model written the tokens before it: teacher
/// forcing, over the codes alone.
///
/// # Shapes
/// - output: `[tokens, codes]`, row-major, and the number of codes
pub(super) async fn blueprint_logits(
    blueprint: &Blueprint,
    prior: &Prior,
    checkpoint: &Checkpoint,
    device: &Device,
) -> Result<(Vec<f32>, usize)> {
    let options = ArchitectOptions {
        width: blueprint.width,
        height: blueprint.height,
        seed: blueprint.seed,
        sampling: blueprint.sampling,
    };
    let encoded = encode(&blueprint.prompt, &[], &options, checkpoint)?;
    let special = checkpoint.special_tokens();
    let (mut positions, next) =
        prompt_positions(&encoded.ids, special.image_start, special.image_token, encoded.source_grids());
    let mut ids = encoded.ids.clone();
    let written = blueprint.draft.iter().chain([&blueprint.large]).flat_map(|grid| &grid.ids);
    ids.extend(written);
    // Nothing follows the last token.
    ids.pop();
    let tokens = ids.len() + 1 - positions.len();
    positions.extend(decode_positions(next, &encoded.written_grids()).into_iter().take(tokens - 1));
    let mut cache = prior.new_cache(ids.len());
    let logits = prior.forward(&ids, &positions, &mut cache, device);
    let [_, seq, _] = logits.dims();
    let codes = checkpoint.config().prior.vq_config.num_embeddings;
    let logits = logits.narrow(1, seq - tokens, tokens).narrow(2, 0, codes);
    Ok((read_floats(logits).await?, codes))
}

/// Feeds the prompt and traces it; returns the logits that follow it.
fn prefill(
    ids: &[u32],
    positions: &[Position],
    prior: &Prior,
    cache: &mut KvCache,
    device: &Device,
) -> Tensor<1> {
    let logits = prior.forward(ids, positions, cache, device);
    let [_, seq, vocabulary] = logits.dims();
    trace::record("prefill_logits", || logits.clone().squeeze_dim::<2>(0));
    let last = logits.narrow(1, seq - 1, 1).reshape([vocabulary]);
    trace::record("prefill_last_logits", || last.clone());
    last
}

fn token_event(
    PromptIndex { prompt, prompts }: PromptIndex,
    grids: &[Grid],
    token: usize,
    tokens: usize,
    id: u32,
) -> Event {
    let first = grids[0];
    let in_draft = grids.len() > 1 && token < first.len();
    let (grid, size, index) = if in_draft {
        (GridName::Draft, first, token)
    } else {
        let large = grids[grids.len() - 1];
        (GridName::Large, large, token - (tokens - large.len()))
    };
    Event::BlueprintToken { prompt, prompts, token: token + 1, tokens, grid, size, index, id }
}

/// Records the prompts as the reference batches them: shorter ones padded on the left.
pub(super) fn trace_prompts(encoded: &[&EncodedPrompt], checkpoint: &Checkpoint) {
    if !trace::is_recording() {
        return;
    }
    let special = checkpoint.special_tokens();
    let longest = encoded.iter().map(|e| e.ids.len()).max().unwrap_or(0);
    let (mut ids, mut mask, mut axes) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for prompt in encoded {
        let padding = longest - prompt.ids.len();
        let (positions, _) =
            prompt_positions(&prompt.ids, special.image_start, special.image_token, prompt.source_grids());
        ids.extend(std::iter::repeat_n(special.image_end, padding).chain(prompt.ids.iter().copied()));
        mask.extend(std::iter::repeat_n(0, padding).chain(std::iter::repeat_n(1, prompt.ids.len())));
        for (axis, values) in axes.iter_mut().enumerate() {
            values.extend(std::iter::repeat_n(1, padding).chain(positions.iter().map(|p| p[axis])));
        }
    }
    // A single prompt has no batch dimension, nor a mask.
    let batch = encoded.len();
    let shape = if batch == 1 { vec![longest] } else { vec![batch, longest] };
    trace::record("input_ids", || TraceTensor::ids(shape.clone(), ids));
    if batch > 1 {
        trace::record("attention_mask", || TraceTensor::ids(shape.clone(), mask));
    }
    trace::record("position_ids", || TraceTensor::ids([&[3], &shape[..]].concat(), axes.concat()));
    let grids: Vec<u32> = encoded
        .iter()
        .flat_map(|e| e.grids.iter().flat_map(|g| [1, g.rows as u32, g.columns as u32]))
        .collect();
    trace::record("image_grid_thw", || TraceTensor::ids([grids.len() / 3, 3], grids));
}
