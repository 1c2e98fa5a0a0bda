//! One DiT block: text and image tokens share weights, each stream has its own modulation.

use atelier_shaders::{ada_layer_norm, gelu_tanh};
use burn::module::Module;
use burn::tensor::Tensor;

use super::attention::JointAttention;
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

/// Shift, scale and gate of one stream, before attention and before the MLP; each `[batch, 1, width]`.
#[derive(Debug, Clone)]
pub struct Modulation {
    shift_attention: Tensor<3>,
    scale_attention: Tensor<3>,
    gate_attention: Tensor<3>,
    shift_mlp: Tensor<3>,
    scale_mlp: Tensor<3>,
    gate_mlp: Tensor<3>,
}

/// Both streams after a block, and what the source cache keeps.
pub struct Streams {
    /// `[batch, image, width]`.
    pub image: Tensor<3>,
    /// `[batch, text, width]`.
    pub text: Option<Tensor<3>>,
    /// `[batch, heads, image, head_dim]`, after norm and rotation.
    pub image_keys: Tensor<4>,
    /// `[batch, heads, image, head_dim]`.
    pub image_values: Tensor<4>,
}

impl TransformerBlock {
    /// # Shapes
    /// - image: `[batch, image, width]`; text: `[batch, text, width]`, none for a source image
    /// - temb: `[batch, time_embed_dim]`
    pub(crate) async fn forward<P: Pace>(
        &self,
        image: Tensor<3>,
        text: Option<Tensor<3>>,
        temb: &Tensor<2>,
        rope: &Rope,
        sources: Option<&SourceKeys>,
        pace: &mut P,
    ) -> Result<Streams, P::Stop> {
        let (for_image, for_text) = self.modulations(temb.clone());
        let image_in = for_image.before_attention(image.clone());
        let (joint, tokens) = match &text {
            Some(text) => {
                let [_, tokens, _] = text.dims();
                (Tensor::cat(vec![for_text.before_attention(text.clone()), image_in], 1), tokens)
            }
            None => (image_in, 0),
        };
        let attended = self.attn1.forward(joint, tokens, rope, sources, pace).await?;
        let [_, seq, _] = attended.output.dims();
        let image_out = attended.output.clone().narrow(1, tokens, seq - tokens);
        let image = self.finish(image, image_out, &for_image, pace).await?;
        let text = match text {
            Some(text) => {
                let text_out = attended.output.narrow(1, 0, tokens);
                Some(self.finish(text, text_out, &for_text, pace).await?)
            }
            None => None,
        };
        Ok(Streams { image, text, image_keys: attended.image_keys, image_values: attended.image_values })
    }

    /// The two residual additions of one stream.
    async fn finish<P: Pace>(
        &self,
        x: Tensor<3>,
        attended: Tensor<3>,
        modulation: &Modulation,
        pace: &mut P,
    ) -> Result<Tensor<3>, P::Stop> {
        let x = x + attended * modulation.gate_attention.clone();
        let mlp = async |x: Tensor<3>| {
            let hidden = self.ff_in.forward(x);
            pace.pause().await?;
            let out = self.ff_out.forward(gelu_tanh(hidden));
            pace.pause().await?;
            Ok(out)
        };
        let out = by_rows(modulation.before_mlp(x.clone()), MLP_ROWS, mlp).await?;
        Ok(x + out * modulation.gate_mlp.clone())
    }

    /// The order of the twelve vectors is shift, scale, gate of attention, then of the MLP, image before text.
    fn modulations(&self, temb: Tensor<2>) -> (Modulation, Modulation) {
        let [
            shift_a,
            c_shift_a,
            scale_a,
            c_scale_a,
            gate_a,
            c_gate_a,
            shift_m,
            c_shift_m,
            scale_m,
            c_scale_m,
            gate_m,
            c_gate_m,
        ] = split(self.norm1.forward(temb));
        let image = Modulation {
            shift_attention: shift_a,
            scale_attention: scale_a,
            gate_attention: gate_a,
            shift_mlp: shift_m,
            scale_mlp: scale_m,
            gate_mlp: gate_m,
        };
        let text = Modulation {
            shift_attention: c_shift_a,
            scale_attention: c_scale_a,
            gate_attention: c_gate_a,
            shift_mlp: c_shift_m,
            scale_mlp: c_scale_m,
            gate_mlp: c_gate_m,
        };
        (image, text)
    }
}

impl Modulation {
    fn before_attention(&self, x: Tensor<3>) -> Tensor<3> {
        ada_layer_norm(x, self.shift_attention.clone(), self.scale_attention.clone(), LAYER_NORM_EPS)
    }

    fn before_mlp(&self, x: Tensor<3>) -> Tensor<3> {
        ada_layer_norm(x, self.shift_mlp.clone(), self.scale_mlp.clone(), LAYER_NORM_EPS)
    }
}

/// `[batch, N * width]` into `N` times `[batch, 1, width]`.
pub(super) fn split<const N: usize>(x: Tensor<2>) -> [Tensor<3>; N] {
    let [_, total] = x.dims();
    let width = total / N;
    std::array::from_fn(|i| x.clone().narrow(1, i * width, width).unsqueeze_dim(1))
}
