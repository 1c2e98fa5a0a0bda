//! The residual block of encoder and decoder.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::nn::{Conv2d, GroupNorm};
use crate::pace::Pace;

/// `x' + conv2(SiLU(norm2(conv1(SiLU(norm1(x))))))`, where `x'` passes a 1x1 convolution if the channels change.
#[derive(Module, Debug)]
pub struct Resnet {
    pub(crate) norm1: GroupNorm,
    pub(crate) conv1: Conv2d,
    pub(crate) norm2: GroupNorm,
    pub(crate) conv2: Conv2d,
    pub(crate) conv_shortcut: Option<Conv2d>,
}

impl Resnet {
    /// # Shapes
    /// - x: `[batch, in, height, width]`
    /// - output: `[batch, out, height, width]`
    pub(crate) async fn forward_paced<P: Pace>(
        &self,
        x: Tensor<4>,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let h = self.conv1.forward(self.norm1.forward_silu(x.clone()));
        pace.pause().await?;
        let h = self.conv2.forward(self.norm2.forward_silu(h));
        pace.pause().await?;
        let x = match &self.conv_shortcut {
            Some(conv) => conv.forward(x),
            None => x,
        };
        Ok(x + h)
    }
}
