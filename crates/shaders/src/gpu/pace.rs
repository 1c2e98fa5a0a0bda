//! How much work a submission holds, and how much is under way.
//!
//! Drivers give up on a GPU that is busy with one submission for some two seconds, a screen shows nothing new meanwhile, and
//! what is submitted cannot be taken back. So every kernel says how many floating-point operations it is, and a submission
//! holds what the device does in [`SUBMISSION`] seconds. How fast it is shows as it works: from the time that any of its work
//! was handed over to the time that it was seen to be done it cannot have taken longer. So it starts as a slow device, and the
//! best that was seen counts. Numbers that are read and written count as operations, too, by what GPUs can do of both.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::Poll;

use burn::tensor::Device;
use burn_cubecl::CubeDevice;
use web_time::Instant;

use super::device::{cube, meter};
use crate::Tally;

/// Seconds that the work of a submission takes.
pub const SUBMISSION: f64 = 0.2;
/// Operations a second of a device of which nothing is known: what a software GPU does.
pub const FIRST_RATE: f64 = 4e9;
/// Seconds of work that are handed over before the work before them is waited for: two such parts are under way.
const PAUSE: f64 = 0.1;
/// A shorter time than clocks of browsers tell, in seconds.
const TICK: f64 = 2e-3;
/// Operations that take as long as to read and write a number.
const OF_A_NUMBER: f64 = 32.0;

/// What is counted of a device.
#[derive(Debug)]
pub(super) struct Meter {
    /// Operations a second, the best that was seen.
    rate: f64,
    /// Whether it stays whatever is seen.
    pinned: bool,
    /// Operations since the last submission.
    pending: f64,
    /// All operations so far.
    handed: f64,
    tally: Tally,
}

impl Default for Meter {
    fn default() -> Self {
        Self { rate: FIRST_RATE, pinned: false, pending: 0.0, handed: 0.0, tally: Tally::default() }
    }
}

impl Meter {
    fn most(&self) -> f64 {
        self.rate * SUBMISSION
    }

    /// Counts work. Returns whether what came before must be submitted first.
    fn add(&mut self, operations: f64) -> bool {
        let cut = self.pending > 0.0 && self.pending + operations > self.most();
        if cut {
            self.cut();
        }
        self.pending += operations;
        self.handed += operations;
        self.tally.operations += operations;
        self.tally.largest = self.tally.largest.max(self.pending);
        cut
    }

    /// What was counted is submitted.
    fn cut(&mut self) {
        self.pending = 0.0;
        self.tally.submissions += 1;
    }

    /// So much work was seen done within so many seconds.
    fn see(&mut self, operations: f64, seconds: f64) {
        if !self.pinned {
            self.rate = self.rate.max(operations / seconds.max(TICK));
        }
    }
}

/// Looks at a device's meter, or changes it. Its numbers are good even where another thread has panicked meanwhile.
fn with<T>(device: &CubeDevice, f: impl FnOnce(&mut Meter) -> T) -> T {
    f(&mut meter(device).lock().unwrap_or_else(PoisonError::into_inner))
}

/// Operations that take as long as to read and write so many numbers.
pub(crate) fn of_numbers(numbers: usize) -> f64 {
    OF_A_NUMBER * numbers as f64
}

/// The most operations of a submission.
pub(super) fn most(device: &CubeDevice) -> f64 {
    with(device, |meter| meter.most())
}

/// Workgroups of equal work in parts of at most `most` operations, or of one workgroup: first, and one past the last.
pub(super) fn parts(workgroups: usize, operations: f64, most: f64) -> impl Iterator<Item = (usize, usize)> {
    let of_part = (workgroups as f64 * most / operations.max(1.0)).clamp(1.0, workgroups as f64) as usize;
    (0..workgroups).step_by(of_part).map(move |from| (from, (from + of_part).min(workgroups)))
}

/// Counts a dispatch that follows; submits what came before where both would be too much.
pub(super) fn make_room(device: &CubeDevice, operations: f64) {
    let cut = with(device, |meter| {
        meter.tally.dispatches += 1;
        meter.add(operations)
    });
    submit_if(cut, device);
}

