//! The gated MLP of a decoder layer.

use burn::module::Module;
use burn::tensor::{Tensor, activation};

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
        let gate_up = self.gate_up_proj.forward(x);
        let [_, _, double] = gate_up.dims();
        let gate = gate_up.clone().narrow(2, 0, double / 2);
        let up = gate_up.narrow(2, double / 2, double / 2);
        self.down_proj.forward(up * activation::silu(gate))
    }
}
