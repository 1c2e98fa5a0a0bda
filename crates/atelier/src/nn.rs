//! The few layers everything is built from. Precision hides in here: a model never asks how its weights are stored.

use atelier_shaders::{PackedRef, RowPrecision};
use atelier_weights::{MAX_BUFFER, Scheme};
use burn::module::{Module, Param, ParamId};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Int, Shape, Tensor, module};

use crate::calibration::Observer;
use crate::device;

/// A weight matrix `[rows, columns]`, however it is stored: parts of consecutive rows.
#[derive(Module, Debug)]
pub struct Matrix {
    pub(crate) parts: Vec<Rows>,
}

/// Consecutive rows of a matrix.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // There are some hundred of them, and boxes are no modules.
pub enum Rows {
    /// Floats that burn computes with.
    Dense(Param<Tensor<2>>),
    /// Words that only kernels read.
    Packed(PackedRows),
}

/// Rows as a pack stores them: no buffer is larger than any device can bind.
#[derive(Module, Debug)]
pub struct PackedRows {
    /// `[rows, code_words]`.
    pub(crate) codes: Tensor<2, Int>,
    /// `[rows, scale_words]`; one word a row where the scheme has no scales.
    pub(crate) scales: Tensor<2, Int>,
    /// `[rows]`, for layers without a bias.
    pub(crate) zeros: Tensor<1>,
    #[module(skip)]
    pub(crate) scheme: Scheme,
}

impl PackedRows {
    fn matrix(&self) -> PackedRef<'_> {
        PackedRef { codes: &self.codes, scales: &self.scales, scheme: self.scheme }
    }
}

impl Rows {
    fn count(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.lazy_shape()[0],
            Self::Packed(rows) => rows.codes.dims()[0],
        }
    }

    /// # Shapes
    /// - x: `[rows, in]`; bias: `[count]`
    /// - output: `[rows, count]`
    fn multiply(&self, x: Tensor<2>, bias: Option<Tensor<1>>, precision: RowPrecision) -> Tensor<2> {
        match (self, bias) {
            (Self::Dense(weight), bias) => {
                let ([rows, columns], [count, _]) = (x.dims(), weight.dims());
                device::computes(&x.device(), 2.0 * (rows * columns) as f64 * count as f64);
                let product = x.matmul(weight.val().transpose());
                match bias {
                    Some(bias) => product + bias.unsqueeze(),
                    None => product,
                }
            }
            (Self::Packed(rows), bias) => {
                let bias = bias.unwrap_or_else(|| rows.zeros.clone());
                atelier_shaders::mul_mat(x, rows.matrix(), bias, precision)
            }
        }
    }

    /// Both as one, where they are stored alike and one buffer may hold them.
    fn joined(self, next: Self) -> Vec<Self> {
        let bytes = |rows: &PackedRows| 4 * rows.codes.shape().num_elements() as u64;
        match (self, next) {
            (Self::Dense(a), Self::Dense(b)) => vec![Self::Dense(joined(vec![a, b]))],
            (Self::Packed(a), Self::Packed(b))
                if a.scheme == b.scheme && bytes(&a) + bytes(&b) <= MAX_BUFFER =>
            {
                vec![Self::Packed(PackedRows {
                    codes: Tensor::cat(vec![a.codes, b.codes], 0),
                    scales: Tensor::cat(vec![a.scales, b.scales], 0),
                    zeros: Tensor::cat(vec![a.zeros, b.zeros], 0),
                    scheme: a.scheme,
                })]
            }
            (last, next) => vec![last, next],
        }
    }
}

impl Matrix {
    /// A matrix of floats.
    pub fn dense(weight: Param<Tensor<2>>) -> Self {
        Self { parts: vec![Rows::Dense(weight)] }
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        match self.parts.first() {
            Some(Rows::Dense(weight)) => weight.device(),
            Some(Rows::Packed(rows)) => rows.codes.device(),
            None => Device::default(),
        }
    }

    /// `x·Wᵀ + b`.
    ///
    /// # Shapes
    /// - x: `[rows, in]`; bias: `[out]`
    /// - output: `[rows, out]`
    fn multiply(&self, x: Tensor<2>, bias: Option<Tensor<1>>, precision: RowPrecision) -> Tensor<2> {
        if let [only] = self.parts.as_slice() {
            return only.multiply(x, bias, precision);
        }
        let mut first = 0;
        let products = self.parts.iter().map(|part| {
            let count = part.count();
            let bias = bias.clone().map(|bias| bias.narrow(0, first, count));
            first += count;
            part.multiply(x.clone(), bias, precision)
        });
        Tensor::cat(products.collect(), 1)
    }

