//! One DiT block: text and image tokens share weights and lie one after the other, text first; each has its own modulation.

use atelier_shaders::{Gated, ada_layer_norm, gated_norm, gelu_tanh};
use burn::module::Module;
use burn::tensor::Tensor;

use super::attention::{Attended, JointAttention};
use super::{LAYER_NORM_EPS, SourceKeys};
use crate::nn::{Linear, by_rows};
use crate::pace::Pace;
use crate::rope::Rope;

/// Tokens that the MLP takes at a time. Its hidden numbers are four times as wide as all others: so many of the full model's
/// are 128 MiB, which is what every WebGPU device binds.
pub(crate) const MLP_ROWS: usize = 2048;

/// One block of the DiT.
#[derive(Module, Debug)]
pub struct TransformerBlock {
    pub(crate) norm1: Linear,
    pub(crate) attn1: JointAttention,
    pub(crate) ff_in: Linear,
    pub(crate) ff_out: Linear,
}

/// Shift and scale of an adaptive norm, for image and text; each `[batch, 2, width]`.
#[derive(Debug, Clone)]
pub struct Norm {
    shift: Tensor<3>,
    scale: Tensor<3>,
}

/// What a timestep does to a block: the norms before attention and before the MLP, and the gates after each.
#[derive(Debug, Clone)]
pub struct Modulation {
    attention: Norm,
    gate_attention: Tensor<3>,
    mlp: Norm,
    gate_mlp: Tensor<3>,
}

/// All tokens between two blocks.
pub struct Stream {
    /// `[batch, text + image, width]`.
    pub tokens: Tensor<3>,
    /// The same through the next norm.
    pub normal: Tensor<3>,
}

impl TransformerBlock {
    /// # Shapes
    /// - stream: its norm is the one before attention; text: how many of its tokens are text
    /// - modulation: this block's; next: the norm that follows
    /// - keep, the second output: as in [`JointAttention::forward`]
    pub(crate) async fn forward<P: Pace>(
        &self,
        stream: Stream,
        text: usize,
        (modulation, next): (&Modulation, &Norm),
        (rope, sources): (&Rope, Option<&SourceKeys>),
        keep: bool,
        pace: &mut P,
    ) -> Result<(Stream, Option<[Tensor<4>; 2]>), P::Stop> {
        let Attended { output, kept } =
            self.attn1.forward(stream.normal, text, rope, sources, keep, pace).await?;
        let stream = modulation.mlp.after(stream.tokens, output, &modulation.gate_attention, text);
        let mlp = async |x: Tensor<3>| {
            let hidden = self.ff_in.forward(x);
            pace.pause().await?;
            let out = self.ff_out.forward(gelu_tanh(hidden));
            pace.pause().await?;
            Ok(out)
        };
        let out = by_rows(stream.normal, MLP_ROWS, mlp).await?;
        Ok((next.after(stream.tokens, out, &modulation.gate_mlp, text), kept))
    }

    /// The order of the twelve vectors is shift, scale, gate of attention, then of the MLP, image before text.
    ///
    /// # Shapes
    /// - temb: `[batch, time_embed_dim]`
    pub(crate) fn modulation(&self, temb: Tensor<2>) -> Modulation {
        let [shift_attention, scale_attention, gate_attention, shift_mlp, scale_mlp, gate_mlp] =
            split(self.norm1.forward(temb), 2);
        Modulation {
            attention: Norm { shift: shift_attention, scale: scale_attention },
            gate_attention,
            mlp: Norm { shift: shift_mlp, scale: scale_mlp },
            gate_mlp,
        }
    }
}

impl Modulation {
    /// The norm before attention.
    pub(crate) fn first(&self) -> &Norm {
        &self.attention
    }
}

impl Norm {
    /// The last one, which image and text share. Here the scale comes first.
    ///
    /// # Shapes
    /// - vectors: `[batch, 2 * width]`
    pub(crate) fn last(vectors: Tensor<2>) -> Self {
        let [scale, shift] = split(vectors, 1).map(|vector: Tensor<3>| vector.repeat_dim(1, 2));
        Self { shift, scale }
    }

    /// The tokens with themselves through the norm.
    pub(crate) fn of(&self, tokens: Tensor<3>, text: usize) -> Stream {
        let normal =
            ada_layer_norm(tokens.clone(), self.shift.clone(), self.scale.clone(), text, LAYER_NORM_EPS);
        Stream { tokens, normal }
    }

    /// The tokens with a branch added through its gate, and the sum through the norm.
    fn after(&self, tokens: Tensor<3>, branch: Tensor<3>, gate: &Tensor<3>, text: usize) -> Stream {
        let [gate, shift, scale] = [gate, &self.shift, &self.scale].map(Tensor::clone);
        let around = Gated { gate, shift, scale, first: text };
        let (tokens, normal) = gated_norm(tokens, branch, around, LAYER_NORM_EPS);
        Stream { tokens, normal }
    }
}

/// `[batch, N * kinds * width]` into `N` times `[batch, kinds, width]`.
fn split<const N: usize>(x: Tensor<2>, kinds: usize) -> [Tensor<3>; N] {
    let [batch, total] = x.dims();
    let part = total / N;
    std::array::from_fn(|i| x.clone().narrow(1, i * part, part).reshape([batch, kinds, part / kinds]))
}
