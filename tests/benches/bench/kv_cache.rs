//! What a token costs as the context grows: with the cache nothing but the attention grows.

use std::time::Instant;

use crate::attention::AttentionAlone;
use atelier::Device;
use atelier::prior::Prior;
use atelier_tests::{block_on, load, tiny_checkpoint};
use burn::tensor::Tensor;

use crate::median;

/// Tokens of one row of the table.
pub const WINDOW: usize = 500;
/// The attention is timed by itself at every so many tokens.
const SAMPLE: usize = 5;
/// How often a whole context is computed without a cache.
const REPEATS: usize = 3;

/// Decodes so many tokens and prints the tables and the conclusion.
pub fn bench(device: &Device, tokens: usize) {
    let checkpoint = tiny_checkpoint();
    let config = &checkpoint.config().prior.text_config;
    let prior: Prior = load(&checkpoint, device);
    let alone = AttentionAlone::new(config, tokens, device);

    println!(
        "KV cache: {tokens} tokens, {} layers; times per token in ms, medians\n",
        config.num_hidden_layers
    );
    println!("{:>12} {:>10} {:>10} {:>10} {:>16}", "tokens", "token", "attention", "rest", "without context");
    let mut cache = prior.new_cache(tokens);
    let mut windows = Vec::new();
    for start in (0..tokens).step_by(WINDOW) {
        let end = tokens.min(start + WINDOW);
        let tokens = start..end;
        let token_times = tokens.clone().map(|token| {
            let id = [id(token, config.vocab_size)];
            let position = [[token as u32; 3]];
            timed(|| finish(prior.next_logits(&id, &position, &mut cache, device)))
        });
        let token_times: Vec<f64> = token_times.collect();
        // Afterwards, so that neither finds its tensors displaced from the processor's caches by the other. What the
        // attention displaces for a token is seen in one that has hardly any context.
        let mut others = Vec::new();
        let attention_times: Vec<f64> = tokens
            .step_by(SAMPLE)
            .map(|token| {
                let attention = timed(|| finish(alone.run(token + 1)));
                others.push(second_token(&prior, device, || finish(alone.run(token + 1))));
                attention
            })
            .collect();
        let window = Window {
            token: median(&token_times),
            attention: median(&attention_times),
            without_context: median(&others),
        };
        let range = format!("{start}..{end}");
        let Window { token, attention, without_context } = window;
        println!(
            "{range:>12} {token:>10.3} {attention:>10.3} {:>10.3} {without_context:>16.3}",
            window.rest()
        );
        windows.push(window);
    }

    println!("\nwithout a cache, every token would compute its whole context again\n");
    println!("{:>12} {:>10}", "context", "token");
    let mut whole = 0.0;
    for context in [WINDOW / 4, WINDOW / 2, WINDOW, 2 * WINDOW, tokens] {
        let times: Vec<f64> = (0..REPEATS)
            .map(|_| timed(|| without_cache(&prior, context, config.vocab_size, device)))
            .collect();
        whole = median(&times);
        println!("{context:>12} {whole:>10.3}");
    }

    if let (Some(first), Some(last)) = (windows.first(), windows.last()) {
        println!(
            "\nfrom the first window to the last a token grows by {:.3} ms and its attention by {:.3} ms;\n\
             the rest goes from {:.3} to {:.3} ms, {:.2} times; in a token without context that merely comes after such\n\
             an attention, and finds the processor's caches as it leaves them, {:.2} times;\n\
             at {tokens} tokens the cache makes a token {:.0} times cheaper",
            last.token - first.token,
            last.attention - first.attention,
            first.rest(),
            last.rest(),
            last.rest() / first.rest(),
            last.without_context / first.without_context,
            whole / last.token
        );
    }
}

/// Milliseconds of one token and of its attention by itself.
struct Window {
    token: f64,
    attention: f64,
    /// Of the second token of a sequence, right after that attention.
    without_context: f64,
}

impl Window {
    fn rest(&self) -> f64 {
        self.token - self.attention
    }
}

fn without_cache(prior: &Prior, context: usize, vocabulary: usize, device: &Device) {
    let ids: Vec<u32> = (0..context).map(|token| id(token, vocabulary)).collect();
    let positions: Vec<[u32; 3]> = (0..context as u32).map(|token| [token; 3]).collect();
    finish(prior.next_logits(&ids, &positions, &mut prior.new_cache(context), device));
}

/// Milliseconds of the second token of a sequence, after `before`.
fn second_token(prior: &Prior, device: &Device, before: impl FnOnce()) -> f64 {
    let mut cache = prior.new_cache(2);
    finish(prior.next_logits(&[0], &[[0; 3]], &mut cache, device));
    before();
    timed(|| finish(prior.next_logits(&[1], &[[1; 3]], &mut cache, device)))
}

/// Some id.
fn id(token: usize, vocabulary: usize) -> u32 {
    (token * 7919 % vocabulary) as u32
}

/// Waits for the device and reads the result back, as the sampler does.
fn finish<const D: usize>(tensor: Tensor<D>) {
    block_on(tensor.into_data_async()).expect("the device computes");
}

/// Milliseconds.
fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    1e3 * start.elapsed().as_secs_f64()
}