    /// # Shapes
    /// - ids: `[batch, seq]`, each below the number of rows
    /// - output: `[batch, seq, columns]`
    fn rows(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        if let [Rows::Dense(weight)] = self.parts.as_slice() {
            return module::embedding(weight.val(), ids);
        }
        let [batch, seq] = ids.dims();
        let ids: Tensor<1, Int> = ids.reshape([-1]);
        let mut first = 0;
        let mut found: Option<Tensor<2>> = None;
        for part in &self.parts {
            // Every part gives zeros for the ids of others.
            let rows = match part {
                Rows::Packed(rows) => atelier_shaders::embedding(rows.matrix(), ids.clone(), first),
                Rows::Dense(weight) => {
                    let at = ids.clone() - first as i64;
                    let inside = at.clone().clamp(0, part.count() as i64 - 1);
                    let mine = at.equal(inside.clone()).float().unsqueeze_dim::<2>(1);
                    weight.val().select(0, inside) * mine
                }
            };
            first += part.count();
            found = Some(found.map_or_else(|| rows.clone(), |found| found + rows.clone()));
        }
        let found = found.unwrap_or_else(|| Tensor::zeros([batch * seq, 0], &ids.device()));
        found.reshape([batch as i32, seq as i32, -1])
    }

    /// The rows of several matrices after each other, in as few parts as can be.
    fn join(matrices: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Rows> = Vec::new();
        for part in matrices.into_iter().flat_map(|matrix| matrix.parts) {
            match parts.pop() {
                Some(last) => parts.extend(last.joined(part)),
                None => parts.push(part),
            }
        }
        Self { parts }
    }
}

/// `y = x·Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`, as checkpoints store it.
    pub(crate) weight: Matrix,
    /// `[out]`.
    pub(crate) bias: Option<Param<Tensor<1>>>,
    /// Where inputs are measured, while a model is calibrated.
    #[module(skip)]
    pub(crate) observer: Option<Observer>,
    #[module(skip)]
    pub(crate) precision: RowPrecision,
}

/// Weights after each other along the first dimension. Uninitialized parameters, of which only the shape is known, stay so.
fn joined<const D: usize>(weights: Vec<Param<Tensor<D>>>) -> Param<Tensor<D>> {
    if weights.iter().all(Param::is_initialized) {
        let weights = weights.iter().map(|weight| weight.val()).collect();
        return Param::initialized(ParamId::new(), Tensor::cat(weights, 0));
    }
    let mut shape = weights.first().map(|weight| weight.lazy_shape()).unwrap_or_else(|| Shape::from([0; D]));
    shape[0] = weights.iter().map(|weight| weight.lazy_shape()[0]).sum();
    let as_shaped = shape.clone();
    let zeros = move |device: &Device, _| Tensor::zeros(as_shaped.clone(), device);
    Param::uninitialized(ParamId::new(), zeros, device::nowhere(), false, shape)
}

impl Linear {
    /// Several layers with the same input as one, which gives their outputs after each other. Either all have a bias or
    /// none has.
    pub fn join(layers: Vec<Self>) -> Self {
        let observers = layers.iter().filter_map(|layer| layer.observer.clone());
        let observer = observers.reduce(Observer::join);
        let (matrices, biases): (Vec<_>, Vec<_>) =
            layers.into_iter().map(|layer| (layer.weight, layer.bias)).unzip();
        let biases: Option<Vec<_>> = biases.into_iter().collect();
        let bias = biases.map(joined);
        Self { weight: Matrix::join(matrices), bias, observer, precision: RowPrecision::Exact }
    }

