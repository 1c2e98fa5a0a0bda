//! The only place that knows tensor names: how the checkpoint's tensors become modules.
//!
//! Each function builds one component from any [`WeightSource`]. Asking one that only takes notes gives the
//! component's inventory, which is what a checkpoint is checked against before a single weight is read.

mod inventory;
mod layers;

pub use inventory::{InventoryEntry, TensorRole, inventory, read_by};

use burn::module::Param;
use burn::tensor::Tensor;

use crate::calibration::Observer;
use crate::config::{GlyphEncoderConfig, PriorConfig, TransformerConfig, VaeConfig};
use crate::error::Result;
use crate::glyph_encoder::{GlyphAttention, GlyphBlock, GlyphEncoder, RelativeBias};
use crate::nn::{Linear, Matrix};
use crate::prior::{Attention, DecoderLayer, Mlp, MultiAxisRope, Prior};
use crate::transformer::{JointAttention, TimeConditionEmbedding, Transformer, TransformerBlock, TwoLayer};
use crate::vae::{Decoder, DownBlock, Encoder, UpBlock};
use crate::vision::{VectorQuantizer, VisionBlock, VisionTower};
use layers::Scope;

/// Where modules get their weights from.
#[allow(async_fn_in_trait)] // Only ever used as a type parameter inside this crate.
pub trait WeightSource {
    /// The tensor `name`, which must have exactly the shape `shape`.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or cannot be read.
    async fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Result<Param<Tensor<D>>> {
        self.reshaped(name, shape, shape).await
    }

    /// The tensor `name` of shape `stored`, read as `shape`: the same values in the same order.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`].
    async fn reshaped<const S: usize, const D: usize>(
        &mut self,
        name: &str,
        stored: [usize; S],
        shape: [usize; D],
    ) -> Result<Param<Tensor<D>>>;

    /// The weights `name` of a linear layer or an embedding, which may be packed.
    ///
    /// # Errors
    /// As [`WeightSource::tensor`].
    async fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix> {
        Ok(Matrix::dense(self.tensor(name, shape).await?))
    }

    /// Where the inputs of the linear layer with the weights `name` are measured, if they are.
    fn observer(&self, _name: &str) -> Option<Observer> {
        None
    }

    /// Notes a tensor that checkpoints carry and inference never uses.
    fn unused(&mut self, name: &str, shape: &[usize]);

    /// Notes a second name under which a checkpoint may carry the tensor `same_as`.
    fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]);
}

/// The decoder of `vision_language_encoder`: what text to image needs.
pub async fn prior<W: WeightSource>(w: &mut W, config: &PriorConfig) -> Result<Prior> {
    let c = &config.text_config;
    let (width, head_dim) = (c.hidden_size, c.head_dim());
    let (q_width, kv_width) = (c.num_attention_heads * head_dim, c.num_key_value_heads * head_dim);
    let mut w = Scope::new(w);
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
                down_proj: l.at("mlp.down_proj").linear(c.intermediate_size, width, false).await?.rounded(),
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

/// The vision tower and VQ module of `vision_language_encoder`: what source images need besides.
pub async fn vision<W: WeightSource>(
    w: &mut W,
    config: &PriorConfig,
) -> Result<(VisionTower, VectorQuantizer)> {
    let c = &config.vision_config;
    let vq = &config.vq_config;
    let width = c.hidden_size;
    let mut w = Scope::new(w);
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
        codebook: vqmodel.at("quantize.embedding.weight").tensor([vq.num_embeddings, vq.embed_dim]).await?,
    };
    vqmodel.at("post_quant_conv.weight").unused(&[width, vq.embed_dim, 1, 1]);
    vqmodel.at("post_quant_conv.bias").unused(&[width]);
    Ok((tower, quantizer))
}

/// `text_encoder`.
pub async fn glyph_encoder<W: WeightSource>(w: &mut W, c: &GlyphEncoderConfig) -> Result<GlyphEncoder> {
    let (width, inner, eps) = (c.d_model, c.num_heads * c.d_kv, c.layer_norm_epsilon);
    w.alias("encoder.embed_tokens.weight", "shared.weight", &[c.vocab_size, width]);
    let mut w = Scope::new(w);
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

/// `transformer`.
pub async fn transformer<W: WeightSource>(w: &mut W, c: &TransformerConfig) -> Result<Transformer> {
    let (width, time) = (c.width(), c.time_embed_dim);
    let patch = c.patch_size * c.patch_size;
    let mut w = Scope::new(w);
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

/// The encoder half of `vae`.
pub async fn vae_encoder<W: WeightSource>(w: &mut W, c: &VaeConfig) -> Result<Encoder> {
    let levels = &c.block_out_channels;
    let (first, last) = (levels[0], levels[levels.len() - 1]);
    let mut w = Scope::new(w);
    let mut w = w.at("encoder");
    let conv_in = w.at("conv_in").conv(c.in_channels, first, 3).await?;
    let mut down_blocks = Vec::with_capacity(levels.len());
    let mut all = w.at("down_blocks");
    let mut channels = first;
    for (i, &out) in levels.iter().enumerate() {
        let mut b = all.at(i);
        let resnets = b.at("resnets").resnets(c.layers_per_block, channels, out, c.norm_num_groups).await?;
        let downsampler = if i + 1 < levels.len() {
            Some(b.at("downsamplers.0.conv").conv(out, out, 3).await?)
        } else {
            None
        };
        down_blocks.push(DownBlock { resnets, downsampler });
        channels = out;
    }
    Ok(Encoder {
        conv_in,
        down_blocks,
        mid: w.at("mid_block.resnets").resnets(2, last, last, c.norm_num_groups).await?,
        conv_norm_out: w.at("conv_norm_out").group_norm(last, c.norm_num_groups).await?,
        conv_out: w.at("conv_out").conv(last, 2 * c.latent_channels, 3).await?,
    })
}

/// The decoder half of `vae`.
pub async fn vae_decoder<W: WeightSource>(w: &mut W, c: &VaeConfig) -> Result<Decoder> {
    let levels: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
    let (first, last) = (levels[0], levels[levels.len() - 1]);
    let mut w = Scope::new(w);
    let mut w = w.at("decoder");
    let conv_in = w.at("conv_in").conv(c.latent_channels, first, 3).await?;
    let mid = w.at("mid_block.resnets").resnets(2, first, first, c.norm_num_groups).await?;
    let mut up_blocks = Vec::with_capacity(levels.len());
    let mut all = w.at("up_blocks");
    let mut channels = first;
    for (i, &out) in levels.iter().enumerate() {
        let mut b = all.at(i);
        let resnets =
            b.at("resnets").resnets(c.layers_per_block + 1, channels, out, c.norm_num_groups).await?;
        let upsampler = if i + 1 < levels.len() {
            Some(b.at("upsamplers.0.conv").conv(out, out, 3).await?)
        } else {
            None
        };
        up_blocks.push(UpBlock { resnets, upsampler });
        channels = out;
    }
    Ok(Decoder {
        conv_in,
        mid,
        up_blocks,
        conv_norm_out: w.at("conv_norm_out").group_norm(last, c.norm_num_groups).await?,
        conv_out: w.at("conv_out").conv(last, c.out_channels, 3).await?,
    })
}
