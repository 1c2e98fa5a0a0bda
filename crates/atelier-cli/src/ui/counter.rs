//! Progress of one thing that is counted.

use std::time::Instant;

use crate::ui::bar::Bar;
use crate::ui::format::{duration, size};
use crate::ui::style::Style;

/// A bar, or, where there is no terminal, a line now and then.
#[derive(Debug)]
pub struct Counter {
    bar: Bar,
    prefix: &'static str,
    start: Instant,
    done: u64,
    /// Done before this run began: no part of its pace.
    before: u64,
    total: u64,
    /// Tenths that a line was printed for.
    said: u64,
    /// Prints a count.
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
        let mut bar = Bar::new(style);
        bar.show(prefix, before, total, String::new());
        Self { bar, prefix, start: Instant::now(), done: before, before, total, said: 0, unit }
    }

    /// More are done.
    pub fn add(&mut self, count: u64) {
        self.done += count;
        let (done, total) = (self.done, self.total);
        let worked = done.saturating_sub(self.before).max(1);
        let left = self.seconds() * total.saturating_sub(done) as f64 / worked as f64;
        let text = format!("{} of {}, {} left", (self.unit)(done), (self.unit)(total), duration(left));
        // Without a bar, a line for every tenth of what takes long.
        let tenths = 10 * done / total.max(1);
        if self.bar.style == Style::Lines && self.seconds() >= 5.0 && tenths > self.said {
            self.said = tenths;
            self.bar.say(&text);
        } else {
            self.bar.show(self.prefix, done, total, text);
        }
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
