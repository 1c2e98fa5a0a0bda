//! The names of the architect's weights.

use atelier_weights::ComponentName;

use super::{Attention, DecoderLayer, Mlp, MultiAxisRope, Prior};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::nn::Linear;
use crate::progress::Stage;
use crate::weights::{FromWeights, Scope, WeightSource};

impl FromWeights for Prior {
    const COMPONENT: ComponentName = ComponentName::VisionLanguageEncoder;
    const STAGE: Stage = Stage::Architect;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.prior.text_config;
        let (width, head_dim) = (c.hidden_size, c.head_dim());
        let (q_width, kv_width) = (c.num_attention_heads * head_dim, c.num_key_value_heads * head_dim);
        let mut root = w.at("model.language_model");
        let embed_tokens = root.at("embed_tokens").embedding(c.vocab_size, width).await?;
        let mut layers = Vec::with_capacity(c.num_hidden_layers);
        let mut all = root.at("layers");
        for i in 0..c.num_hidden_layers {
            let mut l = all.at(i);
            let eps = c.rms_norm_eps;
            layers.push(DecoderLayer {
                input_layernorm: l.at("input_layernorm").rms_norm(width, eps).await?,
                self_attn: Attention {
                    qkv_proj: Linear::join(vec![
                        l.at("self_attn.q_proj").linear(width, q_width, c.attention_bias).await?,
                        l.at("self_attn.k_proj").linear(width, kv_width, c.attention_bias).await?,
                        l.at("self_attn.v_proj").linear(width, kv_width, c.attention_bias).await?,
                    ])
                    .rounded(),
                    o_proj: l.at("self_attn.o_proj").linear(q_width, width, false).await?.rounded(),
                    heads: c.num_attention_heads,
                    key_value_heads: c.num_key_value_heads,
                },
                post_self_attn_layernorm: l.at("post_self_attn_layernorm").rms_norm(width, eps).await?,
                post_attention_layernorm: l.at("post_attention_layernorm").rms_norm(width, eps).await?,
                mlp: Mlp {
                    gate_up_proj: l
                        .at("mlp.gate_up_proj")
                        .linear(width, 2 * c.intermediate_size, false)
                        .await?
                        .rounded(),
                    down_proj: l
                        .at("mlp.down_proj")
                        .linear(c.intermediate_size, width, false)
                        .await?
                        .rounded(),
                },
                post_mlp_layernorm: l.at("post_mlp_layernorm").rms_norm(width, eps).await?,
            });
        }
        Ok(Prior {
            embed_tokens,
            layers,
            norm: root.at("norm").rms_norm(width, c.rms_norm_eps).await?,
            lm_head: w.at("lm_head").linear(width, c.vision_vocab_size, false).await?.rounded(),
            rope: MultiAxisRope::new(c),
        })
    }
}
