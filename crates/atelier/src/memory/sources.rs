//! Source images: the vision tower and its quantizer, then the VAE's encoder, image after image.
//!
//! With `p` visual tokens, `w` the tower's width, `m` its MLP's: a block's norm has stream and four copies `5·p·w`, its
//! attention the stream, queries, keys, values at once and the result `5·p·w`, its MLP stream, norm and three times the
//! hidden `2·p·w + 3·p·m`. The quantizer has two codebooks of unit length and the cosines twice.

use super::stage::{AllocationPoint, Part, StagePlan, WeightsPlan};
use super::vae::{Map, convolution, downsampler, last, resnet};
use super::{F32, SourceSizes};
use crate::config::ModelConfig;
use crate::progress::Stage;

pub(super) fn plan(config: &ModelConfig, sources: &SourceSizes, weights: WeightsPlan) -> StagePlan {
    let mut points = tower(config, sources.codes());
    points.extend(encoder(config, sources.pixels));
    StagePlan::new(Stage::Sources, weights, Vec::new(), points)
}

fn tower(config: &ModelConfig, tokens: usize) -> Vec<AllocationPoint> {
    let (c, vq) = (&config.prior.vision_config, &config.prior.vq_config);
    let part = |what, count, columns| Part::new(what, count, &[tokens, columns], F32);
    let pixels = c.in_channels * c.patch_size * c.patch_size;
    vec![
        AllocationPoint::new(
            "the tower's patches and positions",
            vec![part("patches", 1, pixels), part("embedded, positions", 4, c.hidden_size)],
        ),
        AllocationPoint::new("a norm of the tower", vec![part("stream, norm", 5, c.hidden_size)]),
        AllocationPoint::new(
            "attention of the tower",
            vec![
                part("stream, result", 2, c.hidden_size),
                part("queries, keys and values", 1, 3 * c.hidden_size),
            ],
        ),
        AllocationPoint::new(
            "MLP of the tower",
            vec![part("stream, norm", 2, c.hidden_size), part("hidden, with GELU", 3, c.intermediate_size)],
        ),
        AllocationPoint::new(
            "the quantizer",
            vec![
                part("features, unit length", 3, vq.embed_dim),
                Part::new("codebook, unit length", 2, &[vq.num_embeddings, vq.embed_dim], F32),
                part("cosines", 2, vq.num_embeddings),
            ],
        ),
    ]
}

fn encoder(config: &ModelConfig, [height, width]: [usize; 2]) -> Vec<AllocationPoint> {
    let c = &config.vae;
    let picture = Map { channels: c.in_channels, height, width };
    let levels = &c.block_out_channels;
    let Some((&first, &deepest)) = levels.first().zip(levels.last()) else { return Vec::new() };
    let mut map = picture.with(first);
    let mut points = vec![convolution("encoder: first convolution", picture, map)];
    for (level, &channels) in levels.iter().enumerate() {
        for index in 0..c.layers_per_block {
            let name = format!("encoder: down block {level}, residual block {index}");
            points.extend(resnet(&name, map, map.with(channels)));
            map = map.with(channels);
        }
        if level + 1 < levels.len() {
            points.push(downsampler(&format!("encoder: down block {level}, halving"), map));
            map = map.halved();
        }
    }
    points.extend(resnet("encoder: middle", map, map.with(deepest)));
    points.push(last("encoder: last convolution", map, map.with(2 * c.latent_channels)));
    points
}
