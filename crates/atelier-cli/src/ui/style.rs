//! How much is shown on standard error.

use std::io::{IsTerminal, Write};

use crate::error::one_line;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Bars that move, then lines.
    Bars,
    /// Lines only.
    Lines,
    /// Nothing.
    Silent,
}

impl Style {
    /// How much is shown on standard error.
    pub fn of(json: bool, quiet: bool) -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        match (quiet, json) {
            (true, _) => Self::Silent,
            // Events and bars on one terminal would write over each other.
            (_, true) if !terminal || std::io::stdout().is_terminal() => Self::Silent,
            _ if terminal => Self::Bars,
            _ => Self::Lines,
        }
    }
}

/// One line on standard error, which may be closed.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", one_line(line));
}
