//! The gated MLP of a decoder layer.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::nn::Linear;

/// `down( up · SiLU(gate) )` with gate and up in one matrix, gate rows first.
#[derive(Module, Debug)]
pub struct Mlp {
    pub(crate) gate_up_proj: Linear,
    pub(crate) down_proj: Linear,
}

impl Mlp {
    /// # Shapes
    /// - x, output: `[batch, seq, hidden]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.down_proj.forward(atelier_shaders::swiglu(self.gate_up_proj.forward(x)))
    }
}
