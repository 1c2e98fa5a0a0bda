//! The T5 encoder that reads the quoted texts byte by byte (spec 6).

mod attention;
mod weights;

pub use attention::{GlyphAttention, RelativeBias};

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData};

use crate::nn::{Embedding, Linear, RmsNorm};
use crate::prior::ids_tensor;
use crate::prompt::GlyphTokens;
use crate::trace::{self, TraceTensor};

/// Encodes each glyph text on its own and concatenates the results.
#[derive(Module, Debug)]
pub struct GlyphEncoder {
    pub(crate) shared: Embedding,
    pub(crate) blocks: Vec<GlyphBlock>,
    pub(crate) relative_bias: RelativeBias,
    pub(crate) final_layer_norm: RmsNorm,
}

/// One pre-norm block.
#[derive(Module, Debug)]
pub struct GlyphBlock {
    pub(crate) attention_norm: RmsNorm,
    pub(crate) attention: GlyphAttention,
    pub(crate) mlp_norm: RmsNorm,
    pub(crate) wi_0: Linear,
    pub(crate) wi_1: Linear,
    pub(crate) wo: Linear,
}

impl GlyphEncoder {
    /// The glyph embedding of one prompt: the states of all texts' tokens, in order, without padding.
    ///
    /// # Shapes
    /// - output: `[1, tokens, d_model]`
    pub fn forward(&self, tokens: &GlyphTokens, device: &Device) -> Tensor<3> {
        let longest = tokens.rows.iter().map(Vec::len).max().unwrap_or(0);
        let count = tokens.rows.len();
        // Rows are padded to one length with id 0; padding keys are masked out.
        let mut ids = Vec::with_capacity(count * longest);
        let mut padding = Vec::with_capacity(count * longest);
        for row in &tokens.rows {
            ids.extend(row.iter().copied().chain(std::iter::repeat_n(0, longest - row.len())));
            padding.extend((0..longest).map(|i| i >= row.len()));
        }
        trace::record("input_ids", || TraceTensor::ids([count, longest], ids.iter().copied()));
        trace::record("attention_mask", || {
            TraceTensor::ids([count, longest], padding.iter().map(|&p| u32::from(!p)))
        });
        let padding: Tensor<4, Bool> =
            Tensor::from_data(TensorData::new(padding, [count, 1, 1, longest]), device);

        let mut x = self.shared.forward(ids_tensor(&ids, device).reshape([count, longest]));
        let bias = self.relative_bias.forward(longest, device);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, &bias, &padding);
            trace::record(format_args!("block{index}_out"), || x.clone());
        }
        let states = self.final_layer_norm.forward(x);
        trace::record("last_hidden_state", || states.clone());

        let texts = tokens.rows.iter().enumerate();
        let kept = texts.map(|(i, row)| states.clone().narrow(0, i, 1).narrow(1, 0, row.len())).collect();
        let embedding = Tensor::cat(kept, 1);
        trace::record("glyph_embeds", || embedding.clone());
        embedding
    }
}

impl GlyphBlock {
    /// # Shapes
    /// - x, output: `[texts, seq, d_model]`
    /// - bias: `[1, heads, seq, seq]`
    /// - padding: `[texts, 1, 1, seq]`, true where there is no token
    pub fn forward(&self, x: Tensor<3>, bias: &Tensor<4>, padding: &Tensor<4, Bool>) -> Tensor<3> {
        let x = x.clone() + self.attention.forward(self.attention_norm.forward(x), bias, padding);
        let h = self.mlp_norm.forward(x.clone());
        let gated = atelier_shaders::gelu_tanh(self.wi_0.forward(h.clone())) * self.wi_1.forward(h);
        x + self.wo.forward(gated)
    }
}

/// Puts zero vectors before an embedding until it has `tokens` of them, as the reference does with the shorter
/// prompts of a batch (spec 6.4).
///
/// # Shapes
/// - embedding: `[1, n, d_model]`
/// - output: `[1, max(n, tokens), d_model]`
pub fn pad_left(embedding: Tensor<3>, tokens: usize) -> Tensor<3> {
    let [batch, n, width] = embedding.dims();
    if n >= tokens {
        return embedding;
    }
    let zeros = Tensor::zeros([batch, tokens - n, width], &embedding.device());
    Tensor::cat(vec![zeros, embedding], 1)
}
