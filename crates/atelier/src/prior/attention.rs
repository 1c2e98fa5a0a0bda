//! Causal attention with grouped queries.

use burn::module::Module;
use burn::tensor::Tensor;

use super::kv_cache::LayerCache;
use crate::nn::{Linear, merge_heads};
use crate::rope::Rope;

/// Self-attention of one decoder layer: query head `j` reads key/value head `j / group`.
#[derive(Module, Debug)]
pub struct Attention {
    /// Queries, keys and values after each other.
    pub(crate) qkv_proj: Linear,
    pub(crate) o_proj: Linear,
    pub(crate) heads: usize,
    pub(crate) key_value_heads: usize,
}

impl Attention {
    /// # Shapes
    /// - x, output: `[1, seq, hidden]`
    /// - cache: of the tokens before
    pub fn forward(&self, x: Tensor<3>, rope: &Rope, cache: &mut LayerCache) -> Tensor<3> {
        let qkv = self.qkv_proj.forward(x);
        let attended = cache.attend(qkv, rope, [self.heads, self.key_value_heads]);
        self.o_proj.forward(merge_heads(attended))
    }
}
