//! The names of the tensors inside a layer.

use super::WeightSource;
use crate::error::Result;
use crate::nn::{Conv2d, Embedding, GroupNorm, LayerNorm, Linear, Matrix, RmsNorm};
use crate::vae::Resnet;

/// Not in the VAE's configuration file: fixed by the reference class (specification, section 10).
const GROUP_NORM_EPS: f64 = 1e-6;

/// `count` resnets under `{name}.resnets`; the first changes the channels.
pub(super) async fn resnets<W: WeightSource>(
    w: &mut W,
    name: &str,
    count: usize,
    input: usize,
    output: usize,
    groups: usize,
) -> Result<Vec<Resnet>> {
    let mut resnets = Vec::with_capacity(count);
    for i in 0..count {
        let r = format!("{name}.resnets.{i}");
        let input = if i == 0 { input } else { output };
        let conv_shortcut = if input == output {
            None
        } else {
            Some(conv(w, &format!("{r}.conv_shortcut"), input, output, 1).await?)
        };
        resnets.push(Resnet {
            norm1: group_norm(w, &format!("{r}.norm1"), input, groups).await?,
            conv1: conv(w, &format!("{r}.conv1"), input, output, 3).await?,
            norm2: group_norm(w, &format!("{r}.norm2"), output, groups).await?,
            conv2: conv(w, &format!("{r}.conv2"), output, output, 3).await?,
            conv_shortcut,
        });
    }
    Ok(resnets)
}

pub(super) async fn linear<W: WeightSource>(
    w: &mut W,
    name: &str,
    input: usize,
    output: usize,
    bias: bool,
) -> Result<Linear> {
    let weight = w.matrix(&format!("{name}.weight"), [output, input]).await?;
    let bias = if bias { Some(w.tensor(&format!("{name}.bias"), [output]).await?) } else { None };
    Ok(Linear { weight, bias, observer: w.observer(&format!("{name}.weight")) })
}

/// A convolution whose stride equals its kernel, as a matrix over the flattened (channel, row, column).
pub(super) async fn pixels_linear<W: WeightSource>(
    w: &mut W,
    name: &str,
    [channels, rows, columns]: [usize; 3],
    output: usize,
) -> Result<Linear> {
    let stored = [output, channels, rows, columns];
    let shape = [output, channels * rows * columns];
    let weight = w.reshaped(&format!("{name}.weight"), stored, shape).await?;
    let bias = Some(w.tensor(&format!("{name}.bias"), [output]).await?);
    Ok(Linear { weight: Matrix::dense(weight), bias, observer: None })
}

pub(super) async fn embedding<W: WeightSource>(
    w: &mut W,
    name: &str,
    rows: usize,
    width: usize,
) -> Result<Embedding> {
    Ok(Embedding { weight: w.matrix(&format!("{name}.weight"), [rows, width]).await? })
}

pub(super) async fn rms_norm<W: WeightSource>(
    w: &mut W,
    name: &str,
    width: usize,
    eps: f64,
) -> Result<RmsNorm> {
    Ok(RmsNorm { weight: w.tensor(&format!("{name}.weight"), [width]).await?, eps })
}

pub(super) async fn layer_norm<W: WeightSource>(
    w: &mut W,
    name: &str,
    width: usize,
    eps: f64,
) -> Result<LayerNorm> {
    let weight = w.tensor(&format!("{name}.weight"), [width]).await?;
    Ok(LayerNorm { weight, bias: w.tensor(&format!("{name}.bias"), [width]).await?, eps })
}

pub(super) async fn group_norm<W: WeightSource>(
    w: &mut W,
    name: &str,
    channels: usize,
    groups: usize,
) -> Result<GroupNorm> {
    let weight = w.tensor(&format!("{name}.weight"), [channels]).await?;
    let bias = w.tensor(&format!("{name}.bias"), [channels]).await?;
    Ok(GroupNorm { weight, bias, groups, eps: GROUP_NORM_EPS })
}

pub(super) async fn conv<W: WeightSource>(
    w: &mut W,
    name: &str,
    input: usize,
    output: usize,
    side: usize,
) -> Result<Conv2d> {
    let weight = w.tensor(&format!("{name}.weight"), [output, input, side, side]).await?;
    Ok(Conv2d { weight, bias: w.tensor(&format!("{name}.bias"), [output]).await? })
}
