//! Causal attention with grouped queries.

use burn::module::Module;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor, module};

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
    /// - mask: `[seq, context]`, true where a query must not look; none when every query sees the whole context
    pub fn forward(
        &self,
        x: Tensor<3>,
        rope: &Rope,
        cache: Option<&mut LayerCache>,
        mask: Option<&Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let q = rope.rotate(split_heads(self.q_proj.forward(x.clone()), self.heads));
        let k = rope.rotate(split_heads(self.k_proj.forward(x.clone()), self.key_value_heads));
        let v = split_heads(self.v_proj.forward(x), self.key_value_heads);
        let (keys, values) = match cache {
            Some(cache) => cache.append(k, v),
            None => (k, v),
        };

        // The query heads of a group become further rows of their one key/value head, so keys and values
        // are never repeated in memory.
        let [batch, heads, seq, head_dim] = q.dims();
        let group = heads / self.key_value_heads;
        let q = q.reshape([batch, self.key_value_heads, group * seq, head_dim]);
        let mask = mask.map(|mask| {
            let [_, context] = mask.dims();
            mask.clone().repeat_dim(0, group).reshape([1, 1, group * seq, context]).expand([
                batch,
                self.key_value_heads,
                group * seq,
                context,
            ])
        });
        let options = AttentionModuleOptions::default();
        let o = module::attention(q, keys, values, mask, None, options);
        self.o_proj.forward(merge_heads(o.reshape([batch, heads, seq, head_dim])))
    }
}
