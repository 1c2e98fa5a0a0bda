//! The names of the painter's weights.

use atelier_weights::ComponentName;

use super::{JointAttention, TimeConditionEmbedding, Transformer, TransformerBlock, TwoLayer};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::progress::Stage;
use crate::weights::{FromWeights, Scope, WeightSource};

impl FromWeights for Transformer {
    const COMPONENT: ComponentName = ComponentName::Transformer;
    const STAGE: Stage = Stage::Painter;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.transformer;
        let (width, time) = (c.width(), c.time_embed_dim);
        let patch = c.patch_size * c.patch_size;
        let mut blocks = Vec::with_capacity(c.num_layers);
        let mut all = w.at("transformer_blocks");
        for i in 0..c.num_layers {
            let mut b = all.at(i);
            blocks.push(TransformerBlock {
                norm1: b.at("norm1.linear").linear(time, 12 * width, true).await?,
                attn1: JointAttention {
                    to_q: b.at("attn1.to_q").linear(width, width, true).await?,
                    to_k: b.at("attn1.to_k").linear(width, width, true).await?,
                    to_v: b.at("attn1.to_v").linear(width, width, true).await?,
                    to_out: b.at("attn1.to_out.0").linear(width, width, true).await?,
                    heads: c.num_attention_heads,
                },
                ff_in: b.at("ff.net.0.proj").linear(width, 4 * width, true).await?,
                ff_out: b.at("ff.net.2").linear(4 * width, width, true).await?,
            });
        }
        Ok(Transformer {
            image_projector: w.at("image_projector.proj").linear(c.in_channels * patch, width, true).await?,
            glyph_projector: TwoLayer {
                linear_1: w.at("glyph_projector.net.0.proj").linear(c.text_embed_dim, width, true).await?,
                linear_2: w.at("glyph_projector.net.2").linear(width, width, true).await?,
            },
            prior_token_embedding: w
                .at("prior_token_embedding")
                .embedding(c.prior_vq_quantizer_codebook_size, width)
                .await?,
            prior_projector: TwoLayer {
                linear_1: w.at("prior_projector.net.0.proj").linear(width, width, true).await?,
                linear_2: w.at("prior_projector.net.2").linear(width, width, true).await?,
            },
            time_condition_embed: TimeConditionEmbedding {
                timestep_embedder: TwoLayer {
                    linear_1: w
                        .at("time_condition_embed.timestep_embedder.linear_1")
                        .linear(time, time, true)
                        .await?,
                    linear_2: w
                        .at("time_condition_embed.timestep_embedder.linear_2")
                        .linear(time, time, true)
                        .await?,
                },
                condition_embedder: TwoLayer {
                    linear_1: w
                        .at("time_condition_embed.condition_embedder.linear_1")
                        .linear(4 * c.condition_dim, time, true)
                        .await?,
                    linear_2: w
                        .at("time_condition_embed.condition_embedder.linear_2")
                        .linear(time, time, true)
                        .await?,
                },
                time_dim: time,
                condition_dim: c.condition_dim,
            },
            blocks,
            norm_out: w.at("norm_out.linear").linear(time, 2 * width, true).await?,
            proj_out: w.at("proj_out").linear(width, c.out_channels * patch, true).await?,
            patch_size: c.patch_size,
            head_dim: c.attention_head_dim,
        })
    }
}
