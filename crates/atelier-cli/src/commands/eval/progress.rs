//! One bar for all pictures of an evaluation.

use std::time::Instant;

use atelier::Event;

use crate::ui::bar::Bar;
use crate::ui::format::{duration, stage_name};
use crate::ui::style::Style;

/// Parts of a picture from which on its stage's pace is known well enough.
const ENOUGH: f64 = 0.2;
/// Positions of the bar.
const LENGTH: u64 = 1000;

/// A bar, lines and clocks.
#[derive(Debug)]
pub struct Progress {
    bar: Bar,
    /// Pictures to make, and those that are saved.
    total: usize,
    saved: usize,
    /// The groups to be loaded for, those begun, and the seconds that loading took.
    groups: usize,
    begun: usize,
    loading: f64,
    architect: Clock,
    painter: Clock,
    decoder: Clock,
    start: Instant,
    last_event: Instant,
    /// The index of the picture that is worked on.
    index: usize,
}

/// What a stage has done.
#[derive(Debug, Default)]
struct Clock {
    seconds: f64,
    /// Pictures through the stage, and the part of the one in it.
    whole: usize,
    part: f64,
}

impl Clock {
    fn done(&self) -> f64 {
        self.whole as f64 + self.part
    }

    fn advance(&mut self, seconds: f64, done: usize, all: usize) {
        self.seconds += seconds;
        self.part = done as f64 / all.max(1) as f64;
        if done >= all {
            self.whole += 1;
            self.part = 0.0;
        }
    }

    /// Seconds for the rest of `total` pictures, once the pace is known.
    fn left(&self, total: usize) -> Option<f64> {
        let done = self.done();
        (done >= ENOUGH).then(|| self.seconds / done * (total as f64 - done).max(0.0))
    }
}

impl Progress {
    pub fn new(style: Style) -> Self {
        let now = Instant::now();
        Self {
            bar: Bar::new(style),
            total: 0,
            saved: 0,
            groups: 0,
            begun: 0,
            loading: 0.0,
            architect: Clock::default(),
            painter: Clock::default(),
            decoder: Clock::default(),
            start: now,
            last_event: now,
            index: 0,
        }
    }

    /// The work begins: so many pictures, in so many groups.
    pub fn begin(&mut self, total: usize, groups: usize) {
        (self.total, self.groups) = (total, groups);
        self.start = Instant::now();
        self.last_event = self.start;
    }

    /// The next group begins.
    pub fn group(&mut self) {
        self.begun += 1;
    }

    /// What follows is about the picture of this index.
    pub fn picture(&mut self, index: usize) {
        self.index = index;
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) {
        self.bar.say(line);
    }

    /// Shows an event.
    pub fn on(&mut self, event: &Event) {
        let now = Instant::now();
        let passed = (now - self.last_event).as_secs_f64();
        self.last_event = now;
        let index = self.index;
        let text = match *event {
            Event::Load { stage, .. } => {
                self.loading += passed;
                format!("loading the {}", stage_name(stage))
            }
            Event::BlueprintToken { token, tokens, .. } => {
                self.architect.advance(passed, token, tokens);
                format!("blueprint {index:03}, token {token} of {tokens}")
            }
            Event::Step { step, steps, .. } => {
                self.painter.advance(passed, step, steps);
                format!("painting {index:03}, step {step} of {steps}")
            }
            Event::Decode { .. } => {
                self.decoder.advance(passed, 1, 1);
                format!("decoding {index:03}")
            }
            _ => return,
        };
        self.show(&text);
    }

    /// A picture was written.
    pub fn save(&mut self, path: &str) {
        self.saved += 1;
        // Beside a bar that counts, a line for each picture would only push other text away.
        if self.bar.style == Style::Lines {
            let (saved, total) = (self.saved, self.total);
            let line = format!("saved     {path}, {saved} of {total}{}", self.time_left());
            self.say(&line);
        }
    }

    /// Whether the work has been counted.
    pub fn has_begun(&self) -> bool {
        self.total > 0
    }

    /// Pictures to make.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Pictures that were written.
    pub fn saved(&self) -> usize {
        self.saved
    }

    /// Seconds since the work began.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Seconds until all is done, once blueprints and pictures have a pace.
    fn left(&self) -> Option<f64> {
        let loading = self.loading / self.begun.max(1) as f64 * self.groups.saturating_sub(self.begun) as f64;
        let decoding = self.decoder.left(self.total).unwrap_or(0.0);
        Some(self.architect.left(self.total)? + self.painter.left(self.total)? + decoding + loading)
    }

    fn time_left(&self) -> String {
        self.left().map(|left| format!(", {} left", duration(left))).unwrap_or_default()
    }

    fn show(&mut self, text: &str) {
        let part = (self.architect.done() + self.painter.done()) / (2 * self.total.max(1)) as f64;
        let text = format!("{} of {}, {text}{}", self.saved, self.total, self.time_left());
        self.bar.show("eval", (part * LENGTH as f64) as u64, LENGTH, text);
    }

    /// Removes the bar.
    pub fn clear(&mut self) {
        self.bar.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_parts_of_pictures() {
        let mut clock = Clock::default();
        assert_eq!(clock.left(4), None);
        clock.advance(1.0, 1, 10);
        assert_eq!(clock.left(4), None);
        clock.advance(4.0, 5, 10);
        assert_eq!(clock.left(4), Some(35.0));
        clock.advance(5.0, 10, 10);
        assert_eq!(clock.left(4), Some(30.0));
        clock.advance(5.0, 5, 10);
        assert_eq!(clock.left(4), Some(25.0));
    }
}
