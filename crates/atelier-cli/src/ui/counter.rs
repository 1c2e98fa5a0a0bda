//! One bar over something that is counted.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::format::{duration, size};
use crate::ui::style::{Style, say};
use crate::ui::terminal;

/// A bar, or, where there is no terminal, a line now and then.
#[derive(Debug)]
pub struct Counter {
    style: Style,
    bar: Option<ProgressBar>,
    start: Instant,
    done: u64,
    /// Done before this run began: no part of its pace.
    before: u64,
    total: u64,
    said: u64,
    /// How a number of them is said.
    unit: fn(u64) -> String,
}

impl Counter {
    /// Counts bytes.
    pub fn bytes(style: Style, prefix: &'static str, total: u64, before: u64) -> Self {
        Self::new(style, prefix, total, before, size)
    }

    /// Counts something else, whose number says enough.
    pub fn plain(style: Style, prefix: &'static str, total: u64) -> Self {
        Self::new(style, prefix, total, 0, |count| count.to_string())
    }

    fn new(style: Style, prefix: &'static str, total: u64, before: u64, unit: fn(u64) -> String) -> Self {
        let bar = (style == Style::Bars).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), terminal::target());
            if let Ok(style) = ProgressStyle::with_template("{prefix:<9} [{bar:28}] {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(prefix);
            bar.set_position(before);
            bar
        });
        Self { style, bar, start: Instant::now(), done: before, before, total, said: 0, unit }
    }

    /// More are done.
    pub fn add(&mut self, count: u64) {
        self.done += count;
        let (done, total) = (self.done, self.total);
        let worked = done.saturating_sub(self.before).max(1);
        let left = self.start.elapsed().as_secs_f64() * total.saturating_sub(done) as f64 / worked as f64;
        let text = format!("{} of {}, {} left", (self.unit)(done), (self.unit)(total), duration(left));
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.set_position(done);
            }
            // A line for every tenth of what takes long.
            None if self.style == Style::Lines
                && self.start.elapsed().as_secs() >= 5
                && 10 * done / total.max(1) > self.said =>
            {
                self.said = 10 * done / total.max(1);
                say(&text);
            }
            None => {}
        }
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
