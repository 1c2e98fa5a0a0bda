//! The names of the VAE's weights.

use atelier_weights::ComponentName;

use super::{Decoder, DownBlock, Encoder, Resnet, UpBlock};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::progress::Stage;
use crate::weights::{FromWeights, Scope, WeightSource};

impl FromWeights for Encoder {
    const COMPONENT: ComponentName = ComponentName::Vae;
    const STAGE: Stage = Stage::Sources;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.vae;
        let levels = &c.block_out_channels;
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let mut w = w.at("encoder");
        let conv_in = w.at("conv_in").conv(c.in_channels, first, 3).await?;
        let mut down_blocks = Vec::with_capacity(levels.len());
        let mut all = w.at("down_blocks");
        let mut channels = first;
        for (i, &out) in levels.iter().enumerate() {
            let mut b = all.at(i);
            let resnets =
                resnets(b.at("resnets"), c.layers_per_block, channels, out, c.norm_num_groups).await?;
            let downsampler = if i + 1 < levels.len() {
                Some(b.at("downsamplers.0.conv").conv(out, out, 3).await?)
            } else {
                None
            };
            down_blocks.push(DownBlock { resnets, downsampler });
            channels = out;
        }
        Ok(Encoder {
            conv_in,
            down_blocks,
            mid: resnets(w.at("mid_block.resnets"), 2, last, last, c.norm_num_groups).await?,
            conv_norm_out: w.at("conv_norm_out").group_norm(last, c.norm_num_groups).await?,
            conv_out: w.at("conv_out").conv(last, 2 * c.latent_channels, 3).await?,
        })
    }
}

impl FromWeights for Decoder {
    const COMPONENT: ComponentName = ComponentName::Vae;
    const STAGE: Stage = Stage::Decoder;

    async fn from_weights<W: WeightSource>(mut w: Scope<'_, W>, config: &ModelConfig) -> Result<Self> {
        let c = &config.vae;
        let levels: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
        let (first, last) = (levels[0], levels[levels.len() - 1]);
        let mut w = w.at("decoder");
        let conv_in = w.at("conv_in").conv(c.latent_channels, first, 3).await?;
        let mid = resnets(w.at("mid_block.resnets"), 2, first, first, c.norm_num_groups).await?;
        let mut up_blocks = Vec::with_capacity(levels.len());
        let mut all = w.at("up_blocks");
        let mut channels = first;
        for (i, &out) in levels.iter().enumerate() {
            let mut b = all.at(i);
            let resnets =
                resnets(b.at("resnets"), c.layers_per_block + 1, channels, out, c.norm_num_groups).await?;
            let upsampler = if i + 1 < levels.len() {
                Some(b.at("upsamplers.0.conv").conv(out, out, 3).await?)
            } else {
                None
            };
            up_blocks.push(UpBlock { resnets, upsampler });
            channels = out;
        }
        Ok(Decoder {
            conv_in,
            mid,
            up_blocks,
            conv_norm_out: w.at("conv_norm_out").group_norm(last, c.norm_num_groups).await?,
            conv_out: w.at("conv_out").conv(last, c.out_channels, 3).await?,
        })
    }
}

/// `count` resnets; the first changes the channels.
async fn resnets<W: WeightSource>(
    mut w: Scope<'_, W>,
    count: usize,
    input: usize,
    output: usize,
    groups: usize,
) -> Result<Vec<Resnet>> {
    let mut resnets = Vec::with_capacity(count);
    for i in 0..count {
        let mut r = w.at(i);
        let input = if i == 0 { input } else { output };
        let conv_shortcut =
            if input == output { None } else { Some(r.at("conv_shortcut").conv(input, output, 1).await?) };
        resnets.push(Resnet {
            norm1: r.at("norm1").group_norm(input, groups).await?,
            conv1: r.at("conv1").conv(input, output, 3).await?,
            norm2: r.at("norm2").group_norm(output, groups).await?,
            conv2: r.at("conv2").conv(output, output, 3).await?,
            conv_shortcut,
        });
    }
    Ok(resnets)
}