fn submit_if(cut: bool, device: &CubeDevice) {
    if cut {
        // What fails here is told to whoever reads a result.
        let _ = device.client().flush();
    }
}

/// Says that burn's own kernels are about to do so many operations. Nothing happens on another device than a GPU.
pub fn computes(device: &Device, operations: f64) {
    if let Some(device) = cube(device) {
        let cut = with(device, |meter| meter.add(operations));
        submit_if(cut, device);
    }
}

/// Operations a second that a device was seen to do, or [`FIRST_RATE`]; `None` on another device than a GPU.
pub fn rate(device: &Device) -> Option<f64> {
    cube(device).map(|device| with(device, |meter| meter.rate))
}

/// Takes a device for one of so many operations a second, whatever is seen of it. For tests.
pub fn pin_rate(device: &Device, rate: f64) {
    if let Some(device) = cube(device) {
        with(device, |meter| (meter.rate, meter.pinned) = (rate, true));
    }
}

/// What was handed to a device since it was last asked for; nothing on another device than a GPU.
pub fn tally(device: &Device) -> Tally {
    cube(device).map(|device| with(device, |meter| std::mem::take(&mut meter.tally))).unwrap_or_default()
}

/// Keeps the work of an asynchronous function at the pace of its device.
pub struct Pace {
    /// None on another device than a GPU, which does everything at once.
    device: Option<CubeDevice>,
    /// When nothing was under way.
    idle: Mark,
    /// When the part began that is handed over now.
    begun: Mark,
    under_way: Option<Part>,
}

/// A moment, and all operations that had been handed over by then.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    at: Instant,
    handed: f64,
}

/// Work that was submitted.
struct Part {
    begun: Mark,
    /// All operations up to its end.
    handed: f64,
    done: Pin<Box<dyn Future<Output = Result<(), String>>>>,
}

impl Mark {
    fn now(device: Option<&CubeDevice>) -> Self {
        let handed = device.map_or(0.0, |device| with(device, |meter| meter.handed));
        Self { at: Instant::now(), handed }
    }
}

impl Pace {
    /// From now on, on this device.
    pub fn new(device: &Device) -> Self {
        let device = cube(device).cloned();
        let start = Mark::now(device.as_ref());
        Self { device, idle: start, begun: start, under_way: None }
    }

    /// Waits, if much has been handed over, until all but the last tenth of a second of it is done. Others run meanwhile.
    ///
    /// # Errors
    /// What the device says when it fails.
    pub async fn pause(&mut self) -> Result<(), String> {
        let Some(device) = &self.device else { return Ok(()) };
        let now = Mark::now(Some(device));
        let rate = with(device, |meter| meter.rate);
        if now.handed - self.begun.handed < rate * PAUSE {
            return Ok(());
        }
        with(device, Meter::cut);
        let sync = device.client().sync();
        let done = Box::pin(async move { sync.await.map_err(|error| error.to_string()) });
        let mut part = Part { begun: self.begun, handed: now.handed, done };
        self.begun = now;
        // What is submitted by now is what the first look is about.
        let done = poll_fn(|context| Poll::Ready(part.done.as_mut().poll(context))).await;
        let before = self.under_way.take();
        match done {
            Poll::Ready(done) => {
                done?;
                self.see(part.begun, part.handed);
            }
            Poll::Pending => self.under_way = Some(part),
        }
        if let Some(Part { begun, handed, done }) = before {
            done.await?;
            self.see(begun, handed);
        }
        Ok(())
    }

    /// This moment, before something that came last is read back: what is handed over after it need not be done by then.
    pub fn mark(&self) -> Mark {
        if let Some(device) = &self.device {
            // To read back is to submit.
            with(device, |meter| meter.pending = 0.0);
        }
        Mark::now(self.device.as_ref())
    }

    /// Submits all that was handed over, for the device to go on with.
    pub fn submit(&mut self) {
        if let Some(device) = &self.device {
            with(device, Meter::cut);
            submit_if(true, device);
        }
    }

