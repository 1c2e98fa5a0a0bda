//! `--json`: what happens, one JSON object a line on standard output. The library's own events are among them.

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ui::stdout;

/// What the program adds to the library's events.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent<'a> {
    /// Everything was checked; loading begins.
    Start {
        version: &'a str,
        device: &'a str,
        model: &'a str,
        seed: u64,
        width: usize,
        height: usize,
        steps: usize,
        guidance: f32,
        prompts: usize,
        images: usize,
        /// For every prompt, the quoted texts that are spelled.
        texts: Vec<&'a [String]>,
    },
    /// A warning; a model's own has fields of its own.
    Warning {
        message: &'a str,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        warning: Option<&'a atelier::Warning>,
    },
    /// A blueprint was written to a file, or, with `--blueprint-only` and no file, is here.
    BlueprintSaved {
        prompt: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a Path>,
        #[serde(skip_serializing_if = "Option::is_none")]
        blueprint: Option<&'a atelier::Blueprint>,
    },
    /// A picture was written.
    Saved { path: &'a Path, prompt: &'a str, seed: u64, blueprint_seed: u64, image: usize },
    /// The run is over.
    Done { seconds: f64, stages: Seconds },
    /// The run ends early: so many of its pictures are saved, and `--resume` continues from the file, if there is one.
    Unfinished {
        saved: usize,
        images: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        resume: Option<&'a Path>,
    },
    /// The run failed; nothing follows.
    Error { message: String, code: i32 },
}

/// Where the time went; no second is in two of them.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Seconds {
    pub load: f64,
    pub sources: f64,
    /// Reading prompts, up to the first token of each.
    pub prompt: f64,
    /// Writing further tokens.
    pub architect: f64,
    pub painter: f64,
    pub decoder: f64,
}

/// Where events go.
#[derive(Debug)]
pub struct Events {
    pub enabled: bool,
    failure: Option<Error>,
}

impl Events {
    pub fn new(enabled: bool) -> Self {
        Self { enabled, failure: None }
    }

    /// Prints one event. A failure is kept: what reads the events must not end a long run.
    pub fn send(&mut self, event: &impl Serialize) {
        if !self.enabled || self.failure.is_some() {
            return;
        }
        let line = serde_json::to_string(event).map_err(|error| Error::Crash(error.to_string()));
        self.failure = line.and_then(|line| stdout::line(&line)).err();
    }

    /// The first failure.
    pub fn finish(self) -> Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
