//! Pictures to latents.

use burn::module::Module;
use burn::tensor::Tensor;

use super::Resnet;
use crate::nn::{Conv2d, GroupNorm};
use crate::pace::{Pace, Unpaced, at_once};
use crate::trace;

/// The encoder half of the VAE.
#[derive(Module, Debug)]
pub struct Encoder {
    pub(crate) conv_in: Conv2d,
    pub(crate) down_blocks: Vec<DownBlock>,
    pub(crate) mid: Vec<Resnet>,
    pub(crate) conv_norm_out: GroupNorm,
    pub(crate) conv_out: Conv2d,
}

/// One level of the encoder.
#[derive(Module, Debug)]
pub struct DownBlock {
    pub(crate) resnets: Vec<Resnet>,
    pub(crate) downsampler: Option<Conv2d>,
}

impl Encoder {
    /// The mean of the posterior; nothing is sampled.
    ///
    /// # Shapes
    /// - pixels: `[batch, 3, height, width]` in -1..=1
    /// - output: `[batch, latent_channels, height / 8, width / 8]`
    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<4> {
        at_once(self.forward_paced(pixels, &mut Unpaced))
    }

    /// [`Encoder::forward`] at a pace.
    pub(crate) async fn forward_paced<P: Pace>(
        &self,
        pixels: Tensor<4>,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let mut x = self.conv_in.forward(pixels);
        trace::record("conv_in_out", || x.clone());
        for (index, block) in self.down_blocks.iter().enumerate() {
            for resnet in &block.resnets {
                x = resnet.forward_paced(x, pace).await?;
            }
            if let Some(downsampler) = &block.downsampler {
                x = downsampler.forward_halving(x);
                pace.pause().await?;
            }
            trace::record(format_args!("down{index}_out"), || x.clone());
        }
        for resnet in &self.mid {
            x = resnet.forward_paced(x, pace).await?;
        }
        trace::record("mid_out", || x.clone());
        let moments = self.conv_out.forward(self.conv_norm_out.forward_silu(x));
        let [_, channels, _, _] = moments.dims();
        let mean = moments.clone().narrow(1, 0, channels / 2);
        trace::record("mean", || mean.clone());
        trace::record("logvar", || moments.narrow(1, channels / 2, channels / 2));
        Ok(mean)
    }
}
