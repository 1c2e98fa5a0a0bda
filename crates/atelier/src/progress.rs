//! What a run reports while it goes on, and how it is stopped.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;

use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::error::{Error, Result};
use crate::image::RgbImage;
use crate::prompt::Grid;
use crate::trace;

/// One thing that happened. The names are those of the JSON events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
#[cfg_attr(test, ts(rename = "EngineEvent"))]
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
        /// What was written.
        #[serde(skip_serializing)]
        blueprint: Rc<Blueprint>,
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
        /// [asked for](Observer::with_previews) and where it can be made.
        #[serde(skip_serializing)]
        #[cfg_attr(test, ts(as = "Option<crate::typescript::Pixels>", optional))]
        preview: Option<RgbImage>,
    },
    /// A picture was decoded.
    Decode {
        /// Counted from 0.
        image: usize,
        /// All pictures of the run.
        images: usize,
        /// Its pixels with a value beyond ±2 where black is −1 and white is 1: many of them mean that something is wrong.
        far_pixels: usize,
    },
}

/// The stages, which live on the device one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
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
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum GridName {
    /// The small grid written first.
    Draft,
    /// The grid the picture is painted from.
    Large,
}

/// Who watches a run, if anybody.
#[derive(Default)]
pub struct Observer<'a> {
    callback: Option<Box<Callback<'a>>>,
    /// Whether to stop where nothing happens yet.
    stop: Option<Box<dyn FnMut() -> bool + 'a>>,
    /// Lets others work where there is only one thread.
    rest: Option<Box<dyn FnMut() -> Option<Rest<'a>> + 'a>>,
    /// Whether steps bring a small picture along.
    pub(crate) previews: bool,
}

type Callback<'a> = dyn FnMut(&Event) -> ControlFlow<()> + 'a;

/// What [`Observer::resting`] waits for.
pub type Rest<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl<'a> Observer<'a> {
    /// Nobody watches.
    pub fn silent() -> Self {
        Self::default()
    }

    /// A callback that sees every event; [`ControlFlow::Break`] stops the run within one token or step.
    pub fn new(callback: impl FnMut(&Event) -> ControlFlow<()> + 'a) -> Self {
        Self { callback: Some(Box::new(callback)), ..Self::default() }
    }

    /// The same with a question that is asked between events, too, some times a second: when it is answered with true, the run
    /// stops.
    pub fn stopping(self, stop: impl FnMut() -> bool + 'a) -> Self {
        Self { stop: Some(Box::new(stop)), ..self }
    }

    /// The same with pauses for whatever else happens on this thread, such as messages in a browser that end the run. `rest` is asked
    /// after events and between them, often, and what it gives is waited for; it knows when the last pause was.
    pub fn resting(self, rest: impl FnMut() -> Option<Rest<'a>> + 'a) -> Self {
        Self { rest: Some(Box::new(rest)), ..self }
    }

    /// The same with a small picture at every step.
    pub fn with_previews(self) -> Self {
        Self { previews: true, ..self }
    }

    /// Pauses if it is time to.
    pub(crate) async fn rest(&mut self) {
        if let Some(rest) = self.rest.as_mut().and_then(|rest| rest()) {
            rest.await;
        }
    }

    /// Between two events.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the run is to stop.
    pub(crate) fn check(&mut self) -> Result<()> {
        let stop = self.stop.as_mut().is_some_and(trace::paused);
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Reports an event.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the callback breaks.
    pub(crate) fn emit(&mut self, event: Event) -> Result<()> {
        let callback = self.callback.as_mut();
        let stop = callback.is_some_and(|callback| trace::paused(|| callback(&event)).is_break());
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Observer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { callback, previews, .. } = self;
        f.debug_struct("Observer")
            .field("watched", &callback.is_some())
            .field("previews", previews)
            .finish_non_exhaustive()
    }
}
