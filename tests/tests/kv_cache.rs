//! The architect's KV cache: it changes nothing but the cost, and it is written in place.

use std::sync::{Mutex, MutexGuard, PoisonError};

use atelier::prior::{CachePrecision, KvCache, Prior};
use atelier::{Checkpoint, Device};
use atelier_tests::{assert_close, block_on, cpu, load, software_gpu, tiny_checkpoint};
use burn::tensor::Tensor;
use testkit::allocator::{self, Counting, in_use};

/// Room for small vectors and a thread's own things; a cache for 4096 tokens has 6 MB.
const SLACK: usize = 64 << 10;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: the allocator counts for all of them.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tiny architect on a device.
struct Architect {
    checkpoint: Checkpoint,
    prior: Prior,
    device: Device,
}

impl Architect {
    fn load(device: Device) -> Self {
        let checkpoint = tiny_checkpoint();
        let prior = load(&checkpoint, &device);
        Self { checkpoint, prior, device }
    }

    /// The logits after each token of `tokens`, which follow those in the cache.
    fn logits(&self, tokens: std::ops::Range<usize>, cache: &mut KvCache) -> Vec<f32> {
        let (ids, positions) = self.tokens(tokens);
        read(self.prior.forward(&ids, &positions, cache, &self.device))
    }

    /// Some ids; positions that, as in a picture, are not the places in the sequence.
    fn tokens(&self, tokens: std::ops::Range<usize>) -> (Vec<u32>, Vec<[u32; 3]>) {
        let vocabulary = self.checkpoint.config().prior.text_config.vocab_size;
        let ids = tokens.clone().map(|i| (i * 7919 % vocabulary) as u32).collect();
        (ids, tokens.map(|i| i as u32).map(|i| [i / 16, i / 16 + i % 16 / 4, i / 16 + i % 4]).collect())
    }

    /// A sequence fed in the given chunks gives the logits of the sequence fed whole.
    fn check_chunks(&self, chunks: &[usize]) {
        let seq = chunks.iter().sum();
        let whole = self.logits(0..seq, &mut self.prior.new_cache(seq));
        let mut cache = self.prior.new_cache(seq);
        let mut logits = Vec::new();
        for chunk in chunks {
            let start = cache.len();
            logits.extend(self.logits(start..start + chunk, &mut cache));
            assert_eq!(cache.len(), start + chunk);
        }
        assert_close(&format!("chunks {chunks:?}"), &logits, &whole, testkit::entry("ar_t2i_a").tolerance());
    }

    /// Feeds tokens until there are `context` of them.
    fn fill(&self, cache: &mut KvCache, context: usize) {
        while cache.len() < context {
            self.logits(cache.len()..context.min(cache.len() + 500), cache);
        }
    }

    /// Bytes that one token allocates after `context` tokens, in a cache for `capacity`.
    fn allocated_for_a_token(&self, context: usize, capacity: usize) -> usize {
        let mut cache = self.prior.new_cache(capacity);
        self.fill(&mut cache, context);
        // The least of several: a thread's first work also sets up the thread.
        let rounds =
            (context..context + 8).map(|token| allocated(|| drop(self.logits(token..token + 1, &mut cache))));
        rounds.min().unwrap_or(0)
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().try_to_vec().unwrap()
}

/// Bytes that `work` asks the allocator for, on any thread.
fn allocated(work: impl FnOnce()) -> usize {
    let before = allocator::allocated();
    work();
    allocator::allocated() - before
}

/// A prompt, then token by token.
const DECODING: [usize; 25] = {
    let mut chunks = [1; 25];
    chunks[0] = 20;
    chunks
};

#[test]
fn cached_tokens_equal_a_whole_prefill_on_the_cpu() {
    let _turn = alone();
    Architect::load(cpu()).check_chunks(&DECODING);
}

#[test]
fn cached_tokens_equal_a_whole_prefill_on_the_gpu() {
    let _turn = alone();
    Architect::load(software_gpu()).check_chunks(&DECODING);
}

/// Half the bytes, and logits that differ by what rounding keys and values to 11 bits does.
#[test]
fn a_cache_of_16_bits_changes_little() {
    let _turn = alone();
    for device in [cpu(), software_gpu()] {
        let architect = Architect::load(device);
        let mut exact = architect.prior.new_cache(45);
        let mut cache = architect.prior.new_cache_of(45, CachePrecision::F16);
        for token in 0..45 {
            let expected = architect.logits(token..token + 1, &mut exact);
            let found = architect.logits(token..token + 1, &mut cache);
            let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let size = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
            assert!(off <= 1e-2 * size, "token {token}: off by {off} of {size}");
            // The first token attends to itself alone, so its own values are rounded, too.
            assert!(off > 0.0, "token {token}: nothing was rounded");
        }
    }
}

#[test]
fn a_chunked_prefill_equals_a_whole_one_on_the_cpu() {
    let _turn = alone();
    let architect = Architect::load(cpu());
    architect.check_chunks(&[64, 32, 4]);
    architect.check_chunks(&[1, 99]);
}

#[test]
fn a_chunked_prefill_equals_a_whole_one_on_the_gpu() {
    let _turn = alone();
    Architect::load(software_gpu()).check_chunks(&[33, 14, 3]);
}

/// A cache that is copied for every token shows here, and so does an attention with a buffer as long as the context.
#[test]
fn a_token_allocates_the_same_whatever_the_context_and_the_capacity() {
    let _turn = alone();
    let architect = Architect::load(cpu());
    let small = architect.allocated_for_a_token(200, 256);
    for (context, capacity) in [(200, 4096), (4000, 4096)] {
        let bytes = architect.allocated_for_a_token(context, capacity);
        assert!(
            bytes.abs_diff(small) <= SLACK,
            "after {context} tokens in a cache for {capacity}, a token allocates {bytes} bytes; after 200 in a cache for 256, {small}"
        );
    }
}

/// A cache that is concatenated token by token shows here.
#[test]
fn the_cache_has_its_full_size_from_the_first_token_on() {
    let _turn = alone();
    let architect = Architect::load(cpu());
    // The first time also warms up whatever the threads keep.
    let grown = [(); 2].map(|()| {
        let mut cache = architect.prior.new_cache(4096);
        architect.fill(&mut cache, 500);
        let before = in_use();
        architect.fill(&mut cache, 4000);
        in_use().saturating_sub(before)
    });
    assert!(grown[1] <= SLACK, "3500 further tokens leave {} bytes more in use", grown[1]);
}
