//! Progress for a person: a bar for the stage that runs, one line for each that is over.

use std::time::Instant;

use atelier::{Event, Stage};

use crate::ui::bar::Bar;
use crate::ui::events::Seconds;
use crate::ui::format::{counted, duration, number, size, stage_name};
use crate::ui::style::Style;

/// What is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Verify(Stage),
    Load(Stage),
    Sources,
    Architect { prompt: usize },
    Painter { image: usize },
    Decoder,
}

/// Bars, lines and clocks.
#[derive(Debug)]
pub struct Progress {
    bar: Bar,
    phase: Option<Phase>,
    phase_start: Instant,
    /// The first token or step of the phase, after which the pace is even.
    first: Instant,
    last_event: Instant,
    seconds: Seconds,
    /// Stages that were loaded before.
    loaded: Vec<Stage>,
}

impl Progress {
    pub fn new(style: Style) -> Self {
        let now = Instant::now();
        Self {
            bar: Bar::new(style),
            phase: None,
            phase_start: now,
            first: now,
            last_event: now,
            seconds: Seconds::default(),
            loaded: Vec::new(),
        }
    }

    /// Where the time went so far.
    pub fn seconds(&self) -> Seconds {
        self.seconds
    }

    /// Prints a line.
    pub fn say(&mut self, line: &str) {
        self.bar.say(line);
    }

    /// The source images have been read, for which there is no event.
    pub fn on_sources(&mut self, count: usize) {
        self.charge(Phase::Sources);
        self.close(&format!("read      {}", counted(count, "source image")));
    }

    /// Shows an event.
    pub fn on(&mut self, event: &Event) {
        match *event {
            Event::Verify { stage, bytes, total } => {
                let text = format!("{}, {} of {}", stage_name(stage), size(bytes), size(total));
                self.advance(Phase::Verify(stage), bytes, total, "check", &text);
                // A small pack is not worth a line.
                if bytes >= total && self.elapsed() >= 1.0 {
                    self.close(&format!("checked   {}, {}", stage_name(stage), size(total)));
                }
            }
            Event::Load { stage, bytes, total } => {
                let amounts = format!("{} of {}", size(bytes), size(total));
                self.advance(
                    Phase::Load(stage),
                    bytes,
                    total,
                    "load",
                    &format!("{}, {amounts}", stage_name(stage)),
                );
                if bytes >= total {
                    // Between pictures a stage may be loaded again: once is enough to know.
                    if self.loaded.contains(&stage) && self.elapsed() < 1.0 {
                        self.phase = None;
                        self.phase_start = Instant::now();
                    } else {
                        self.close(&format!("loaded    {}, {}", stage_name(stage), size(total)));
                        self.loaded.push(stage);
                    }
                    self.bar.wait(match stage {
                        Stage::Sources => "reading the source images",
                        Stage::Architect => "reading the prompt",
                        Stage::Painter => "first step",
                        Stage::Decoder => "decoding",
                    });
                }
            }
            Event::BlueprintToken { prompt, prompts, token, tokens, .. } => {
                let phase = Phase::Architect { prompt };
                let pace = self.pace(phase, token).map(|pace| format!(", {} tokens/s", number(1.0 / pace)));
                let which = which("prompt", prompt, prompts);
                let text = format!("{which}token {token} of {tokens}{}", pace.unwrap_or_default());
                self.advance(phase, token as u64, tokens as u64, "blueprint", &text);
                if token == tokens {
                    let pace = tokens as f64 / self.elapsed().max(1e-9);
                    self.close(&format!("blueprint {which}{tokens} tokens, {} tokens/s", number(pace)));
                }
            }
            Event::Step { image, images, step, steps, .. } => {
                let phase = Phase::Painter { image };
                let left = self.pace(phase, step).map(|pace| pace * (steps - step.min(steps)) as f64);
                let left = left.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
                let which = which("picture", image, images);
                self.advance(
                    phase,
                    step as u64,
                    steps as u64,
                    "paint",
                    &format!("{which}step {step} of {steps}{left}"),
                );
                if step == steps {
                    let pace = self.elapsed() / steps as f64;
                    let (steps, pace) = (counted(steps, "step"), duration(pace));
                    self.close(&format!("painted   {which}{steps}, {pace} per step"));
                }
            }
            Event::Decode { image, images, .. } => {
                let done = image + 1;
                let text = format!("picture {done} of {images}");
                self.advance(Phase::Decoder, done as u64, images as u64, "decode", &text);
                self.close(&match images {
                    1 => "decoded   1 picture".to_owned(),
                    _ => format!("decoded   picture {done} of {images}"),
                });
            }
            _ => {}
        }
    }

    /// Adds the time since the last event to the stage that it ends in.
    fn charge(&mut self, phase: Phase) {
        let now = Instant::now();
        let passed = (now - self.last_event).as_secs_f64();
        self.last_event = now;
        match phase {
            Phase::Verify(_) | Phase::Load(_) => self.seconds.load += passed,
            Phase::Sources => self.seconds.sources += passed,
            // The first token ends the reading of its prompt.
            Phase::Architect { .. } if self.phase != Some(phase) => self.seconds.prompt += passed,
            Phase::Architect { .. } => self.seconds.architect += passed,
            Phase::Painter { .. } => self.seconds.painter += passed,
            Phase::Decoder => self.seconds.decoder += passed,
        }
    }

    /// Seconds for one token or step, once two are done.
    fn pace(&self, phase: Phase, done: usize) -> Option<f64> {
        let even = self.phase == Some(phase) && done > 1;
        even.then(|| self.first.elapsed().as_secs_f64() / (done - 1) as f64)
    }

    fn elapsed(&self) -> f64 {
        self.phase_start.elapsed().as_secs_f64()
    }

    fn advance(&mut self, phase: Phase, done: u64, all: u64, prefix: &'static str, text: &str) {
        self.charge(phase);
        if self.phase != Some(phase) {
            self.bar.clear();
            self.phase = Some(phase);
            self.first = Instant::now();
        }
        self.bar.show(prefix, done, all, text.to_owned());
    }

    /// Ends a phase with a line.
    fn close(&mut self, line: &str) {
        let seconds = duration(self.elapsed());
        self.say(&format!("{line}, {seconds}"));
        self.phase = None;
        self.phase_start = Instant::now();
    }

    /// Removes the bar.
    pub fn clear(&mut self) {
        self.bar.clear();
    }
}

fn which(noun: &str, index: usize, count: usize) -> String {
    if count > 1 { format!("{noun} {} of {count}, ", index + 1) } else { String::new() }
}
