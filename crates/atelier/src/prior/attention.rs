//! Causal attention with grouped queries.

use burn::module::Module;
use burn::tensor::Tensor;

use super::kv_cache::LayerCache;
use crate::nn::{Linear, merge_heads, split_heads};
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
    /// - x, output: `[batch, seq, hidden]`
    /// - cache: of the tokens before; none when `x` is whole sequences, as in training
    pub fn forward(&self, x: Tensor<3>, rope: &Rope, cache: Option<&mut LayerCache>) -> Tensor<3> {
        let qkv = self.qkv_proj.forward(x);
        let attended = match cache {
            Some(cache) => cache.attend(qkv, rope, [self.heads, self.key_value_heads]),
            None => {
                let (q, keys, values) = self.whole(qkv, rope);
                atelier_shaders::attention(q, keys, values, true)
            }
        };
        self.o_proj.forward(merge_heads(attended))
    }

    /// Queries, keys and values of whole sequences.
    fn whole(&self, qkv: Tensor<3>, rope: &Rope) -> (Tensor<4>, Tensor<4>, Tensor<4>) {
        let [_, _, width] = qkv.dims();
        let head_dim = width / (self.heads + 2 * self.key_value_heads);
        let heads = |first: usize, count: usize| {
            split_heads(qkv.clone().narrow(2, first * head_dim, count * head_dim), count)
        };
        let q = heads(0, self.heads);
        let k = heads(self.heads, self.key_value_heads);
        (rope.rotate(q), rope.rotate(k), heads(self.heads + self.key_value_heads, self.key_value_heads))
    }
}
