//! What the user is told while a run goes on: bars or lines on standard error, events on standard output.

use std::io::{IsTerminal, Write};

use atelier::Event;
use serde::Serialize;

use crate::error::{Error, Result, one_line};
use crate::events::{Events, RunEvent};
use crate::progress::{Progress, Style};

/// Both ways of telling.
#[derive(Debug)]
pub struct Report {
    pub progress: Progress,
    events: Events,
    quiet: bool,
}

impl Report {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { progress: Progress::new(style(json, quiet)), events: Events::new(json), quiet }
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

    /// Says what the user should know but need not mend.
    pub fn warn(&mut self, text: &str) {
        self.tell_warning(text, None);
    }

    /// As [`Self::warn`], of what the model was not taught.
    pub fn warn_of(&mut self, warning: &atelier::Warning) {
        self.tell_warning(&warning.to_string(), Some(warning));
    }

    fn tell_warning(&mut self, message: &str, warning: Option<&atelier::Warning>) {
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

/// How much is shown on standard error.
pub fn style(json: bool, quiet: bool) -> Style {
    let terminal =
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match (quiet, json) {
        (true, _) => Style::Silent,
        // Events and bars on one terminal would write over each other.
        (_, true) if !terminal || std::io::stdout().is_terminal() => Style::Silent,
        _ if terminal => Style::Bars,
        _ => Style::Lines,
    }
}

/// One line on standard error, which may be closed.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", one_line(line));
}

/// The last words of a run that failed.
pub fn error(error: &Error, json: bool) {
    match error {
        Error::Cancelled => say("cancelled"),
        error => say(&format!("error: {error}")),
    }
    Events::new(json).send(&RunEvent::Error { message: error.to_string(), code: error.exit_code() });
}
