//! The residual block of encoder and decoder.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::nn::{Conv2d, GroupNorm};

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
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let h = self.conv1.forward(self.norm1.forward_silu(x.clone()));
        let h = self.conv2.forward(self.norm2.forward_silu(h));
        let x = match &self.conv_shortcut {
            Some(conv) => conv.forward(x),
            None => x,
        };
        x + h
    }
}
