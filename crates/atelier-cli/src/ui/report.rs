//! The reports of a run: bars or lines on standard error, events on standard output.

use atelier::Event;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::ui::events::{Events, RunEvent};
use crate::ui::progress::Progress;
use crate::ui::style::{Style, say};

/// Both of them.
#[derive(Debug)]
pub struct Report {
    pub progress: Progress,
    events: Events,
    quiet: bool,
}

impl Report {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { progress: Progress::new(Style::of(json, quiet)), events: Events::new(json), quiet }
    }

    /// Something happened in the library.
    pub fn on(&mut self, event: &Event) {
        self.events.send(event);
        self.progress.on(event);
    }

    /// Something happened in the program.
    pub fn send(&mut self, event: &impl Serialize) {
        self.events.send(event);
    }

    /// Prints a warning.
    pub fn warn(&mut self, text: &str) {
        self.print_warning(text, None);
    }

    /// As [`Self::warn`], about what the model was not taught.
    pub fn warn_of(&mut self, warning: &atelier::Warning) {
        self.print_warning(&warning.to_string(), Some(warning));
    }

    fn print_warning(&mut self, message: &str, warning: Option<&atelier::Warning>) {
        self.progress.clear();
        self.events.send(&RunEvent::Warning { message, warning });
        if !self.quiet {
            say(&format!("warning: {message}"));
        }
    }

    /// Whether events are printed.
    pub fn prints_events(&self) -> bool {
        self.events.enabled
    }

    /// The first failure to print events.
    pub fn finish(self) -> Result<()> {
        self.events.finish()
    }
}

/// Reports why the program failed.
pub fn error(error: &Error, json: bool) {
    match error {
        Error::Cancelled => say("cancelled"),
        error => say(&format!("error: {error}")),
    }
    Events::new(json).send(&RunEvent::Error { message: error.to_string(), code: error.exit_code() });
}
