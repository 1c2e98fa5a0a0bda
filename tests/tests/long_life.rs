//! A process that makes one picture after another keeps nothing of those before.

#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, PoisonError};

use atelier::{Device, Observer, Pipeline, Request, RgbImage, device};
use atelier_tests::{block_on, cpu, software_gpu, tiny_random};
use testkit::allocator::{Counting, in_use};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocator counts for all threads.
static ALONE: Mutex<()> = Mutex::new(());

/// Pictures after which everything that is made once is there.
const WARM: usize = 20;
/// A picture has 3 kB of pixels, and its run some more: what one in ten of them kept would show.
const MOST_GROWTH: usize = 60 << 10;

/// Bytes of the process in memory, where the system tells.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

/// Makes pictures, most of them from a source image, as those are quick. What is in use after each: bytes of the program, and of
/// the device.
fn pictures(count: usize, on: &Device) -> Vec<(usize, u64)> {
    let mut pipeline = block_on(Pipeline::load(tiny_random(), on.clone())).unwrap();
    let source = RgbImage::new(32, 32, vec![90; 32 * 32 * 3]).unwrap();
    let mut used = Vec::with_capacity(count);
    for number in 0..count {
        let sources = if number % 50 == 0 { vec![] } else { vec![source.clone()] };
        let request = Request {
            sources,
            width: Some(32),
            height: Some(32),
            steps: Some(1),
            seed: Some(number as u64),
            ..Request::new([format!("picture 'number {number:03}'")])
        };
        let made = block_on(pipeline.generate(&request, &mut Observer::silent())).unwrap();
        assert_eq!(made.len(), 1);
        drop((made, request));
        used.push((in_use(), device::memory(on).unwrap_or(0)));
    }
    used
}

/// The most that is in use at the end, above the most once it was warm.
fn growth(used: &[(usize, u64)], of: impl Fn(&(usize, u64)) -> u64) -> u64 {
    let most = |part: &[(usize, u64)]| part.iter().map(&of).max().unwrap();
    most(&used[used.len() - WARM..]).saturating_sub(most(&used[WARM..2 * WARM]))
}

#[test]
fn two_hundred_pictures_take_no_more_than_twenty() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = resident();
    let used = pictures(200, &cpu());
    let more = growth(&used, |used| used.0 as u64);
    assert!(more < MOST_GROWTH as u64, "{more} bytes more after 200 pictures");
    if let (Some(before), Some(after)) = (before, resident()) {
        let mb = after.saturating_sub(before) >> 20;
        assert!(mb < 256, "the process has grown by {mb} MB");
    }
}

#[test]
fn nor_does_the_device() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let used = pictures(3 * WARM, &software_gpu());
    let [program, device] = [growth(&used, |used| used.0 as u64), growth(&used, |used| used.1)];
    assert!(used.iter().all(|used| used.1 > 0), "the driver says what is set aside");
    assert_eq!(device, 0, "bytes more on the device");
    assert!(program < 4 * MOST_GROWTH as u64, "{program} bytes more of the program");
}
