//! Timestep, size and crop become one conditioning vector.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::PictureFrame;
use crate::nn::Linear;

/// Two linear layers with an activation between them.
#[derive(Module, Debug)]
pub struct TwoLayer {
    pub(crate) linear_1: Linear,
    pub(crate) linear_2: Linear,
}

impl TwoLayer {
    /// # Shapes
    /// - x: `[..., in]`
    /// - output: `[..., out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>, activation: fn(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
        self.linear_2.forward(activation(self.linear_1.forward(x)))
    }
}

/// `SiLU( MLP_t(time) + MLP_c(crop, size) )`.
#[derive(Module, Debug)]
pub struct TimeConditionEmbedding {
    pub(crate) timestep_embedder: TwoLayer,
    pub(crate) condition_embedder: TwoLayer,
    pub(crate) time_dim: usize,
    pub(crate) condition_dim: usize,
}

impl TimeConditionEmbedding {
    /// One vector for each picture of a batch; `timesteps` and `frames` are equally long.
    ///
    /// # Shapes
    /// - output: `[batch, time_embed_dim]`
    pub fn forward(&self, timesteps: &[f32], frames: &[PictureFrame]) -> Tensor<2> {
        let device = self.timestep_embedder.linear_1.weight.device();
        let time = rows(timesteps.iter().map(|&timestep| sinusoid(timestep, self.time_dim)), &device);
        let condition = frames.iter().map(|frame| {
            // The crop comes before the size.
            let [top, left] = frame.crop;
            let [height, width] = frame.target_size;
            [top, left, height, width].map(|v| sinusoid(v, self.condition_dim)).concat()
        });
        let condition = rows(condition, &device);
        activation::silu(
            self.timestep_embedder.forward(time, activation::silu)
                + self.condition_embedder.forward(condition, activation::silu),
        )
    }
}

fn rows(rows: impl ExactSizeIterator<Item = Vec<f32>>, device: &Device) -> Tensor<2> {
    let count = rows.len();
    let values: Vec<f32> = rows.flatten().collect();
    let width = values.len() / count.max(1);
    Tensor::from_data(TensorData::new(values, [count, width]), device)
}

/// `[cos(v·f), sin(v·f)]` with `f_k = exp(-ln(10000)·k / (dim / 2))`; every product in f32, as the reference rounds.
fn sinusoid(value: f32, dim: usize) -> Vec<f32> {
    let half = dim / 2;
    let log_period = -libm::log(10_000.0) as f32;
    let angles: Vec<f32> =
        (0..half).map(|k| value * libm::expf(log_period * k as f32 / half as f32)).collect();
    angles.iter().map(|&a| libm::cosf(a)).chain(angles.iter().map(|&a| libm::sinf(a))).collect()
}
