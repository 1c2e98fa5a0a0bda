//! The bar on the last line of the terminal, and lines above it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::style::{Style, say};
use crate::ui::terminal;

/// One bar at a time, drawn where the style has bars.
#[derive(Debug)]
pub struct Bar {
    pub style: Style,
    shown: Option<ProgressBar>,
}

impl Bar {
    pub fn new(style: Style) -> Self {
        Self { style, shown: None }
    }

    /// Shows how much of something is done.
    pub fn show(&mut self, prefix: &'static str, done: u64, all: u64, text: String) {
        self.draw("{prefix:<9} [{bar:28}] {msg}", Some(all));
        if let Some(bar) = &self.shown {
            bar.set_prefix(prefix);
            bar.set_message(text);
            bar.set_position(done);
        }
    }

    /// Shows in place of the bar that something runs which cannot be counted.
    pub fn wait(&mut self, text: &'static str) {
        self.clear();
        self.draw("{msg} … {elapsed}", None);
        if let Some(bar) = &self.shown {
            bar.set_message(text);
            bar.enable_steady_tick(Duration::from_millis(250));
        }
    }

    fn draw(&mut self, template: &str, length: Option<u64>) {
        if self.style == Style::Bars && self.shown.is_none() {
            let bar = ProgressBar::with_draw_target(length, terminal::target());
            // The templates are right; a wrong one would only leave the default look.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            self.shown = Some(bar);
        }
    }

    /// Prints a line in place of the bar.
    pub fn say(&mut self, line: &str) {
        self.clear();
        if self.style != Style::Silent {
            say(line);
        }
    }

    /// Removes the bar.
    pub fn clear(&mut self) {
        if let Some(bar) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
