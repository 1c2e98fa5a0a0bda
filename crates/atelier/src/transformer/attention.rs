//! Joint attention over source, text and image tokens with one set of weights.

use burn::module::Module;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module};

use super::LAYER_NORM_EPS;
use crate::nn::{Linear, merge_heads, split_heads, standardise};
use crate::rope::Rope;

/// Attention of one block.
#[derive(Module, Debug)]
pub struct JointAttention {
    pub(crate) to_q: Linear,
    pub(crate) to_k: Linear,
    pub(crate) to_v: Linear,
    pub(crate) to_out: Linear,
    pub(crate) heads: usize,
}

/// The result, with the image tokens' keys and values for the source cache.
pub struct Attended {
    /// `[batch, text + image, width]`.
    pub output: Tensor<3>,
    /// `[batch, heads, image, head_dim]`, after norm and rotation.
    pub image_keys: Tensor<4>,
    /// `[batch, heads, image, head_dim]`.
    pub image_values: Tensor<4>,
}

impl JointAttention {
    /// # Shapes
    /// - x: `[batch, text + image, width]`, text first
    /// - sources: keys and values `[batch, heads, source, head_dim]`, which come before the text
    pub fn forward(
        &self,
        x: Tensor<3>,
        text: usize,
        rope: &Rope,
        sources: Option<&(Tensor<4>, Tensor<4>)>,
    ) -> Attended {
        let q = standardise(split_heads(self.to_q.forward(x.clone()), self.heads), LAYER_NORM_EPS);
        let k = standardise(split_heads(self.to_k.forward(x.clone()), self.heads), LAYER_NORM_EPS);
        let v = split_heads(self.to_v.forward(x), self.heads);
        let (q, _) = rotate_image(q, text, rope);
        let (k, image_keys) = rotate_image(k, text, rope);
        let [_, _, seq, _] = v.dims();
        let image_values = v.clone().narrow(2, text, seq - text);

        let (keys, values) = match sources {
            Some((keys, values)) => {
                (Tensor::cat(vec![keys.clone(), k], 2), Tensor::cat(vec![values.clone(), v], 2))
            }
            None => (k, v),
        };
        let options = AttentionModuleOptions::default();
        let attended = module::attention(q, keys, values, None, None, options);
        Attended { output: self.to_out.forward(merge_heads(attended)), image_keys, image_values }
    }
}

/// Rotates the image part only; returns all tokens and the image part.
fn rotate_image(x: Tensor<4>, text: usize, rope: &Rope) -> (Tensor<4>, Tensor<4>) {
    let [_, _, seq, _] = x.dims();
    let image = rope.rotate(x.clone().narrow(2, text, seq - text));
    if text == 0 {
        return (image.clone(), image);
    }
    (Tensor::cat(vec![x.narrow(2, 0, text), image.clone()], 2), image)
}
