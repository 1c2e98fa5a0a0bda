//! The only place that knows tensor names: how the checkpoint's tensors become modules.
//!
//! Each function builds one component from any [`WeightSource`]. Asking one that only takes notes gives the
//! component's inventory, which is what a checkpoint is checked against before a single weight is read.

mod inventory;
mod layers;

pub use inventory::{ComponentName, InventoryEntry, TensorRole, inventory};

use burn::module::Param;
use burn::tensor::Tensor;

use crate::calibration::Observer;
use crate::config::{GlyphEncoderConfig, PriorConfig, TransformerConfig, VaeConfig};
use crate::error::Result;
use crate::glyph_encoder::{GlyphAttention, GlyphBlock, GlyphEncoder, RelativeBias};
use crate::nn::{Linear, Matrix};
use crate::prior::{Attention, DecoderLayer, Mlp, MultiAxisRope, Prior};
use crate::progress::Stage;
use crate::transformer::{JointAttention, TimeConditionEmbedding, Transformer, TransformerBlock, TwoLayer};
use crate::vae::{Decoder, DownBlock, Encoder, UpBlock};
use crate::vision::{VectorQuantizer, VisionBlock, VisionTower};
use layers::{conv, embedding, group_norm, layer_norm, linear, pixels_linear, resnets, rms_norm};

/// The tensors of one component that a stage reads.
pub(crate) struct StagePart {
    pub component: ComponentName,
    prefixes: &'static [&'static str],
}

impl StagePart {
    const fn new(component: ComponentName, prefixes: &'static [&'static str]) -> Self {
        Self { component, prefixes }
    }

    /// Whether the stage reads this tensor of the component.
    pub fn reads(&self, tensor: &str) -> bool {
        self.prefixes.iter().any(|prefix| tensor.starts_with(prefix))
    }
}

/// Which tensors a stage reads.
pub(crate) fn stage_parts(stage: Stage) -> &'static [StagePart] {
    const SOURCES: [StagePart; 2] = [
        StagePart::new(ComponentName::VisionLanguageEncoder, &["model.visual.", "model.vqmodel.quant"]),
        StagePart::new(ComponentName::Vae, &["encoder."]),
    ];
    const ARCHITECT: [StagePart; 1] =
        [StagePart::new(ComponentName::VisionLanguageEncoder, &["model.language_model.", "lm_head."])];
    const PAINTER: [StagePart; 2] = [
        StagePart::new(ComponentName::TextEncoder, &[""]),
        StagePart::new(ComponentName::Transformer, &[""]),
    ];
    const DECODER: [StagePart; 1] = [StagePart::new(ComponentName::Vae, &["decoder."])];
    match stage {
        Stage::Sources => &SOURCES,
        Stage::Architect => &ARCHITECT,
        Stage::Painter => &PAINTER,
        Stage::Decoder => &DECODER,
    }
}

/// Where modules get their weights from.
#[allow(async_fn_in_trait)] // Only ever used as a type parameter inside this crate and its trainer.
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

    /// Notes a second name under which a checkpoint may carry the tensor `same_as`, which is asked for next.
    fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]);
}

