use crate::rope_append::cache;
use crate::witnesses::{RandomData, compare, on};

#[test]
fn attention() {
    compare(
        2e-5,
        |random| {
            let (batch, key_value_heads, head_dim) = (random.size(2), random.size(2), random.size(128));
            let heads = key_value_heads * random.size(3);
            let (seq, causal) = (random.size(100), random.flag());
            let context = if causal { seq + random.size(60) - 1 } else { random.size(80) };
            // The heads lie behind the sequence in memory, as they come out of a projection.
            let q = random.data([batch, seq, heads, head_dim]);
            let k = random.data([batch, context, key_value_heads, head_dim]);
            let v = random.data([batch, context, key_value_heads, head_dim]);
            (q, k, v, causal)
        },
        |(q, k, v, causal), device| {
            let heads = |x| on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::attention(heads(q), heads(k), heads(v), *causal)
        },
    );
}

#[test]
fn attention_on_a_cache_that_is_longer_than_what_it_holds() {
    compare(
        2e-5,
        |random| {
            let (heads, head_dim, context) = (random.size(3), random.size(64), random.size(200));
            let capacity = context + random.size(20);
            let caches = [(); 2].map(|()| random.data([1, heads, capacity, head_dim]));
            (random.data([1, 2 * heads, 1, head_dim]), caches, context)
        },
        |(q, caches, context), device| {
            atelier_shaders::attention_over_cache(on(q, device), &cache(caches, device), *context)
        },
    );
}

/// Few queries and a context that is shared out: around the borders of its splits, and of the rows of a block.
#[test]
fn attention_of_few_queries_over_a_long_context() {
    compare(
        2e-5,
        |random| {
            let (batch, key_value_heads) = (random.size(2), random.size(2));
            // Workgroups are of the size that rows and channels ask for.
            let (group, seq) = if random.flag() {
                (random.size(4), random.size(2))
            } else {
                (random.size(20), random.size(8))
            };
            let widest = 32 << random.size(3);
            let (head_dim, causal) = (random.size(widest), random.flag());
            // More than 256 / 2 splits of one tile each, sometimes.
            let tiles = if random.size(4) == 1 { 128 + random.size(9) } else { random.size(5) };
            let context = (64 * tiles + random.size(3) - 2).max(seq);
            let q = random.data([batch, seq, key_value_heads * group, head_dim]);
            let k = random.data([batch, context, key_value_heads, head_dim]);
            let v = random.data([batch, context, key_value_heads, head_dim]);
            (q, k, v, causal)
        },
        |(q, k, v, causal), device| {
            let heads = |x| on::<4>(x, device).swap_dims(1, 2);
            atelier_shaders::attention(heads(q), heads(k), heads(v), *causal)
        },
    );
}
