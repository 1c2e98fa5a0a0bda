//! Latents to pictures.

use burn::module::Module;
use burn::tensor::Tensor;

use super::Resnet;
use crate::nn::{Conv2d, GroupNorm};
use crate::pace::{Pace, Unpaced, at_once};
use crate::trace;

/// The decoder half of the VAE.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(crate) conv_in: Conv2d,
    pub(crate) mid: Vec<Resnet>,
    pub(crate) up_blocks: Vec<UpBlock>,
    pub(crate) conv_norm_out: GroupNorm,
    pub(crate) conv_out: Conv2d,
}

/// One level of the decoder.
#[derive(Module, Debug)]
pub struct UpBlock {
    pub(crate) resnets: Vec<Resnet>,
    pub(crate) upsampler: Option<Conv2d>,
}

impl Decoder {
    /// # Shapes
    /// - z: `[batch, latent_channels, height / 8, width / 8]`, denormalised
    /// - output: `[batch, 3, height, width]`, about -1..=1
    pub fn forward(&self, z: Tensor<4>) -> Tensor<4> {
        at_once(self.forward_paced(z, &mut Unpaced))
    }

    /// [`Decoder::forward`] at a pace.
    pub(crate) async fn forward_paced<P: Pace>(
        &self,
        z: Tensor<4>,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let mut x = self.conv_in.forward(z);
        trace::record("conv_in_out", || x.clone());
        for resnet in &self.mid {
            x = resnet.forward_paced(x, pace).await?;
        }
        trace::record("mid_out", || x.clone());
        for (index, block) in self.up_blocks.iter().enumerate() {
            for resnet in &block.resnets {
                x = resnet.forward_paced(x, pace).await?;
            }
            if let Some(upsampler) = &block.upsampler {
                x = upsampler.forward_doubling(x);
                pace.pause().await?;
            }
            trace::record(format_args!("up{index}_out"), || x.clone());
        }
        Ok(self.conv_out.forward(self.conv_norm_out.forward_silu(x)))
    }
}
