//! Joint attention over source, text and image tokens with one set of weights.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{LAYER_NORM_EPS, SourceKeys};
use crate::nn::{Linear, merge_heads, split_heads};
use crate::pace::Pace;
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

/// The result of one block's attention.
pub struct Attended {
    /// `[batch, text + image, width]`.
    pub output: Tensor<3>,
    /// What a source cache keeps: the image tokens' keys, after norm and rotation, and values, each
    /// `[batch, heads, image, head_dim]`; none unless they are wanted.
    pub kept: Option<[Tensor<4>; 2]>,
}

impl JointAttention {
    /// # Shapes
    /// - x: `[batch, text + image, width]`, text first
    /// - sources: come before the text
    /// - keep: whether keys and values are wanted: as long as they are there, they take as much room as the tokens twice
    pub(crate) async fn forward<P: Pace>(
        &self,
        x: Tensor<3>,
        text: usize,
        rope: &Rope,
        sources: Option<&SourceKeys>,
        keep: bool,
        pace: &mut P,
    ) -> Result<Attended, P::Stop> {
        // The text comes first and is not turned.
        let turned = |x| rope.rotate_from(split_heads(x, self.heads), text, Some(LAYER_NORM_EPS));
        let q = turned(self.to_q.forward(x.clone()));
        let k = turned(self.to_k.forward(x.clone()));
        let v = split_heads(self.to_v.forward(x), self.heads);
        pace.pause().await?;
        let [_, _, seq, _] = v.dims();
        let kept = keep.then(|| [&k, &v].map(|x| x.clone().narrow(2, text, seq - text)));
        let (keys, values) = match sources {
            Some(sources) => sources.before(Some((k, v))),
            None => (k, v),
        };
        let attended = atelier_shaders::attention(q, keys, values, false);
        pace.pause().await?;
        let output = self.to_out.forward(merge_heads(attended));
        pace.pause().await?;
        Ok(Attended { output, kept })
    }
}
