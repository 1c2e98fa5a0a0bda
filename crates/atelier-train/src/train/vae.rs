//! The VAE's training: pictures to latents and back.

use std::path::{Path, PathBuf};

use atelier::config::VaeConfig;
use atelier::vae::{Decoder, Encoder};
use atelier::weight_mapping;
use burn::tensor::{Device, Tensor, TensorData};
use futures_lite::future::block_on;

use super::error::Result;
use super::files;
use super::parameters::{Initial, Method, Parameters, Policy};
use super::studio::{Drawing, Studio};
use super::task::{Figures, Progress, Task};
use crate::data::{Curriculum, Decorate, Geometry, Random};

/// Crops of a batch, and their side in pixels.
const CROPS: [usize; 2] = [6, 128];
/// The same near the end, when the normalisation must learn to see whole pictures.
const LARGE_CROPS: [usize; 2] = [1, 384];
/// Share of the steps with small crops only.
const SMALL: f64 = 0.7;
/// Crops are cut at multiples of this.
const GRAIN: usize = 8;
/// Noise that the decoder must bear, beside latents of about unit size.
const LATENT_NOISE: f32 = 0.06;
const CHECK_SAMPLES: u64 = 6;

/// Trains `vae`.
pub struct VaeTask {
    config: VaeConfig,
    studio: Studio,
    seed: u64,
    next_sample: u64,
}

impl VaeTask {
    /// A training whose samples come from `seed`.
    ///
    /// # Errors
    /// The recipe contradicts the model's types.
    pub fn new(studio: Studio, seed: u64) -> Result<Self> {
        let config = studio.recipe().config(&[0.0; 16], &[1.0; 16])?.vae;
        Ok(Self { config, studio, seed, next_sample: 0 })
    }

    /// The next crops.
    fn batch(&mut self, progress: Progress, device: &Device) -> Result<(Tensor<4>, Random)> {
        let small = progress.share() < SMALL || progress.step.is_multiple_of(2);
        let [count, side] = if small { CROPS } else { LARGE_CROPS };
        let mut random = Random::new(self.seed ^ 0xc20b, progress.step);
        let curriculum = curriculum();
        let mut drawings = Vec::with_capacity(count);
        for _ in 0..count {
            let drawing = self.studio.draw(self.seed, self.next_sample, &curriculum)?;
            self.next_sample += 1;
            let places = (drawing.picture.width as usize - side) / GRAIN + 1;
            drawings.push((drawing, [(); 2].map(|()| GRAIN * random.below(places))));
        }
        Ok((crops(&drawings, side, device), random))
    }

    /// How well whole pictures survive.
    fn psnr(&self, encoder: &Encoder, decoder: &Decoder, device: &Device) -> Result<Figures> {
        let mut square = 0.0;
        for index in 0..CHECK_SAMPLES {
            let drawing = self.studio.draw(u64::MAX, index, &curriculum())?;
            let side = drawing.picture.width as usize;
            let pixels = crops(&[(drawing, [0, 0])], side, device);
            let latents = encoder.forward(pixels.clone());
            let again = decoder.forward(latents).clamp(-1.0, 1.0);
            square += f64::from(files::scalar((again - pixels).square().mean())?);
        }
        // The peak is 2, from -1 to 1.
        Ok(vec![("psnr", 10.0 * (4.0 * CHECK_SAMPLES as f64 / square).log10())])
    }
}

/// Trains the decoder alone, on the latents of the trained encoder: a painter can learn those at the same time.
pub struct DecoderTask {
    vae: VaeTask,
    encoder: Encoder,
    state: PathBuf,
}

impl DecoderTask {
    /// A training that goes on with the decoder of `state`.
    ///
    /// # Errors
    /// There is no trained VAE.
    pub fn new(studio: Studio, seed: u64, state: &Path, device: &Device) -> Result<Self> {
        // Other samples than the whole VAE has seen.
        let vae = VaeTask::new(studio.clone(), seed ^ 0xdec0)?;
        let (_, _, encoder) = super::painter::latents(&studio, state, device)?;
        Ok(Self { vae, encoder, state: state.to_owned() })
    }
}

impl Task for DecoderTask {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn policy(&self) -> Policy {
        self.vae.policy()
    }

    fn steps(&self) -> u64 {
        1_400
    }

    fn rate(&self) -> f64 {
        0.5 * self.vae.rate()
    }

    fn seen(&self) -> u64 {
        self.vae.seen()
    }

    fn resume(&mut self, seen: u64) {
        self.vae.resume(seen);
    }

