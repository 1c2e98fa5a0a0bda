//! From prompt to pixels. A run is prepared by [`Pipeline::prepare`]; its steps are numbered in [`Run`].

mod architect;
mod decoder;
mod painter;
mod request;
mod resident;
mod run;
mod sources;

pub use request::{
    ArchitectOptions, DEFAULT_GUIDANCE, DEFAULT_STEPS, MAX_GLYPH_TOKENS, MAX_GUIDANCE, MAX_IMAGES,
    MAX_RUN_IMAGES, MAX_STEPS, Noise, PaintOptions, Prompt, Request, Settings, Start, default_sampling,
};
pub use run::{Picture, PreparedPrompt, Run};

use std::sync::Arc;

use atelier_weights::ByteSource;
use burn::tensor::Device;

use crate::blueprint::{Blueprint, SourceRecord};
use crate::calibration::Calibration;
use crate::checkpoint::Checkpoint;
use crate::device;
use crate::error::{Error, Result};
use crate::memory::{self, MOST_BUFFER, MemoryPlan, Part, PlanRequest};
use crate::packing;
use crate::preview::Preview;
use crate::progress::Observer;
use crate::prompt::check_size;
use resident::Resident;
use run::Resolved;

/// A checkpoint on a device.
///
/// The stages live on the device one after another: asking for the next one frees the one before, so the peak is the
/// largest stage and never the sum. Asking for the same stage again costs nothing. Only a run of several pictures keeps
/// painter and decoder together, where the peak stays the same.
///
/// Futures of this type are not `Send`: in a browser nothing is. Natively, drive them with any `block_on`.
pub struct Pipeline {
    checkpoint: Checkpoint,
    device: Device,
    resident: Resident,
    preview: Option<Preview>,
}

impl Pipeline {
    /// Opens a checkpoint folder and checks it as a whole; weights are read later, stage by stage.
    ///
    /// # Errors
    /// A file of the checkpoint is missing, malformed or contradicts another.
    pub async fn load(source: Arc<dyn ByteSource>, device: Device) -> Result<Self> {
        let checkpoint = Checkpoint::open(source).await?;
        let preview = Preview::of(&checkpoint.config().vae);
        Ok(Self { checkpoint, device, resident: Resident::default(), preview })
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What the model does where a request does not say.
    pub fn defaults(&self) -> Settings {
        Settings::default_of(&self.checkpoint)
    }

    /// Has everything that runs from now on measure what goes into its matrices. Slow: every layer waits for the device.
    pub fn calibrate(&mut self) -> Calibration {
        self.release();
        self.checkpoint.calibrate()
    }

    /// Prepares a run: fills in the model's defaults, checks everything that can be refused before anything is loaded, reads
    /// the prompts, and plans the memory of each stage within the bytes that the device may give, if there is such a budget.
    /// A [plan](Run::plan) that does not fit the budget is the caller's to refuse.
    ///
    /// # Errors
    /// [`Error::Request`], [`Error::SourceImage`] or [`Error::Blueprint`] naming what is wrong, and [`Error::Buffer`] when one
    /// would be larger than the device takes.
    pub fn prepare(&mut self, request: &Request, budget: Option<u64>) -> Result<Run<'_>> {
        let resolved = self.resolve(request)?;
        let plans = self.plans(&resolved, budget)?;
        Ok(Run::new(self, resolved, plans, budget))
    }

    /// What a request needs on the device, stage by stage, as [`Pipeline::prepare`] plans it.
    ///
    /// # Errors
    /// As [`Pipeline::prepare`].
    pub fn plan(&self, request: &Request, budget: Option<u64>) -> Result<MemoryPlan> {
        Ok(self.plans(&self.resolve(request)?, budget)?.swap_remove(0).1)
    }

    /// The whole run in one call: prompts to pictures.
    ///
    /// # Errors
    /// As [`Pipeline::prepare`]; a weight cannot be read, the device fails, or the observer stops the run.
    pub async fn generate(&mut self, request: &Request, observer: &mut Observer<'_>) -> Result<Vec<Picture>> {
        self.prepare(request, None)?.execute(observer).await
    }

    /// The logits from which each token of a blueprint would be drawn, had this model written the tokens before it. So
    /// models can be compared on the same tokens.
    ///
    /// # Shapes
    /// - output: `[tokens, codes]`, row-major, and the number of codes
    ///
    /// # Errors
    /// [`crate::Error::Blueprint`] when it does not belong to this model or has source images, and as
    /// [`Pipeline::generate`].
    pub async fn blueprint_logits(
        &mut self,
        blueprint: &Blueprint,
        observer: &mut Observer<'_>,
    ) -> Result<(Vec<f32>, usize)> {
        blueprint.check(&self.checkpoint, &[])?;
        let prior = self.resident.architect(&self.checkpoint, &self.device, observer).await?;
        architect::blueprint_logits(blueprint, prior, &self.checkpoint, &self.device).await
    }

    /// Frees the weights of whichever stage is on the device.
    pub fn release(&mut self) {
        self.resident.release(&self.device);
    }

    /// What a request means for this model.
    fn resolve(&self, request: &Request) -> Result<Resolved> {
        let checkpoint = &self.checkpoint;
        request.validate()?;
        let settings = request.settings(checkpoint);
        check_size(settings.width, settings.height)?;
        let request = request.with_settings(&settings);
        let sources = sources::usable_sources(&request.sources, checkpoint)?;
        let blueprints = match &request.start {
            Start::Prompts(prompts) => vec![None; prompts.len()],
            Start::Blueprints(blueprints) => {
                let records: Vec<_> = request.sources.iter().map(SourceRecord::of).collect();
                for blueprint in blueprints {
                    blueprint.check(checkpoint, &records)?;
                }
                blueprints.iter().cloned().map(|blueprint| Some(blueprint.into())).collect()
            }
        };
        let prompts =
            PreparedPrompt::all(&request, &settings, &sources::grids(&sources, checkpoint)?, checkpoint)?;
        let resolved = Resolved { request, settings, sources, prompts, blueprints };
        resolved.check_pictures(checkpoint)?;
        Ok(resolved)
    }

    /// A plan for each size of the run's pictures, the one that needs most first.
    fn plans(&self, resolved: &Resolved, budget: Option<u64>) -> Result<Vec<([usize; 2], MemoryPlan)>> {
        let checkpoint = &self.checkpoint;
        let tensors = packing::loaded(checkpoint);
        let largest_buffer = device::largest_buffer(&self.device);
        let mut plans: Vec<([usize; 2], MemoryPlan)> = Vec::new();
        for size in resolved.prompts.iter().map(PreparedPrompt::size) {
            if plans.iter().any(|(planned, _)| *planned == size) {
                continue;
            }
            let planned = PlanRequest {
                budget,
                // No buffer of activations is made larger where there is a choice.
                most_buffer: largest_buffer.map_or(MOST_BUFFER, |most| most.min(MOST_BUFFER)),
                ..resolved.plan_request(size, checkpoint.is_pack())
            };
            let plan = memory::plan(checkpoint.config(), &tensors, &planned)?;
            match (plan.largest_buffer(), largest_buffer) {
                (Some(Part { what, bytes, .. }), Some(most)) if bytes > most => {
                    return Err(Error::Buffer { what, bytes, most });
                }
                _ => plans.push((size, plan)),
            }
        }
        plans.sort_by_key(|(_, plan)| std::cmp::Reverse(plan.peak()));
        Ok(plans)
    }
}
