//! The few layers everything is built from. Precision hides in here: a model never asks how its weights are stored.

use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Int, Tensor, module};

/// `y = x·Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as checkpoints store it.
    pub(crate) weight: Param<Tensor<2>>,
    /// `[out]`.
    pub(crate) bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// # Shapes
    /// - x: `[..., in]`
    /// - output: `[..., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        let weight = self.weight.val();
        let [out, input] = weight.dims();
        // All rows in one matrix: burn's own `linear` would copy a transposed weight whenever there is one row only,
        // which is every token the architect writes.
        let rows = x.reshape([-1, input as i32]).matmul(weight.transpose());
        let rows = match &self.bias {
            Some(bias) => rows + bias.val().unsqueeze(),
            None => rows,
        };
        shape[D - 1] = out;
        rows.reshape(shape)
    }
}

/// A table of vectors, one for each id.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[ids, width]`.
    pub(crate) weight: Param<Tensor<2>>,
}

impl Embedding {
    /// # Shapes
    /// - ids: `[batch, seq]`, each below the number of rows
    /// - output: `[batch, seq, width]`
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        module::embedding(self.weight.val(), ids)
    }
}

/// `w · x / sqrt(mean(x²) + eps)` over the last dimension.
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// `[width]`.
    pub(crate) weight: Param<Tensor<1>>,
    pub(crate) eps: f64,
}

impl RmsNorm {
    /// # Shapes
    /// - x, output: `[..., width]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        atelier_shaders::rms_norm(x, self.weight.val(), self.eps)
    }
}

/// `w · (x - mean) / sqrt(var + eps) + b` over the last dimension.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[width]`.
    pub(crate) weight: Param<Tensor<1>>,
    /// `[width]`.
    pub(crate) bias: Param<Tensor<1>>,
    pub(crate) eps: f64,
}

impl LayerNorm {
    /// # Shapes
    /// - x, output: `[..., width]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mean = x.clone().mean_dim(D - 1);
        let centred = x - mean;
        let variance = centred.clone().square().mean_dim(D - 1);
        let normal = centred / variance.add_scalar(self.eps).sqrt();
        normal * self.weight.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}

/// A square convolution.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in, side, side]`.
    pub(crate) weight: Param<Tensor<4>>,
    /// `[out]`.
    pub(crate) bias: Param<Tensor<1>>,
}

impl Conv2d {
    /// Keeps height and width: stride 1, zero padding of `side / 2` all round.
    ///
    /// # Shapes
    /// - x: `[batch, in, height, width]`
    /// - output: `[batch, out, height, width]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self.weight.shape().dims() {
            [_, _, 3, 3] => atelier_shaders::conv2d_3x3(x, self.weight.val(), self.bias.val(), false),
            [_, _, side, _] => self.convolve(x, 1, (side / 2, side / 2)),
        }
    }

    /// Doubles height and width by repeating every pixel, then convolves as [`Conv2d::forward`] with a side of 3.
    ///
    /// # Shapes
    /// - x: `[batch, in, height, width]`
    /// - output: `[batch, out, 2 * height, 2 * width]`
    pub fn forward_doubling(&self, x: Tensor<4>) -> Tensor<4> {
        atelier_shaders::conv2d_3x3(x, self.weight.val(), self.bias.val(), true)
    }

    /// Halves height and width: stride 2, one zero row and column at the bottom and right only.
    ///
    /// # Shapes
    /// - x: `[batch, in, height, width]`
    /// - output: `[batch, out, height / 2, width / 2]`
    pub fn forward_halving(&self, x: Tensor<4>) -> Tensor<4> {
        self.convolve(x, 2, (0, 1))
    }

    fn convolve(&self, x: Tensor<4>, stride: usize, padding: (usize, usize)) -> Tensor<4> {
        let options = ConvOptions::new_with_padding([stride; 2], [padding; 2], [1; 2], 1);
        module::conv2d(x, self.weight.val(), Some(self.bias.val()), options)
    }
}

/// Normalises groups of channels over all their pixels; SiLU follows wherever the model does so.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// `[channels]`.
    pub(crate) weight: Param<Tensor<1>>,
    /// `[channels]`.
    pub(crate) bias: Param<Tensor<1>>,
    pub(crate) groups: usize,
    pub(crate) eps: f64,
}

impl GroupNorm {
    /// # Shapes
    /// - x, output: `[batch, channels, height, width]`
    pub fn forward_silu(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        atelier_shaders::group_norm_silu(x, weight, bias, self.groups, self.eps)
    }
}

/// Splits the last dimension into heads and moves them in front of the sequence.
///
/// # Shapes
/// - x: `[batch, seq, heads * head_dim]`
/// - output: `[batch, heads, seq, head_dim]`
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, seq, width] = x.dims();
    x.reshape([batch, seq, heads, width / heads]).swap_dims(1, 2)
}

/// The inverse of [`split_heads`].
///
/// # Shapes
/// - x: `[batch, heads, seq, head_dim]`
/// - output: `[batch, seq, heads * head_dim]`
pub(crate) fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, seq, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, seq, heads * head_dim])
}