/// The decoder of `vision_language_encoder`: what text to image needs.
pub async fn prior<W: WeightSource>(w: &mut W, config: &PriorConfig) -> Result<Prior> {
    let c = &config.text_config;
    let (width, head_dim) = (c.hidden_size, c.head_dim());
    let (q_width, kv_width) = (c.num_attention_heads * head_dim, c.num_key_value_heads * head_dim);
    let root = "model.language_model";
    let embed_tokens = embedding(w, &format!("{root}.embed_tokens"), c.vocab_size, width).await?;
    let mut layers = Vec::with_capacity(c.num_hidden_layers);
    for i in 0..c.num_hidden_layers {
        let l = format!("{root}.layers.{i}");
        let eps = c.rms_norm_eps;
        layers.push(DecoderLayer {
            input_layernorm: rms_norm(w, &format!("{l}.input_layernorm"), width, eps).await?,
            self_attn: Attention {
                qkv_proj: Linear::join(vec![
                    linear(w, &format!("{l}.self_attn.q_proj"), width, q_width, c.attention_bias).await?,
                    linear(w, &format!("{l}.self_attn.k_proj"), width, kv_width, c.attention_bias).await?,
                    linear(w, &format!("{l}.self_attn.v_proj"), width, kv_width, c.attention_bias).await?,
                ]),
                o_proj: linear(w, &format!("{l}.self_attn.o_proj"), q_width, width, false).await?,
                heads: c.num_attention_heads,
                key_value_heads: c.num_key_value_heads,
            },
            post_self_attn_layernorm: rms_norm(w, &format!("{l}.post_self_attn_layernorm"), width, eps)
                .await?,
            post_attention_layernorm: rms_norm(w, &format!("{l}.post_attention_layernorm"), width, eps)
                .await?,
            mlp: Mlp {
                gate_up_proj: linear(
                    w,
                    &format!("{l}.mlp.gate_up_proj"),
                    width,
                    2 * c.intermediate_size,
                    false,
                )
                .await?,
                down_proj: linear(w, &format!("{l}.mlp.down_proj"), c.intermediate_size, width, false)
                    .await?,
            },
            post_mlp_layernorm: rms_norm(w, &format!("{l}.post_mlp_layernorm"), width, eps).await?,
        });
    }
    Ok(Prior {
        embed_tokens,
        layers,
        norm: rms_norm(w, &format!("{root}.norm"), width, c.rms_norm_eps).await?,
        lm_head: linear(w, "lm_head", width, c.vision_vocab_size, false).await?,
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
    let root = "model.visual";
    let patch = [c.in_channels, c.patch_size, c.patch_size];
    let patch_embed = pixels_linear(w, &format!("{root}.patch_embed.proj"), patch, c.hidden_size).await?;
    let side = c.table_side();
    let position_embedding =
        w.tensor(&format!("{root}.embeddings.position_embedding.weight"), [side * side, width]).await?;
    let mut blocks = Vec::with_capacity(c.depth);
    for i in 0..c.depth {
        let b = format!("{root}.blocks.{i}");
        blocks.push(VisionBlock {
            norm1: layer_norm(w, &format!("{b}.norm1"), width, c.layer_norm_eps).await?,
            qkv: linear(w, &format!("{b}.attn.qkv"), width, 3 * width, c.attention_bias).await?,
            proj: linear(w, &format!("{b}.attn.proj"), width, width, c.attention_bias).await?,
            norm2: layer_norm(w, &format!("{b}.norm2"), width, c.layer_norm_eps).await?,
            fc1: linear(w, &format!("{b}.mlp.fc1"), width, c.intermediate_size, true).await?,
            fc2: linear(w, &format!("{b}.mlp.fc2"), c.intermediate_size, width, true).await?,
            heads: c.num_heads,
        });
    }
    let tower = VisionTower { patch_embed, position_embedding, blocks, table_side: side };
    let quantizer = VectorQuantizer {
        quant_conv: pixels_linear(w, "model.vqmodel.quant_conv", [width, 1, 1], vq.embed_dim).await?,
        codebook: w
            .tensor("model.vqmodel.quantize.embedding.weight", [vq.num_embeddings, vq.embed_dim])
            .await?,
    };
    w.unused("model.vqmodel.post_quant_conv.weight", &[width, vq.embed_dim, 1, 1]);
    w.unused("model.vqmodel.post_quant_conv.bias", &[width]);
    Ok((tower, quantizer))
}

/// `text_encoder`.
pub async fn glyph_encoder<W: WeightSource>(w: &mut W, c: &GlyphEncoderConfig) -> Result<GlyphEncoder> {
    let (width, inner, eps) = (c.d_model, c.num_heads * c.d_kv, c.layer_norm_epsilon);
    w.alias("encoder.embed_tokens.weight", "shared.weight", &[c.vocab_size, width]);
    let shared = embedding(w, "shared", c.vocab_size, width).await?;
    let mut blocks = Vec::with_capacity(c.num_layers);
    for i in 0..c.num_layers {
        let a = format!("encoder.block.{i}.layer.0");
        let m = format!("encoder.block.{i}.layer.1");
        blocks.push(GlyphBlock {
            attention_norm: rms_norm(w, &format!("{a}.layer_norm"), width, eps).await?,
            attention: GlyphAttention {
                q: linear(w, &format!("{a}.SelfAttention.q"), width, inner, false).await?,
                k: linear(w, &format!("{a}.SelfAttention.k"), width, inner, false).await?,
                v: linear(w, &format!("{a}.SelfAttention.v"), width, inner, false).await?,
                o: linear(w, &format!("{a}.SelfAttention.o"), inner, width, false).await?,
                heads: c.num_heads,
            },
            mlp_norm: rms_norm(w, &format!("{m}.layer_norm"), width, eps).await?,
            wi_0: linear(w, &format!("{m}.DenseReluDense.wi_0"), width, c.d_ff, false).await?,
            wi_1: linear(w, &format!("{m}.DenseReluDense.wi_1"), width, c.d_ff, false).await?,
            wo: linear(w, &format!("{m}.DenseReluDense.wo"), c.d_ff, width, false).await?,
        });
    }
    let bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
    Ok(GlyphEncoder {
        shared,
        blocks,
        relative_bias: RelativeBias {
            weight: w.tensor(bias, [c.relative_attention_num_buckets, c.num_heads]).await?,
            max_distance: c.relative_attention_max_distance,
        },
        final_layer_norm: rms_norm(w, "encoder.final_layer_norm", width, eps).await?,
    })
}

/// `transformer`.
pub async fn transformer<W: WeightSource>(w: &mut W, c: &TransformerConfig) -> Result<Transformer> {
    let (width, time) = (c.width(), c.time_embed_dim);
    let patch = c.patch_size * c.patch_size;
    let mut blocks = Vec::with_capacity(c.num_layers);
    for i in 0..c.num_layers {
        let b = format!("transformer_blocks.{i}");
        blocks.push(TransformerBlock {
            norm1: linear(w, &format!("{b}.norm1.linear"), time, 12 * width, true).await?,
            attn1: JointAttention {
                to_q: linear(w, &format!("{b}.attn1.to_q"), width, width, true).await?,
                to_k: linear(w, &format!("{b}.attn1.to_k"), width, width, true).await?,
                to_v: linear(w, &format!("{b}.attn1.to_v"), width, width, true).await?,
                to_out: linear(w, &format!("{b}.attn1.to_out.0"), width, width, true).await?,
                heads: c.num_attention_heads,
            },
            ff_in: linear(w, &format!("{b}.ff.net.0.proj"), width, 4 * width, true).await?,
            ff_out: linear(w, &format!("{b}.ff.net.2"), 4 * width, width, true).await?,
        });
    }
    let t = "time_condition_embed";
    Ok(Transformer {
        image_projector: linear(w, "image_projector.proj", c.in_channels * patch, width, true).await?,
        glyph_projector: TwoLayer {
            linear_1: linear(w, "glyph_projector.net.0.proj", c.text_embed_dim, width, true).await?,
            linear_2: linear(w, "glyph_projector.net.2", width, width, true).await?,
        },
        prior_token_embedding: embedding(
            w,
            "prior_token_embedding",
            c.prior_vq_quantizer_codebook_size,
            width,
        )
        .await?,
        prior_projector: TwoLayer {
            linear_1: linear(w, "prior_projector.net.0.proj", width, width, true).await?,
            linear_2: linear(w, "prior_projector.net.2", width, width, true).await?,
        },
        time_condition_embed: TimeConditionEmbedding {
            timestep_embedder: TwoLayer {
                linear_1: linear(w, &format!("{t}.timestep_embedder.linear_1"), time, time, true).await?,
                linear_2: linear(w, &format!("{t}.timestep_embedder.linear_2"), time, time, true).await?,
            },
            condition_embedder: TwoLayer {
                linear_1: linear(
                    w,
                    &format!("{t}.condition_embedder.linear_1"),
                    4 * c.condition_dim,
                    time,
                    true,
                )
                .await?,
                linear_2: linear(w, &format!("{t}.condition_embedder.linear_2"), time, time, true).await?,
            },
            time_dim: time,
            condition_dim: c.condition_dim,
        },
        blocks,
        norm_out: linear(w, "norm_out.linear", time, 2 * width, true).await?,
        proj_out: linear(w, "proj_out", width, c.out_channels * patch, true).await?,
        patch_size: c.patch_size,
        head_dim: c.attention_head_dim,
    })
}

/// The encoder half of `vae`.
pub async fn vae_encoder<W: WeightSource>(w: &mut W, c: &VaeConfig) -> Result<Encoder> {
    let levels = &c.block_out_channels;
    let (first, last) = (levels[0], levels[levels.len() - 1]);
    let conv_in = conv(w, "encoder.conv_in", c.in_channels, first, 3).await?;
    let mut down_blocks = Vec::with_capacity(levels.len());
    let mut channels = first;
    for (i, &out) in levels.iter().enumerate() {
        let b = format!("encoder.down_blocks.{i}");
        let resnets = resnets(w, &b, c.layers_per_block, channels, out, c.norm_num_groups).await?;
        let downsampler = if i + 1 < levels.len() {
            Some(conv(w, &format!("{b}.downsamplers.0.conv"), out, out, 3).await?)
        } else {
            None
        };
        down_blocks.push(DownBlock { resnets, downsampler });
        channels = out;
    }
    Ok(Encoder {
        conv_in,
        down_blocks,
        mid: resnets(w, "encoder.mid_block", 2, last, last, c.norm_num_groups).await?,
        conv_norm_out: group_norm(w, "encoder.conv_norm_out", last, c.norm_num_groups).await?,
        conv_out: conv(w, "encoder.conv_out", last, 2 * c.latent_channels, 3).await?,
    })
}

/// The decoder half of `vae`.
pub async fn vae_decoder<W: WeightSource>(w: &mut W, c: &VaeConfig) -> Result<Decoder> {
    let levels: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
    let (first, last) = (levels[0], levels[levels.len() - 1]);
    let conv_in = conv(w, "decoder.conv_in", c.latent_channels, first, 3).await?;
    let mid = resnets(w, "decoder.mid_block", 2, first, first, c.norm_num_groups).await?;
    let mut up_blocks = Vec::with_capacity(levels.len());
    let mut channels = first;
    for (i, &out) in levels.iter().enumerate() {
        let b = format!("decoder.up_blocks.{i}");
        let resnets = resnets(w, &b, c.layers_per_block + 1, channels, out, c.norm_num_groups).await?;
        let upsampler = if i + 1 < levels.len() {
            Some(conv(w, &format!("{b}.upsamplers.0.conv"), out, out, 3).await?)
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
        conv_norm_out: group_norm(w, "decoder.conv_norm_out", last, c.norm_num_groups).await?,
        conv_out: conv(w, "decoder.conv_out", last, c.out_channels, 3).await?,
    })
}
