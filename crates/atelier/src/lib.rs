//! GLM-Image: the *architect*, an AR model, writes a token blueprint; the *painter*, a diffusion transformer, paints it.
//!
//! A picture in a few lines:
//!
//! ```no_run
//! # async fn run(source: std::sync::Arc<dyn atelier::ByteSource>) -> atelier::Result<()> {
//! use atelier::{DeviceChoice, Observer, Pipeline, Request, device};
//!
//! let (device, _) = device::open(&DeviceChoice::Auto).await?;
//! let mut pipeline = Pipeline::load(source, device).await?;
//! let request = Request { steps: Some(20), ..Request::new(["A poster that says 'OPEN STUDIO'"]) };
//! let mut run = pipeline.prepare(&request, None)?;
//! let pictures = run.execute(&mut Observer::silent()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The model is specified in `docs/GLM-IMAGE.md`; "specification" in these pages means that document. The crate touches no
//! file system and no network: bytes come in through a [`ByteSource`].

pub mod blueprint;
pub mod calibration;
pub mod card;
pub mod checkpoint;
pub mod config;
pub mod device;
pub mod error;
pub mod geometry;
pub mod glyph_encoder;
pub mod image;
pub mod info;
pub mod inventory;
pub mod latents;
pub mod loader;
pub mod memory;
pub mod nn;
pub(crate) mod pace;
pub mod packing;
pub mod pipeline;
pub mod preview;
pub mod prior;
#[cfg(not(target_family = "wasm"))] // A browser cannot wait for a device.
pub mod probe;
pub mod progress;
pub mod prompt;
mod readback;
pub mod record;
pub mod rng;
pub mod rope;
pub mod scheduler;
pub mod trace;
pub mod transformer;
#[cfg(test)]
mod typescript;
pub mod vae;
pub mod vision;
pub mod weights;

pub use atelier_weights::ByteSource;
pub use blueprint::{BLUEPRINT_FORMAT, Blueprint, SourceRecord, TokenGrid};
pub use burn::tensor::Device;
pub use card::{Card, Warning};
pub use checkpoint::Checkpoint;
pub use config::ModelConfig;
pub use device::{AdapterKind, AdapterReport, DeviceChoice, DeviceReport};
pub use error::{Error, ErrorCode, Field, Result};
pub use image::RgbImage;
pub use info::ModelInfo;
pub use latents::Latents;
pub use pipeline::{
    ArchitectOptions, DEFAULT_GUIDANCE, DEFAULT_STEPS, MAX_GLYPH_TOKENS, MAX_GUIDANCE, MAX_IMAGES,
    MAX_RUN_IMAGES, MAX_STEPS, Noise, PaintOptions, Picture, Pipeline, PreparedPrompt, Prompt, Request, Run,
    Settings, Start,
};
pub use prior::sampler::{MAX_TEMPERATURE, MAX_TOP_K, Sampling};
pub use progress::{Event, GridName, Observer, Stage};
pub use prompt::{Grid, QuoteRule};
pub use trace::{Trace, TraceTensor, TraceValues};