    /// The same for tokens of a language model.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { precision: RowPrecision::Rounded, ..self }
    }

    /// # Shapes
    /// - x: `[..., in]`
    /// - output: `[..., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        // All rows in one matrix: burn's own `linear` would copy a transposed weight whenever there is one row only,
        // which is every token the architect writes.
        let rows = x.reshape([-1, shape[D - 1] as i32]);
        if let Some(observer) = &self.observer {
            observer.see(&rows);
        }
        let rows = self.weight.multiply(rows, self.bias.as_ref().map(|bias| bias.val()), self.precision);
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

    /// `h = x + norm(y)`, and `h` through the norm `next`.
    ///
    /// # Shapes
    /// - x, y, both outputs: `[..., width]`
    pub fn add<const D: usize>(&self, x: Tensor<D>, y: Tensor<D>, next: &Self) -> (Tensor<D>, Tensor<D>) {
        let eps = [self.eps, next.eps];
        atelier_shaders::residual_norm(x, y, self.weight.val(), next.weight.val(), eps)
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
        // Eight passes, some of which only read.
        device::computes(&x.device(), 200.0 * x.shape().num_elements() as f64);
        let mean = x.clone().mean_dim(D - 1);
        let centred = x - mean;
        let variance = centred.clone().square().mean_dim(D - 1);
        // NaN where the squares have overflowed, which a normal of zero would hide.
        let nothing = variance.clone().mul_scalar(0.0);
        let normal = centred / (variance.add_scalar(self.eps).sqrt() + nothing);
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

    /// As [`Conv2d::forward`] for some rows of a larger map, with the rows that the kernel reaches above and below them.
    /// Zeros stand there only where `ends`, top and bottom, says that the map ends.
    ///
    /// # Shapes
    /// - x: `[batch, in, rows, width]`
    /// - output: `[batch, out, rows, width]`, less `side / 2` rows for each end that is none
    pub(crate) fn forward_rows(&self, x: Tensor<4>, ends: [bool; 2]) -> Tensor<4> {
        let [_, _, side, _] = self.weight.shape().dims();
        let [top, bottom] = ends.map(|end| if end { 0 } else { side / 2 });
        let [_, _, rows, _] = x.dims();
        // What zeros have spoiled is left out.
        self.forward(x).narrow(2, top, rows - top - bottom)
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
        let ([out, inputs, rows, columns], [batch, _, height, width]) = (self.weight.dims(), x.dims());
        let pixels = batch * (height / stride) * (width / stride);
        let of_pixel = 2.0 * (out * inputs * rows * columns) as f64;
        device::computes(&x.device(), of_pixel * pixels as f64);
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

    /// What is to be known of a map: of its bands, after each other along the third dimension.
    ///
    /// # Shapes
    /// - x: `[batch, channels, rows, width]`
    /// - output: `[batch, groups, parts, 3]`
    pub(crate) fn moments(&self, x: Tensor<4>) -> Tensor<4> {
        atelier_shaders::group_moments(x, self.groups)
    }

    /// Of that, what the norm needs.
    ///
    /// # Shapes
    /// - moments: `[batch, groups, parts, 3]`
    /// - output: `[batch, groups, 3]`
    pub(crate) fn merge(&self, moments: Tensor<4>) -> Tensor<3> {
        atelier_shaders::merge_moments(moments, self.eps)
    }

    /// [`GroupNorm::forward_silu`] of a band.
    ///
    /// # Shapes
    /// - x, output: `[batch, channels, rows, width]`
    /// - merged: `[batch, groups, 3]`
    pub(crate) fn apply_silu(&self, x: Tensor<4>, merged: Tensor<3>) -> Tensor<4> {
        atelier_shaders::normalise_silu(x, merged, self.weight.val(), self.bias.val())
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

/// `f` of at most so many rows at a time: what it needs beside its result does not grow with the sequence. Each row's result
/// must depend on that row alone.
///
/// # Shapes
/// - x: `[batch, seq, in]`; what `f` makes of it: `[batch, seq, out]`
///
/// # Errors
/// Those of `f`.
pub async fn by_rows<E>(
    x: Tensor<3>,
    rows: usize,
    mut f: impl AsyncFnMut(Tensor<3>) -> Result<Tensor<3>, E>,
) -> Result<Tensor<3>, E> {
    let [_, seq, _] = x.dims();
    if seq <= rows {
        return f(x).await;
    }
    let mut parts = Vec::new();
    for start in (0..seq).step_by(rows.max(1)) {
        parts.push(f(x.clone().narrow(1, start, rows.min(seq - start))).await?);
    }
    Ok(Tensor::cat(parts, 1))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::pace::at_once;

    #[test]
    fn rows_in_parts_are_the_same_rows() {
        let values: Vec<f32> = (0..2 * 7 * 3).map(|i| i as f32).collect();
        let x = Tensor::<3>::from_data(burn::tensor::TensorData::new(values, [2, 7, 3]), &Device::flex());
        for (rows, expected) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (7, vec![7]), (9, vec![7])] {
            let mut seen = Vec::new();
            let found = at_once(by_rows(x.clone(), rows, async |part| {
                seen.push(part.dims()[1]);
                Ok(part * 2.0)
            }));
            assert_eq!(seen, expected);
            assert_eq!(found.into_data(), (x.clone() * 2.0).into_data(), "{rows} rows");
        }
    }
}
