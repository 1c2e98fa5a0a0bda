//! What the user sees: numbers and lines on standard error, results and events on standard output.

pub mod bar;
pub mod counter;
pub mod events;
pub mod format;
pub mod progress;
pub mod report;
pub mod stdout;
pub mod style;
pub mod terminal;
