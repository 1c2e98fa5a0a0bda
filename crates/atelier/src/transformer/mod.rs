//! The painter: a diffusion transformer over latent patches, glyphs and the blueprint (spec 7).

mod attention;
mod block;
mod embeddings;
mod weights;

pub use attention::JointAttention;
pub(crate) use block::MLP_ROWS;
pub use block::TransformerBlock;
use block::{Modulation, Norm};
pub use embeddings::{TimeConditionEmbedding, TwoLayer};

use atelier_shaders::Halves;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::nn::{Embedding, Linear};
use crate::pace::{Pace, Unpaced, at_once};
use crate::prior::{CachePrecision, ids_tensor};
use crate::rope::{Rope, inverse_frequencies};
use crate::trace;

pub(crate) const LAYER_NORM_EPS: f64 = 1e-5;

/// The DiT.
#[derive(Module, Debug)]
pub struct Transformer {
    pub(crate) image_projector: Linear,
    pub(crate) glyph_projector: TwoLayer,
    pub(crate) prior_token_embedding: Embedding,
    pub(crate) prior_projector: TwoLayer,
    pub(crate) time_condition_embed: TimeConditionEmbedding,
    pub(crate) blocks: Vec<TransformerBlock>,
    pub(crate) norm_out: Linear,
    pub(crate) proj_out: Linear,
    pub(crate) patch_size: usize,
    pub(crate) head_dim: usize,
}

/// The size of the picture to be painted, in pixels, and where it was cropped from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureFrame {
    /// Height and width of the whole picture.
    pub target_size: [f32; 2],
    /// Top and left; the pipeline uses (0, 0).
    pub crop: [f32; 2],
}

/// What guides the painting of a batch of equally large pictures; the pipeline paints one at a time.
#[derive(Debug, Clone)]
pub struct ConditioningInputs<'a> {
    /// `[batch, text, text_embed_dim]`: the glyph embeddings; none for a source image.
    pub glyphs: Option<Tensor<3>>,
    /// One code for each patch, row-major over `patches`, one picture after another.
    pub prior_ids: &'a [u32],
    /// For each picture: zero the blueprint's embedding, as in the unconditional branch; the projector's biases still
    /// contribute.
    pub drop_prior: &'a [bool],
    /// Rows and columns of patches.
    pub patches: [usize; 2],
    /// Size and crop of each picture.
    pub frames: &'a [PictureFrame],
}

/// What does not change from step to step: made once for each picture and guidance branch.
#[derive(Debug, Clone)]
pub struct Conditioning {
    /// `[batch, text, width]`: the projected glyphs; none for source images.
    text: Option<Tensor<3>>,
    /// `[batch, image, width]`: the projected blueprint, added to every patch.
    prior: Tensor<3>,
    rope: Rope,
    frames: Vec<PictureFrame>,
}

/// What a timestep does to all blocks.
struct Modulations {
    blocks: Vec<Modulation>,
    /// After the last block.
    last: Norm,
}

impl Modulations {
    /// The norm before the block of this index, or after the last block.
    fn norm(&self, index: usize) -> &Norm {
        self.blocks.get(index).map_or(&self.last, Modulation::first)
    }
}

/// Keys and values of the source images' tokens in every block.
#[derive(Debug, Clone, Default)]
pub struct SourceCache {
    pub(crate) blocks: Vec<SourceKeys>,
}

/// Those of one block, of each source image.
#[derive(Debug, Clone, Default)]
pub struct SourceKeys {
    keys: Vec<Kept>,
    values: Vec<Kept>,
}

/// Keys or values of a source image, `[1, heads, tokens, head_dim]`.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // Both are handles, and there are a few.
enum Kept {
    F32(Tensor<4>),
    F16(Halves<4>),
}

impl Kept {
    fn new(x: Tensor<4>, precision: CachePrecision) -> Self {
        match precision {
            CachePrecision::F32 => Self::F32(x),
            CachePrecision::F16 => Self::F16(atelier_shaders::to_f16(x)),
        }
    }

