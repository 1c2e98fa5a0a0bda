//! The names of the glyph encoder's weights.

use atelier_weights::ComponentName;

use super::{GlyphAttention, GlyphBlock, GlyphEncoder, RelativeBias};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::progress::Stage;
use crate::weights::{FromWeights, Scope, WeightSource};

impl FromWeights for GlyphEncoder {
    const COMPONENT: ComponentName = ComponentName::TextEncoder;
    const STAGE: Stage = Stage::Painter;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.glyph_encoder;
        let (width, inner, eps) = (c.d_model, c.num_heads * c.d_kv, c.layer_norm_epsilon);
        w.alias("encoder.embed_tokens.weight", "shared.weight", &[c.vocab_size, width]);
        let shared = w.at("shared").embedding(c.vocab_size, width).await?;
        let mut blocks = Vec::with_capacity(c.num_layers);
        let mut all = w.at("encoder.block");
        for i in 0..c.num_layers {
            let mut b = all.at(i);
            blocks.push(GlyphBlock {
                attention_norm: b.at("layer.0.layer_norm").rms_norm(width, eps).await?,
                attention: GlyphAttention {
                    q: b.at("layer.0.SelfAttention.q").linear(width, inner, false).await?,
                    k: b.at("layer.0.SelfAttention.k").linear(width, inner, false).await?,
                    v: b.at("layer.0.SelfAttention.v").linear(width, inner, false).await?,
                    o: b.at("layer.0.SelfAttention.o").linear(inner, width, false).await?,
                    heads: c.num_heads,
                },
                mlp_norm: b.at("layer.1.layer_norm").rms_norm(width, eps).await?,
                wi_0: b.at("layer.1.DenseReluDense.wi_0").linear(width, c.d_ff, false).await?,
                wi_1: b.at("layer.1.DenseReluDense.wi_1").linear(width, c.d_ff, false).await?,
                wo: b.at("layer.1.DenseReluDense.wo").linear(c.d_ff, width, false).await?,
            });
        }
        let mut bias = w.at("encoder.block.0.layer.0.SelfAttention.relative_attention_bias");
        Ok(GlyphEncoder {
            shared,
            blocks,
            relative_bias: RelativeBias {
                weight: bias.at("weight").tensor([c.relative_attention_num_buckets, c.num_heads]).await?,
                max_distance: c.relative_attention_max_distance,
            },
            final_layer_norm: w.at("encoder.final_layer_norm").rms_norm(width, eps).await?,
        })
    }
}
