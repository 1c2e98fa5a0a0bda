//! The architect's attention by itself, to be set against the cost of a whole token.

use atelier::Device;
use atelier::config::TextConfig;
use atelier_shaders::KeyValueCache;
use burn::tensor::{Distribution, Tensor};

/// One query token, and keys and values in full-length buffers as the cache holds them: one of each for every layer.
pub(crate) struct AttentionAlone {
    /// `[1, heads, 1, head_dim]`.
    query: Tensor<4>,
    layers: Vec<KeyValueCache>,
}

impl AttentionAlone {
    pub(crate) fn new(config: &TextConfig, capacity: usize, device: &Device) -> Self {
        let random =
            |heads, seq| Tensor::random([1, heads, seq, config.head_dim()], Distribution::Default, device);
        let cache = |_| {
            let [keys, values] = [(); 2].map(|()| random(config.num_key_value_heads, capacity));
            KeyValueCache { keys, values, scales: Tensor::ones([1; 4], device) }
        };
        let layers = (0..config.num_hidden_layers).map(cache).collect();
        Self { query: random(config.num_attention_heads, 1), layers }
    }

    /// The attention of every layer over the first `context` tokens; the last layer's result.
    ///
    /// # Shapes
    /// - output: `[1, heads, 1, head_dim]`
    pub(crate) fn run(&self, context: usize) -> Tensor<4> {
        let attend = |query, cache| atelier_shaders::attention_over_cache(query, cache, context);
        self.layers.iter().fold(self.query.clone(), attend)
    }
}
