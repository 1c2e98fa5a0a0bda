//! The names of the tensors inside a layer.

use std::fmt::Display;

use atelier_shaders::RowPrecision;
use burn::module::Param;
use burn::tensor::Tensor;

use super::WeightSource;
use crate::error::Result;
use crate::nn::{Conv2d, Embedding, GroupNorm, LayerNorm, Linear, Matrix, RmsNorm};

/// Not in the VAE's configuration file: fixed by the reference class (spec 10).
const GROUP_NORM_EPS: f64 = 1e-6;

/// A source of weights as a module sees it: names begin where the module's own do. What a layer needs is read under the usual
/// names of its tensors, `weight` and `bias`.
///
/// # Errors
/// All that read: as [`WeightSource::tensor`].
pub struct Scope<'w, W> {
    source: &'w mut W,
    path: String,
}

impl<'w, W: WeightSource> Scope<'w, W> {
    /// The whole component.
    pub fn new(source: &'w mut W) -> Self {
        Self { source, path: String::new() }
    }

    /// The module of this name or index; dots lead further down.
    pub fn at(&mut self, name: impl Display) -> Scope<'_, W> {
        let path = self.name(name);
        Scope { source: &mut *self.source, path }
    }

    fn name(&self, name: impl Display) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }

    /// A tensor without a layer around it.
    pub async fn tensor<const D: usize>(self, shape: [usize; D]) -> Result<Param<Tensor<D>>> {
        self.source.tensor(&self.path, shape).await
    }

    /// Notes a second name under which a checkpoint may carry the tensor `same_as`, which is at home here.
    pub fn alias(&mut self, name: &str, same_as: &str, shape: &[usize]) {
        let (name, same_as) = (self.name(name), self.name(same_as));
        self.source.alias(&name, &same_as, shape);
    }

    /// A tensor that inference never uses.
    pub fn unused(self, shape: &[usize]) {
        self.source.unused(&self.path, shape);
    }

    /// `[output, input]` weights, and `[output]` biases if there are any.
    pub async fn linear(self, input: usize, output: usize, bias: bool) -> Result<Linear> {
        let weight_name = self.name("weight");
        let weight = self.source.matrix(&weight_name, [output, input]).await?;
        let bias = if bias { Some(self.source.tensor(&self.name("bias"), [output]).await?) } else { None };
        let observer = self.source.observer(&weight_name);
        Ok(Linear { weight, bias, observer, precision: RowPrecision::Exact })
    }

    /// A convolution whose stride equals its kernel, as a matrix over the flattened (channel, row, column).
    pub async fn pixels_linear(self, [channels, rows, columns]: [usize; 3], output: usize) -> Result<Linear> {
        let stored = [output, channels, rows, columns];
        let shape = [output, channels * rows * columns];
        let weight = self.source.reshaped(&self.name("weight"), stored, shape).await?;
        let bias = Some(self.source.tensor(&self.name("bias"), [output]).await?);
        let weight = Matrix::dense(weight);
        Ok(Linear { weight, bias, observer: None, precision: RowPrecision::Exact })
    }

    /// `[rows, width]` weights.
    pub async fn embedding(self, rows: usize, width: usize) -> Result<Embedding> {
        Ok(Embedding { weight: self.source.matrix(&self.name("weight"), [rows, width]).await? })
    }

    /// `[width]` gains.
    pub async fn rms_norm(mut self, width: usize, eps: f64) -> Result<RmsNorm> {
        Ok(RmsNorm { weight: self.at("weight").tensor([width]).await?, eps })
    }

    /// `[width]` gains and biases.
    pub async fn layer_norm(mut self, width: usize, eps: f64) -> Result<LayerNorm> {
        let weight = self.at("weight").tensor([width]).await?;
        Ok(LayerNorm { weight, bias: self.at("bias").tensor([width]).await?, eps })
    }

    /// `[channels]` gains and biases.
    pub async fn group_norm(mut self, channels: usize, groups: usize) -> Result<GroupNorm> {
        let weight = self.at("weight").tensor([channels]).await?;
        let bias = self.at("bias").tensor([channels]).await?;
        Ok(GroupNorm { weight, bias, groups, eps: GROUP_NORM_EPS })
    }

    /// `[output, input, side, side]` weights and `[output]` biases.
    pub async fn conv(mut self, input: usize, output: usize, side: usize) -> Result<Conv2d> {
        let weight = self.at("weight").tensor([output, input, side, side]).await?;
        Ok(Conv2d { weight, bias: self.at("bias").tensor([output]).await? })
    }
}
