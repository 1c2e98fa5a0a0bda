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
        self.cosines_of(z).argmax(1).squeeze_dim(1)
    }

    /// How close each feature is to each code: the logits of training.
    ///
    /// # Shapes
    /// - features: `[n, hidden]`
    /// - output: `[n, codes]`, each in -1..=1
    pub fn cosines(&self, features: Tensor<2>) -> Tensor<2> {
        self.cosines_of(self.quant_conv.forward(features))
    }

    fn cosines_of(&self, z: Tensor<2>) -> Tensor<2> {
        unit(z).matmul(unit(self.codebook.val()).transpose())
    }
}

/// Rows scaled to length 1.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
    x / length
}