    fn widened(&self) -> Tensor<4> {
        match self {
            Self::F32(x) => x.clone(),
            Self::F16(x) => atelier_shaders::to_f32(x.clone()),
        }
    }
}

impl Transformer {
    /// Prepares a batch: projects glyphs and blueprints.
    pub fn conditions(&self, guides: ConditioningInputs<'_>) -> Conditioning {
        let ConditioningInputs { glyphs, prior_ids, drop_prior, patches, frames } = guides;
        let device = &self.image_projector.weight.device();
        let batch = drop_prior.len();
        let ids = ids_tensor(prior_ids, device).reshape([batch, patches[0] * patches[1]]);
        let mut embedded = self.prior_token_embedding.forward(ids);
        if drop_prior.contains(&true) {
            let kept: Vec<f32> = drop_prior.iter().map(|&drop| f32::from(u8::from(!drop))).collect();
            embedded = embedded * Tensor::from_data(TensorData::new(kept, [batch, 1, 1]), device);
        }
        let prior = self.prior_projector.forward(embedded, activation::silu);
        let text = glyphs.map(|glyphs| self.glyph_projector.forward(glyphs, activation::gelu));
        let rope = self.rope(patches, device);
        trace::record("prior_projector_out", || prior.clone());
        if let Some(text) = &text {
            trace::record("glyph_projector_out", || text.clone());
        }
        let angles = [patches[0] * patches[1], self.head_dim];
        trace::record("rope_cos", || rope.cos.clone().reshape(angles));
        trace::record("rope_sin", || rope.sin.clone().reshape(angles));
        Conditioning { text, prior, rope, frames: frames.to_vec() }
    }

    /// The velocity (noise minus data direction) at one timestep for each picture.
    ///
    /// # Shapes
    /// - latent, output: `[batch, channels, height, width]`
    /// - timesteps: `batch`
    pub fn forward(
        &self,
        latent: Tensor<4>,
        timesteps: &[f32],
        conditions: &Conditioning,
        sources: Option<&SourceCache>,
    ) -> Tensor<4> {
        at_once(self.forward_paced(latent, timesteps, conditions, sources, &mut Unpaced))
    }

    /// [`Transformer::forward`] at a pace.
    pub(crate) async fn forward_paced<P: Pace>(
        &self,
        latent: Tensor<4>,
        timesteps: &[f32],
        conditions: &Conditioning,
        sources: Option<&SourceCache>,
        pace: &mut P,
    ) -> Result<Tensor<4>, P::Stop> {
        let [_, _, height, width] = latent.dims();
        let (image, temb) = self.enter(latent, timesteps, conditions);
        let modulations = self.modulations(temb);
        let [_, patches, _] = image.dims();
        let (tokens, text) = match &conditions.text {
            Some(text) => (Tensor::cat(vec![text.clone(), image], 1), text.dims()[1]),
            None => (image, 0),
        };
        let mut stream = modulations.norm(0).of(tokens, text);
        for (index, block) in self.blocks.iter().enumerate() {
            let around = (&modulations.blocks[index], modulations.norm(index + 1));
            let context = (&conditions.rope, sources.map(|cache| &cache.blocks[index]));
            (stream, _) = block.forward(stream, text, around, context, false, pace).await?;
            trace::record(format_args!("block{index}_image"), || {
                stream.tokens.clone().narrow(1, text, patches)
            });
            if text > 0 {
                trace::record(format_args!("block{index}_text"), || stream.tokens.clone().narrow(1, 0, text));
            }
        }
        let image = stream.normal.narrow(1, text, patches);
        trace::record("norm_out_out", || image.clone());
        let velocity = self.unpatchify(self.proj_out.forward(image), height, width);
        trace::record("sample", || velocity.clone());
        Ok(velocity)
    }

