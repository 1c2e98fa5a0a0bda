//! The names of the weights that read source images for the architect.

use atelier_weights::ComponentName;

use super::{VectorQuantizer, Vision, VisionBlock, VisionTower};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::progress::Stage;
use crate::weights::{FromWeights, Scope, WeightSource};

impl FromWeights for Vision {
    const COMPONENT: ComponentName = ComponentName::VisionLanguageEncoder;
    const STAGE: Stage = Stage::Sources;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.prior.vision_config;
        let vq = &config.prior.vq_config;
        let width = c.hidden_size;
        let mut root = w.at("model.visual");
        let patch = [c.in_channels, c.patch_size, c.patch_size];
        let patch_embed = root.at("patch_embed.proj").pixels_linear(patch, c.hidden_size).await?;
        let side = c.table_side();
        let position_embedding =
            root.at("embeddings.position_embedding.weight").tensor([side * side, width]).await?;
        let mut blocks = Vec::with_capacity(c.depth);
        let mut all = root.at("blocks");
        for i in 0..c.depth {
            let mut b = all.at(i);
            blocks.push(VisionBlock {
                norm1: b.at("norm1").layer_norm(width, c.layer_norm_eps).await?,
                qkv: b.at("attn.qkv").linear(width, 3 * width, c.attention_bias).await?,
                proj: b.at("attn.proj").linear(width, width, c.attention_bias).await?,
                norm2: b.at("norm2").layer_norm(width, c.layer_norm_eps).await?,
                fc1: b.at("mlp.fc1").linear(width, c.intermediate_size, true).await?,
                fc2: b.at("mlp.fc2").linear(c.intermediate_size, width, true).await?,
                heads: c.num_heads,
            });
        }
        let tower = VisionTower { patch_embed, position_embedding, blocks, table_side: side };
        let mut vqmodel = w.at("model.vqmodel");
        let quantizer = VectorQuantizer {
            quant_conv: vqmodel.at("quant_conv").pixels_linear([width, 1, 1], vq.embed_dim).await?,
            codebook: vqmodel
                .at("quantize.embedding.weight")
                .tensor([vq.num_embeddings, vq.embed_dim])
                .await?,
        };
        vqmodel.at("post_quant_conv.weight").unused(&[width, vq.embed_dim, 1, 1]);
        vqmodel.at("post_quant_conv.bias").unused(&[width]);
        Ok(Self { tower, quantizer })
    }
}