    fn begin(&self, parameters: &mut Parameters) -> Result<()> {
        parameters.begin_with(&self.state, "decoder.")
    }

    fn loss(&mut self, progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>> {
        let (pixels, mut random) = self.vae.batch(progress, parameters.device())?;
        let decoder = block_on(weight_mapping::vae_decoder(parameters, &self.vae.config))?;
        let latents = self.encoder.forward(pixels.clone());
        Ok(reconstruction_error(&decoder, latents, pixels, &mut random))
    }

    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures> {
        let decoder = block_on(weight_mapping::vae_decoder(parameters, &self.vae.config))?;
        self.vae.psnr(&self.encoder, &decoder, parameters.device())
    }
}

/// How far pictures are from their pixels after a way through noisy latents.
fn reconstruction_error(
    decoder: &Decoder,
    latents: Tensor<4>,
    pixels: Tensor<4>,
    random: &mut Random,
) -> Tensor<1> {
    let noise = normal(latents.dims(), random, &pixels.device()).mul_scalar(LATENT_NOISE);
    let difference = decoder.forward(latents + noise) - pixels;
    difference.clone().abs().mean() + difference.square().mean()
}

/// The VAE as it stands in the parameters.
///
/// # Errors
/// None: the parameters make what is missing.
pub fn build(config: &VaeConfig, parameters: &mut Parameters) -> Result<(Encoder, Decoder)> {
    let encoder = block_on(weight_mapping::vae_encoder(parameters, config))?;
    Ok((encoder, block_on(weight_mapping::vae_decoder(parameters, config))?))
}

/// Equal squares of pictures, cut where `random` says.
///
/// # Shapes
/// - output: `[drawings, 3, side, side]` in -1..=1
pub fn crops(drawings: &[(Drawing, [usize; 2])], side: usize, device: &Device) -> Tensor<4> {
    let mut values = Vec::with_capacity(drawings.len() * 3 * side * side);
    for (drawing, [top, left]) in drawings {
        let picture = &drawing.picture;
        for channel in 0..3 {
            for y in *top..top + side {
                let row = y * picture.width as usize;
                values.extend(
                    (*left..left + side)
                        .map(|x| f32::from(picture.rgb[3 * (row + x) + channel]) / 127.5 - 1.0),
                );
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [drawings.len(), 3, side, side]), device)
}

/// Pictures of every kind.
pub fn curriculum() -> Curriculum {
    Curriculum {
        geometry: Geometry::column(),
        decorate: Decorate::Random,
        any_rows: 0.5,
        ..Curriculum::full()
    }
}

impl Task for VaeTask {
    fn name(&self) -> &'static str {
        "vae"
    }

    fn policy(&self) -> Policy {
        |name, shape| match shape {
            [_] => (Initial::Constant(if name.ends_with("bias") { 0.0 } else { 1.0 }), Method::AdamW),
            _ => {
                let inputs: usize = shape[1..].iter().product();
                // The second convolution of a residual block begins small.
                let scale = if name.contains("conv2") { 0.3 } else { 1.0 };
                let ends = name.contains("conv_in") || name.contains("conv_out");
                let method = if ends { Method::AdamW } else { Method::Muon };
                (Initial::Normal { std: scale / (inputs as f32).sqrt() }, method)
            }
        }
    }

    fn steps(&self) -> u64 {
        1_300
    }

    fn rate(&self) -> f64 {
        4e-3
    }

    fn seen(&self) -> u64 {
        self.next_sample
    }

    fn resume(&mut self, seen: u64) {
        self.next_sample = seen;
    }

    fn loss(&mut self, progress: Progress, parameters: &mut Parameters) -> Result<Tensor<1>> {
        let (pixels, mut random) = self.batch(progress, parameters.device())?;
        let (encoder, decoder) = build(&self.config, parameters)?;
        let latents = encoder.forward(pixels.clone());
        // Latents shall keep about unit size, or the noise would mean nothing.
        let size = latents.clone().square().mean();
        Ok(reconstruction_error(&decoder, latents, pixels, &mut random) + size.mul_scalar(1e-3))
    }

    fn check(&mut self, parameters: &mut Parameters) -> Result<Figures> {
        let (encoder, decoder) = build(&self.config, parameters)?;
        self.psnr(&encoder, &decoder, parameters.device())
    }
}

/// Normally distributed values.
pub fn normal<const D: usize>(shape: [usize; D], random: &mut Random, device: &Device) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|_| random.normal()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
