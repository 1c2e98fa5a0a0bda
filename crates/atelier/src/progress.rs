//! What a run reports while it goes on, and how it is stopped.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::prompt::Grid;
use crate::trace::Trace;

/// One thing that happened. The names are those of the JSON events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The files of a pack that a stage reads are being compared with their hashes.
    Verify {
        /// The stage they belong to.
        stage: Stage,
        /// Bytes so far.
        bytes: u64,
        /// All bytes.
        total: u64,
    },
    /// Weights of a stage are being read.
    Load {
        /// The stage they belong to.
        stage: Stage,
        /// Weights on the device so far, in bytes of the checkpoint.
        bytes: u64,
        /// All weights of the stage, in bytes of the checkpoint.
        total: u64,
    },
    /// The architect wrote a token.
    BlueprintToken {
        /// Counted from 0.
        prompt: usize,
        /// All prompts of the run.
        prompts: usize,
        /// Tokens of this blueprint so far, this one included.
        token: usize,
        /// All tokens of this blueprint.
        tokens: usize,
        /// Which grid it belongs to.
        grid: GridName,
        /// The size of that grid.
        size: Grid,
        /// Its place in that grid, row-major.
        index: usize,
        /// The code.
        id: u32,
    },
    /// A blueprint is complete.
    Blueprint {
        /// Counted from 0.
        prompt: usize,
        /// All prompts of the run.
        prompts: usize,
    },
    /// The painter finished a step.
    Step {
        /// Counted from 0.
        image: usize,
        /// All pictures of the run.
        images: usize,
        /// Steps of this picture so far, this one included.
        step: usize,
        /// All steps of this picture.
        steps: usize,
        /// What the picture will be, as far as can be told, a pixel for each latent cell; only if
        /// [asked for](Run::with_previews) and where it can be made.
        #[serde(skip)]
        preview: Option<RgbImage>,
    },
    /// A picture was decoded.
    Decode {
        /// Counted from 0.
        image: usize,
        /// All pictures of the run.
        images: usize,
    },
}

/// The stages, which live on the device one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Vision tower, VQ module and VAE encoder: source images only.
    Sources,
    /// The AR model.
    Architect,
    /// Glyph encoder and DiT.
    Painter,
    /// The VAE decoder.
    Decoder,
}

impl Stage {
    /// All of them, in the order in which a run needs them.
    pub const ALL: &[Self] = &[Self::Sources, Self::Architect, Self::Painter, Self::Decoder];

    /// The name in events, packs and plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Architect => "architect",
            Self::Painter => "painter",
            Self::Decoder => "decoder",
        }
    }
}

/// Which grid a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GridName {
    /// The small grid written first.
    Draft,
    /// The grid the picture is painted from.
    Large,
}

/// A callback that sees every event; [`ControlFlow::Break`] stops the run within one token or step.
pub type Observer<'a> = dyn FnMut(&Event) -> ControlFlow<()> + 'a;

/// What accompanies a run: an observer and a trace, both optional.
#[derive(Default)]
pub struct Run<'a> {
    observer: Option<Box<Observer<'a>>>,
    /// Whether steps bring a small picture along.
    pub(crate) previews: bool,
    /// The tensors of every stage, if enabled.
    pub trace: Trace,
}

impl<'a> Run<'a> {
    /// A run that nobody watches.
    pub fn silent() -> Self {
        Self::default()
    }

    /// A run whose events go to `observer`.
    pub fn observed(observer: impl FnMut(&Event) -> ControlFlow<()> + 'a) -> Self {
        Self { observer: Some(Box::new(observer)), ..Self::default() }
    }

    /// The same run with every stage's tensors recorded.
    pub fn traced(self) -> Self {
        Self { trace: Trace::enabled(), ..self }
    }

    /// The same run with a small picture at every step.
    pub fn with_previews(self) -> Self {
        Self { previews: true, ..self }
    }

    /// Reports an event.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the observer breaks.
    pub(crate) fn emit(&mut self, event: Event) -> Result<()> {
        let stop = self.observer.as_mut().is_some_and(|observer| observer(&event).is_break());
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("observed", &self.observer.is_some()).field("trace", &self.trace).finish()
    }
}
