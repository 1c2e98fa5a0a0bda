//! The few layers everything is built from. Precision hides in here: a model never asks how its weights are stored.

use atelier_weights::Scheme;
use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Int, Tensor, module};

/// A weight matrix `[rows, columns]`, however it is stored.
#[derive(Module, Debug)]
pub enum Matrix {
    /// Floats that burn computes with.
    Dense(Param<Tensor<2>>),
    /// Words that only kernels read, in pieces of consecutive rows: no buffer is larger than any device can bind.
    Packed(Vec<PackedRows>),
}

/// Rows of a matrix as a pack stores them.
#[derive(Module, Debug)]
pub struct PackedRows {
    /// `[rows, code_words]`.
    pub(crate) codes: Tensor<2, Int>,
    /// `[rows, scale_words]`; one word where the scheme has no scales.
    pub(crate) scales: Tensor<2, Int>,
    /// `[rows]`, for layers without a bias.
    pub(crate) zeros: Tensor<1>,
    #[module(skip)]
    pub(crate) scheme: Scheme,
    /// The first row's number in the matrix.
    pub(crate) first: usize,
}

impl Matrix {
    /// Where it is.
    pub fn device(&self) -> Device {
        match self {
            Self::Dense(weight) => weight.device(),
            Self::Packed(pieces) => pieces.first().map(|piece| piece.codes.device()).unwrap_or_default(),
        }
    }

    /// `x·Wᵀ + b`.
    ///
    /// # Shapes
    /// - x: `[rows, in]`; bias: `[out]`
    /// - output: `[rows, out]`
    fn multiply(&self, x: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
        match self {
            Self::Dense(weight) => {
                let product = x.matmul(weight.val().transpose());
                match bias {
                    Some(bias) => product + bias.unsqueeze(),
                    None => product,
                }
            }
            Self::Packed(pieces) => {
                let parts = pieces.iter().map(|piece| {
                    let [rows, _] = piece.codes.dims();
                    let bias = match &bias {
                        Some(bias) if pieces.len() == 1 => bias.clone(),
                        Some(bias) => bias.clone().narrow(0, piece.first, rows),
                        None => piece.zeros.clone(),
                    };
                    let (codes, scales) = (piece.codes.clone(), piece.scales.clone());
                    atelier_shaders::mul_mat(x.clone(), codes, scales, piece.scheme, bias)
                });
                joined(parts.collect(), |parts| Tensor::cat(parts, 1))
            }
        }
    }

    /// # Shapes
    /// - ids: `[batch, seq]`, each below the number of rows
    /// - output: `[batch, seq, columns]`
    fn rows(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        match self {
            Self::Dense(weight) => module::embedding(weight.val(), ids),
            Self::Packed(pieces) => {
                let [batch, seq] = ids.dims();
                let ids: Tensor<1, Int> = ids.reshape([-1]);
                // Every piece gives zeros for the ids of others.
                let parts = pieces.iter().map(|piece| {
                    let (codes, scales) = (piece.codes.clone(), piece.scales.clone());
                    atelier_shaders::embedding(codes, scales, piece.scheme, ids.clone(), piece.first)
                });
                let sum = |parts: Vec<Tensor<2>>| {
                    let mut parts = parts.into_iter();
                    let first = parts.next().unwrap_or_else(|| Tensor::zeros([0, 0], &ids.device()));
                    parts.fold(first, |sum, part| sum + part)
                };
                joined(parts.collect(), sum).reshape([batch as i32, seq as i32, -1])
            }
        }
    }
}

/// The only part as it is, several by `join`.
fn joined(mut parts: Vec<Tensor<2>>, join: impl FnOnce(Vec<Tensor<2>>) -> Tensor<2>) -> Tensor<2> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// `y = x·Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as checkpoints store it.
    pub(crate) weight: Matrix,
    /// `[out]`.
    pub(crate) bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// # Shapes
    /// - x: `[..., in]`
    /// - output: `[..., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        // All rows in one matrix: burn's own `linear` would copy a transposed weight whenever there is one row only,
        // which is every token the architect writes.
        let rows = x.reshape([-1, shape[D - 1] as i32]);
        let rows = self.weight.multiply(rows, self.bias.as_ref().map(|bias| bias.val()));
        let [_, out] = rows.dims();
        shape[D - 1] = out;
        rows.reshape(shape)
    }
}

/// A table of vectors, one for each id.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[ids, width]`.
    pub(crate) weight: Matrix,
}

impl Embedding {
    /// # Shapes
    /// - ids: `[batch, seq]`, each below the number of rows
    /// - output: `[batch, seq, width]`
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.weight.rows(ids)
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
        let [_, _, side, _] = self.weight.shape().dims();
        self.convolve(x, 1, [(side / 2, side / 2); 2])
    }

    /// As [`Conv2d::forward`] for some rows of a larger map, with the rows that the kernel reaches above and below them.
    /// Zeros stand there only where `ends`, top and bottom, says that the map ends.
    ///
    /// # Shapes
    /// - x: `[batch, in, rows, width]`
    /// - output: `[batch, out, rows, width]`, less `side / 2` rows for each end that is none
    pub(crate) fn forward_rows(&self, x: Tensor<4>, ends: [bool; 2]) -> Tensor<4> {
        let [_, _, side, _] = self.weight.shape().dims();
        let [top, bottom] = ends.map(|end| if end { side / 2 } else { 0 });
        self.convolve(x, 1, [(top, bottom), (side / 2, side / 2)])
    }

    /// Halves height and width: stride 2, one zero row and column at the bottom and right only.
    ///
    /// # Shapes
    /// - x: `[batch, in, height, width]`
    /// - output: `[batch, out, height / 2, width / 2]`
    pub fn forward_halving(&self, x: Tensor<4>) -> Tensor<4> {
        self.convolve(x, 2, [(0, 1); 2])
    }

    fn convolve(&self, x: Tensor<4>, stride: usize, padding: [(usize, usize); 2]) -> Tensor<4> {
        let options = ConvOptions::new_with_padding([stride; 2], padding, [1; 2], 1);
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
