//! From features to codes: the nearest entry of the codebook by cosine (spec 5.3).

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};

use crate::nn::Linear;
use crate::prompt::Grid;
use crate::trace;

/// The encoding half of the VQ module; decoding never happens at inference.
#[derive(Module, Debug)]
pub struct VectorQuantizer {
    /// The 1x1 convolution as a matrix.
    pub(crate) quant_conv: Linear,
    /// `[codes, width]`.
    pub(crate) codebook: Param<Tensor<2>>,
}

impl VectorQuantizer {
    /// # Shapes
    /// - features: `[rows * columns, hidden]`
    /// - output: `[rows * columns]`, each below the number of codes
    pub fn forward(&self, features: Tensor<2>, grid: Grid) -> Tensor<1, Int> {
        let z = self.quant_conv.forward(features);
        trace::record("quant_conv_out", || {
            let [_, width] = z.dims();
            z.clone().transpose().reshape([1, width, grid.rows, grid.columns])
        });
        // The largest cosine is the nearest of the normalised vectors.
        unit(z).matmul(unit(self.codebook.val()).transpose()).argmax(1).squeeze_dim(1)
    }
}

/// Rows scaled to length 1.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
    x / length
}
