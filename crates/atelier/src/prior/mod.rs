//! The architect: an AR model that writes the blueprint token by token (spec 4).

mod attention;
mod kv_cache;
mod mlp;
mod rope;
pub mod sampler;
mod weights;

pub use attention::Attention;
pub use kv_cache::{CachePrecision, KvCache};
pub use mlp::Mlp;
pub use rope::MultiAxisRope;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::nn::{Embedding, Linear, RmsNorm};
use crate::pace::{Pace, Unpaced, at_once};
use crate::prompt::Position;
use crate::rope::Rope;
use crate::trace;

/// The decoder with its embedding and its head over the visual ids.
#[derive(Module, Debug)]
pub struct Prior {
    pub(crate) embed_tokens: Embedding,
    pub(crate) layers: Vec<DecoderLayer>,
    pub(crate) norm: RmsNorm,
    pub(crate) lm_head: Linear,
    pub(crate) rope: MultiAxisRope,
}

/// One decoder layer with norms before and after both halves.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    pub(crate) input_layernorm: RmsNorm,
    pub(crate) self_attn: Attention,
    pub(crate) post_self_attn_layernorm: RmsNorm,
    pub(crate) post_attention_layernorm: RmsNorm,
    pub(crate) mlp: Mlp,
    pub(crate) post_mlp_layernorm: RmsNorm,
}

impl Prior {
    /// An empty cache for one sequence of at most `capacity` tokens.
    pub fn new_cache(&self, capacity: usize) -> KvCache {
        self.new_cache_of(capacity, CachePrecision::F32)
    }

    /// The same with numbers of a precision.
    pub fn new_cache_of(&self, capacity: usize, precision: CachePrecision) -> KvCache {
        KvCache::new(self.layers.len(), capacity, precision)
    }

    /// Feeds the next tokens of a sequence and returns the logits over the visual ids that follow each of them.
    ///
    /// The cache index of a token is its place in the sequence; its rotary position is independent of that.
    ///
    /// # Shapes
    /// - ids: `seq` ids below the vocabulary size; positions: `seq`
    /// - output: `[1, seq, vision_vocab]`
    pub fn forward(
        &self,
        ids: &[u32],
        positions: &[Position],
        cache: &mut KvCache,
        device: &Device,
    ) -> Tensor<3> {
        let ids = ids_tensor(ids, device);
        let hidden = at_once(self.hidden_states(ids, positions, cache, &mut Unpaced));
        self.lm_head.forward(hidden)
    }

    /// The logits that follow the last of the given tokens only.
    ///
    /// # Shapes
    /// - output: `[vision_vocab]`
    pub fn next_logits(
        &self,
        ids: &[u32],
        positions: &[Position],
        cache: &mut KvCache,
        device: &Device,
    ) -> Tensor<1> {
        at_once(self.next_logits_paced(ids, positions, cache, device, &mut Unpaced))
    }

    /// [`Prior::next_logits`] at a pace, for a whole prompt.
    pub(crate) async fn next_logits_paced<P: Pace>(
        &self,
        ids: &[u32],
        positions: &[Position],
        cache: &mut KvCache,
        device: &Device,
        pace: &mut P,
    ) -> Result<Tensor<1>, P::Stop> {
        self.last_logits(ids_tensor(ids, device), positions, cache, pace).await
    }

    /// [`Prior::next_logits`] of one token whose id the host need not know.
    ///
    /// # Shapes
    /// - id: `[1]`
    pub(crate) fn logits_after(
        &self,
        id: Tensor<1, Int>,
        position: Position,
        cache: &mut KvCache,
    ) -> Tensor<1> {
        at_once(self.last_logits(id.unsqueeze(), &[position], cache, &mut Unpaced))
    }

    async fn last_logits<P: Pace>(
        &self,
        ids: Tensor<2, Int>,
        positions: &[Position],
        cache: &mut KvCache,
        pace: &mut P,
    ) -> Result<Tensor<1>, P::Stop> {
        let hidden = self.hidden_states(ids, positions, cache, pace).await?;
        let [_, seq, _] = hidden.dims();
        let last = hidden.narrow(1, seq - 1, 1);
        Ok(self.lm_head.forward(last).reshape([-1]))
    }

    async fn hidden_states<P: Pace>(
        &self,
        ids: Tensor<2, Int>,
        positions: &[Position],
        cache: &mut KvCache,
        pace: &mut P,
    ) -> Result<Tensor<3>, P::Stop> {
        let rope = self.rope.at(positions, &ids.device());
        trace::record("rope_cos", || rope.cos.clone().squeeze_dim::<3>(1));
        trace::record("rope_sin", || rope.sin.clone().squeeze_dim::<3>(1));
        let x = self.embed_tokens.forward(ids);
        let x = self.through_layers(x, &rope, cache, pace).await?;
        cache.advance(positions.len());
        trace::record("final_norm_out", || x.clone());
        Ok(x)
    }

    /// Every layer and the last norm.
    async fn through_layers<P: Pace>(
        &self,
        mut x: Tensor<3>,
        rope: &Rope,
        cache: &mut KvCache,
        pace: &mut P,
    ) -> Result<Tensor<3>, P::Stop> {
        let norm_of =
            |index: usize| self.layers.get(index).map_or(&self.norm, |layer| &layer.input_layernorm);
        let mut normal = norm_of(0).forward(x.clone());
        for (index, layer) in self.layers.iter().enumerate() {
            let next = norm_of(index + 1);
            (x, normal) = layer.forward(x, normal, next, rope, cache.layer(index));
            trace::record(format_args!("layer{index}_out"), || x.clone());
            pace.pause().await?;
        }
        Ok(normal)
    }
}

impl DecoderLayer {
    /// The residual stream after this layer, and the same through the norm that follows.
    ///
    /// A norm is computed together with the sum before it, hence with the layer before.
    ///
    /// # Shapes
    /// - x, both outputs: `[batch, seq, hidden]`; normal: `x` through `input_layernorm`
    /// - next: of the layer that follows, or the last one
    /// - cache: of the tokens before
    pub fn forward(
        &self,
        x: Tensor<3>,
        normal: Tensor<3>,
        next: &RmsNorm,
        rope: &Rope,
        cache: &mut kv_cache::LayerCache,
    ) -> (Tensor<3>, Tensor<3>) {
        let attended = self.self_attn.forward(normal, rope, cache);
        let (h, normal) = self.post_self_attn_layernorm.add(x, attended, &self.post_attention_layernorm);
        self.post_mlp_layernorm.add(h, self.mlp.forward(normal), next)
    }
}

/// Ids as a `[1, seq]` tensor.
pub(crate) fn ids_tensor(ids: &[u32], device: &Device) -> Tensor<2, Int> {
    let ids: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
    let seq = ids.len();
    Tensor::from_data(TensorData::new(ids, [1, seq]), device)
}
