//! An allocator that counts.
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//! ```

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, which notes how many bytes were asked for, how many are in use and how many were at most.
#[derive(Debug)]
pub struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// All bytes that were ever asked for.
pub fn allocated() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

/// The bytes in use.
pub fn in_use() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

/// The most bytes in use since the last call; what is in use now counts for the next.
pub fn take_peak() -> usize {
    PEAK.swap(in_use(), Ordering::Relaxed)
}

/// The most bytes in use during `work`, above those before it.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (u64, T) {
    take_peak();
    let before = in_use();
    let result = work();
    (PEAK.load(Ordering::Relaxed).saturating_sub(before) as u64, result)
}

fn more(bytes: usize) {
    ALLOCATED.fetch_add(bytes, Ordering::Relaxed);
    let now = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

fn less(bytes: usize) {
    IN_USE.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        less(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there while it moves.
        more(size);
        less(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}