    /// All that was handed over before `mark` is done.
    pub fn caught_up_to(&mut self, mark: Mark) {
        // What came after it began no earlier.
        self.see(self.begun, mark.handed);
        self.under_way = None;
        self.begun = mark;
    }

    /// All that was handed over is done: something that came last was read back.
    pub fn caught_up(&mut self) {
        let Some(device) = &self.device else { return };
        with(device, |meter| meter.pending = 0.0);
        let now = Mark::now(Some(device));
        self.see(self.begun, now.handed);
        self.under_way = None;
        (self.idle, self.begun) = (now, now);
    }

    /// Work up to `handed` operations is done that began at `begun`.
    fn see(&self, begun: Mark, handed: f64) {
        let Some(device) = &self.device else { return };
        for from in [begun, self.idle] {
            let seconds = from.at.elapsed().as_secs_f64();
            with(device, |meter| meter.see(handed - from.handed, seconds));
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("device", &self.device).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heavy dispatches of a picture of 2048×2048 in the full model: workgroups and operations.
    const PLANNED: [(&str, usize, f64); 4] = [
        ("attention of 16,384 tokens", 32 * 256, 4.0 * 4096.0 * 16_384.0 * 16_384.0),
        ("first product of the MLP", 32 * 256, 2.0 * 2048.0 * 4096.0 * 16_384.0),
        ("product of all tokens", 256 * 64, 2.0 * 16_384.0 * 4096.0 * 4096.0),
        ("convolution of a band", 16 * 256, 18.0 * 512.0 * 512.0 * 65_536.0),
    ];

    #[test]
    fn no_submission_of_a_large_picture_takes_longer_than_it_may() {
        // A slow integrated GPU, a usual card, and one for computing centres.
        for rate in [3e11, 5e12, 2e14] {
            let mut meter = Meter { rate, ..Meter::default() };
            let most = meter.most();
            for (name, workgroups, operations) in PLANNED {
                let (mut next, mut submissions) = (0, 0);
                for (from, to) in parts(workgroups, operations, most) {
                    assert_eq!(from, next, "{name}");
                    next = to;
                    let of_part = operations * (to - from) as f64 / workgroups as f64;
                    submissions += u32::from(meter.add(of_part));
                    assert!(meter.pending <= most * (1.0 + 1e-9), "{name}: {of_part:e} at {rate:e}");
                }
                assert_eq!(next, workgroups, "{name}");
                assert!(f64::from(submissions + 1) <= 2.0 * operations / most + 2.0, "{name}: {submissions}");
            }
            assert!(meter.tally.largest <= most * (1.0 + 1e-9));
            assert!(meter.tally.largest >= 0.5 * most.min(meter.handed));
        }
    }

    #[test]
    fn a_dispatch_is_cut_no_finer_than_its_workgroups() {
        assert_eq!(parts(3, 1e12, 1.0).collect::<Vec<_>>(), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(parts(7, 700.0, 350.0).collect::<Vec<_>>(), [(0, 3), (3, 6), (6, 7)]);
        assert_eq!(parts(7, 700.0, f64::INFINITY).collect::<Vec<_>>(), [(0, 7)]);
        assert_eq!(parts(7, 0.0, 5.0).collect::<Vec<_>>(), [(0, 7)]);
    }

    #[test]
    fn a_rate_is_the_best_that_was_seen_and_no_less_than_at_first() {
        let mut meter = Meter::default();
        meter.see(1e9, 1.0);
        assert_eq!(meter.rate, FIRST_RATE);
        meter.see(1e12, 0.5);
        meter.see(1e12, 5.0);
        assert_eq!(meter.rate, 2e12);
        // Whatever the clock says of so short a time.
        meter.see(1e9, 0.0);
        assert_eq!(meter.rate, 2e12);
        (meter.pinned, meter.rate) = (true, 5.0);
        meter.see(1e12, 0.5);
        assert_eq!(meter.rate, 5.0);
    }
}
