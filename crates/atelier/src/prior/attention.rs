//! Causal attention with grouped queries.

use burn::module::Module;
use burn::tensor::Tensor;

use super::kv_cache::LayerCache;
use crate::nn::{Linear, merge_heads, split_heads};
use crate::rope::Rope;

/// Self-attention of one decoder layer: query head `j` reads key/value head `j / group`.
#[derive(Module, Debug)]
pub struct Attention {
    pub(crate) q_proj: Linear,
    pub(crate) k_proj: Linear,
    pub(crate) v_proj: Linear,
    pub(crate) o_proj: Linear,
    pub(crate) heads: usize,
    pub(crate) key_value_heads: usize,
}

impl Attention {
    /// # Shapes
    /// - x, output: `[batch, seq, hidden]`
    /// - cache: of the tokens before; none when `x` is whole sequences, as in training
    pub fn forward(&self, x: Tensor<3>, rope: &Rope, cache: Option<&mut LayerCache>) -> Tensor<3> {
        let q = rope.rotate(split_heads(self.q_proj.forward(x.clone()), self.heads));
        let k = rope.rotate(split_heads(self.k_proj.forward(x.clone()), self.key_value_heads));
        let v = split_heads(self.v_proj.forward(x), self.key_value_heads);
        let (keys, values) = match cache {
            Some(cache) => cache.append(k, v),
            None => (k, v),
        };
        self.o_proj.forward(merge_heads(atelier_shaders::attention(q, keys, values, true)))
    }
}