    /// Runs one source image through the blocks and keeps its keys and values in `precision`.
    ///
    /// # Shapes
    /// - latent: `[1, channels, height, width]`, normalised
    pub(crate) async fn source_cache<P: Pace>(
        &self,
        latent: Tensor<4>,
        conditions: &Conditioning,
        precision: CachePrecision,
        pace: &mut P,
    ) -> Result<SourceCache, P::Stop> {
        let kept = |x| vec![Kept::new(x, precision)];
        let (image, temb) = self.enter(latent, &[0.0], conditions);
        let modulations = self.modulations(temb);
        let mut cache = SourceCache::default();
        let mut stream = modulations.norm(0).of(image, 0);
        for (index, block) in self.blocks.iter().enumerate() {
            let around = (&modulations.blocks[index], modulations.norm(index + 1));
            let (next, pair) = block.forward(stream, 0, around, (&conditions.rope, None), true, pace).await?;
            let [keys, values] = pair.map_or_else(Default::default, |pair| pair.map(kept));
            cache.blocks.push(SourceKeys { keys, values });
            stream = next;
        }
        Ok(cache)
    }

    /// What a timestep does to every block.
    ///
    /// # Shapes
    /// - temb: `[batch, time_embed_dim]`
    fn modulations(&self, temb: Tensor<2>) -> Modulations {
        let blocks = self.blocks.iter().map(|block| block.modulation(temb.clone())).collect();
        Modulations { blocks, last: Norm::last(self.norm_out.forward(temb)) }
    }

    /// Patches with the blueprint added, and the conditioning vector.
    fn enter(
        &self,
        latent: Tensor<4>,
        timesteps: &[f32],
        conditions: &Conditioning,
    ) -> (Tensor<3>, Tensor<2>) {
        let projected = self.image_projector.forward(self.patchify(latent));
        trace::record("image_projector_out", || projected.clone());
        let temb = self.time_condition_embed.forward(timesteps, &conditions.frames);
        trace::record("temb", || temb.clone());
        (projected + conditions.prior.clone(), temb)
    }

    /// `[batch, channels, height, width]` to `[batch, patches, channels * patch * patch]`, channel-major within a patch.
    fn patchify(&self, latent: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = latent.dims();
        let p = self.patch_size;
        latent.reshape([batch, channels, height / p, p, width / p, p]).permute([0, 2, 4, 1, 3, 5]).reshape([
            batch,
            (height / p) * (width / p),
            channels * p * p,
        ])
    }

    /// The inverse of `patchify`.
    fn unpatchify(&self, patches: Tensor<3>, height: usize, width: usize) -> Tensor<4> {
        let [batch, _, values] = patches.dims();
        let p = self.patch_size;
        let channels = values / (p * p);
        patches
            .reshape([batch, height / p, width / p, channels, p, p])
            .permute([0, 3, 1, 4, 2, 5])
            .reshape([batch, channels, height, width])
    }

    /// Half of the angles follow the row, half the column.
    fn rope(&self, [rows, columns]: [usize; 2], device: &Device) -> Rope {
        let frequencies = inverse_frequencies(10_000.0, self.head_dim / 2);
        let turn = |position: usize| frequencies.iter().map(move |f| position as f32 * f);
        let angles: Vec<f32> =
            (0..rows).flat_map(|i| (0..columns).flat_map(move |j| turn(i).chain(turn(j)))).collect();
        Rope::from_angles(&angles, rows * columns, device)
    }
}

impl SourceCache {
    /// Puts the tokens of several source images one after another.
    pub fn join(caches: Vec<SourceCache>) -> SourceCache {
        let mut images = caches.into_iter();
        let Some(mut all) = images.next() else {
            return SourceCache::default();
        };
        for image in images {
            for (block, more) in all.blocks.iter_mut().zip(image.blocks) {
                block.keys.extend(more.keys);
                block.values.extend(more.values);
            }
        }
        all
    }
}

impl SourceKeys {
    /// Keys and values of all source images in f32, those of further tokens behind them.
    pub(crate) fn before(&self, now: Option<(Tensor<4>, Tensor<4>)>) -> (Tensor<4>, Tensor<4>) {
        let all = |kept: &[Kept], now: Option<Tensor<4>>| {
            Tensor::cat(kept.iter().map(Kept::widened).chain(now).collect(), 2)
        };
        let (keys, values) = now.unzip();
        (all(&self.keys, keys), all(&self.values, values))
    }
}
