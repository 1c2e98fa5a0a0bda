//! An optional record of every stage's tensors, for comparison with the reference.
//!
//! A model calls [`record`] and knows no more: what it records goes to the [`Trace`] in whose scope it runs, and without one
//! it is not even computed.
//!
//! Names are those of the reference's files: plain for what the end-to-end and architect files hold, and behind the
//! family's name (`glyph.`, `dit_cond.`, `dit_uncond.`, `vae_decode.`, `vision.source0.`, `vae_encode.source0.`) for what
//! happens inside a model, which is kept for the first picture and its first step. In a batch, what the reference keeps
//! for one prompt only goes behind `prompt0.`, `prompt1.`, ….

use std::cell::RefCell;
use std::fmt::Display;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use burn::tensor::Tensor;

use crate::error::{Error, Result};
use crate::readback::read_floats;

thread_local! {
    /// The trace in whose scope this thread runs now. Only [`install`] changes it, for the time of one call: it never
    /// outlives a poll, so that futures that share a thread cannot record into each other's traces.
    static CURRENT: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// Collects the named tensors of what runs in its scope.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    prefix: String,
    /// Whether all that is kept of a tensor is whether its numbers are finite.
    digests: bool,
    /// Shared by all prefixes.
    entries: Rc<RefCell<Vec<Entry>>>,
}

/// A recorded tensor. Entries of one name are parts of one tensor, concatenated along `axis`.
#[derive(Debug)]
struct Entry {
    name: String,
    axis: usize,
    value: Recorded,
}

/// A tensor still on the device, or already on the host.
#[derive(Debug)]
pub(crate) enum Recorded {
    Device { shape: Vec<usize>, values: Box<Tensor<1>> },
    Host(TraceTensor),
}

/// One tensor of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceTensor {
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// The values.
    pub values: TraceValues,
}

/// The values of a traced tensor, in the number formats of the reference's files.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceValues {
    /// Everything computed.
    F32(Vec<f32>),
    /// Ids, positions, grids.
    I32(Vec<i32>),
    /// Pictures.
    U8(Vec<u8>),
}

impl Trace {
    /// Runs `future` and records what it computes, also where it awaits and others run in between.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        within(Some(self.clone()), future).await
    }

    /// Runs `stage` and records what it computes. A future that it returns is outside.
    pub fn sync_scope<T>(&self, stage: impl FnOnce() -> T) -> T {
        install(Some(self.clone()), stage)
    }

    /// Everything recorded, in order of the names' first appearance, read back from the device.
    ///
    /// # Errors
    /// The device fails to hand a tensor back, or the parts of one name do not fit together.
    pub async fn into_tensors(self) -> Result<Vec<(String, TraceTensor)>> {
        let mut tensors: Vec<(String, TraceTensor)> = Vec::new();
        for Entry { name, axis, value } in self.entries.take() {
            let part = match value {
                Recorded::Host(tensor) => tensor,
                Recorded::Device { shape, values } => {
                    TraceTensor::new(shape, TraceValues::F32(read_floats(*values).await?))
                }
            };
            match tensors.iter_mut().find(|(known, _)| *known == name) {
                Some((_, whole)) => {
                    whole.append(part, axis).map_err(|e| Error::Compute(format!("trace {name}: {e}")))?
                }
                None => tensors.push((name, part)),
            }
        }
        Ok(tensors)
    }
}

/// Whether anything is recorded.
pub(crate) fn is_recording() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Records a value, which is made only if somebody wants it. Those of one name are joined along the first dimension, which
/// counts pictures, prompts or source patches.
pub(crate) fn record<V: Into<Recorded>>(name: impl Display, value: impl FnOnce() -> V) {
    record_along(0, name, value);
}

/// As [`record`], but those of one name are joined along `axis`.
pub(crate) fn record_along<V: Into<Recorded>>(axis: usize, name: impl Display, value: impl FnOnce() -> V) {
    if let Some(Trace { prefix, digests, entries }) = CURRENT.with_borrow(Option::clone) {
        let value = value().into();
        let value = if digests { value.digest() } else { value };
        let entry = Entry { name: format!("{prefix}{name}"), axis, value };
        entries.borrow_mut().push(entry);
    }
}

/// Runs `stage` with `prefix` before every name it records.
pub(crate) fn prefixed<T>(prefix: &str, stage: impl FnOnce() -> T) -> T {
    install(current(prefix), stage)
}

/// As [`prefixed_if`], for a future.
pub(crate) async fn prefixed_if_async<F: Future>(wanted: bool, prefix: &str, future: F) -> F::Output {
    let trace = if wanted { current(prefix) } else { None };
    within(trace, future).await
}

/// The trace in whose scope this runs, with `prefix` before every further name.
fn current(prefix: &str) -> Option<Trace> {
    let mut trace = CURRENT.with_borrow(Option::clone);
    if let Some(trace) = &mut trace {
        trace.prefix.push_str(prefix);
    }
    trace
}

/// Runs a future in the scope of `trace`, and nobody else where it waits.
async fn within<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| install(trace.clone(), || future.as_mut().poll(context))).await
}

/// As [`prefixed`], but records nothing unless `wanted`.
pub(crate) fn prefixed_if<T>(wanted: bool, prefix: &str, stage: impl FnOnce() -> T) -> T {
    if wanted { prefixed(prefix, stage) } else { paused(stage) }
}

/// Runs `stage` and records nothing of it.
pub(crate) fn paused<T>(stage: impl FnOnce() -> T) -> T {
    install(None, stage)
}

/// Runs `stage` once more and tells the first of what it records that is not finite, or about to be: the squares of its numbers
/// are not. Nothing is recorded for anybody else.
///
/// # Errors
/// The device fails.
pub(crate) async fn first_not_finite(stage: impl FnOnce()) -> Result<Option<String>> {
    let trace = Trace { digests: true, ..Trace::default() };
    trace.sync_scope(stage);
    let entries = trace.entries.take();
    for Entry { name, value, .. } in entries {
        if let Recorded::Device { values, .. } = value
            && read_floats(*values).await?.iter().any(|value| !value.is_finite())
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

impl Recorded {
    /// Zero, and NaN where a number is not finite, or so large that a norm's square of it would not be.
    fn digest(self) -> Self {
        match self {
            Self::Device { shape, values } => {
                let width = shape.last().copied().unwrap_or(1).max(1);
                let rows = values.mul_scalar(1e20).mul_scalar(0.0).reshape([-1, width as i32]).sum_dim(1);
                Self::Device { shape: vec![1], values: Box::new(rows.sum()) }
            }
            host => host,
        }
    }
}

/// Runs `stage` in the scope of `trace`, and then returns to the scope before, even from a panic.
fn install<T>(trace: Option<Trace>, stage: impl FnOnce() -> T) -> T {
    struct Return(Option<Trace>);
    impl Drop for Return {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _return = Return(CURRENT.replace(trace));
    stage()
}

impl<const D: usize> From<Tensor<D>> for Recorded {
    fn from(tensor: Tensor<D>) -> Self {
        Self::Device { shape: tensor.dims().to_vec(), values: Box::new(tensor.reshape([-1])) }
    }
}

impl From<TraceTensor> for Recorded {
    fn from(tensor: TraceTensor) -> Self {
        Self::Host(tensor)
    }
}

impl TraceTensor {
    pub(crate) fn new(shape: impl Into<Vec<usize>>, values: TraceValues) -> Self {
        Self { shape: shape.into(), values }
    }

    /// Ids, positions or grids, as the reference's files store them.
    pub(crate) fn ids(shape: impl Into<Vec<usize>>, ids: impl IntoIterator<Item = u32>) -> Self {
        Self::new(shape, TraceValues::I32(ids.into_iter().map(u32::cast_signed).collect()))
    }

    /// Concatenates `other` along `axis`.
    fn append(&mut self, other: Self, axis: usize) -> Result<(), String> {
        let fits = self.shape.len() == other.shape.len()
            && self.shape.iter().zip(&other.shape).enumerate().all(|(i, (a, b))| i == axis || a == b);
        let misfit =
            format!("parts of shape {:?} and {:?} do not fit along axis {axis}", self.shape, other.shape);
        if !fits || axis >= self.shape.len() {
            return Err(misfit);
        }
        let inner: usize = self.shape[axis + 1..].iter().product();
        let rows = (self.shape[axis] * inner, other.shape[axis] * inner);
        match (&mut self.values, other.values) {
            (TraceValues::F32(a), TraceValues::F32(b)) => interleave(a, &b, rows),
            (TraceValues::I32(a), TraceValues::I32(b)) => interleave(a, &b, rows),
            (TraceValues::U8(a), TraceValues::U8(b)) => interleave(a, &b, rows),
            _ => return Err("parts of different number formats".into()),
        }
        self.shape[axis] += other.shape[axis];
        Ok(())
    }
}

/// Rows of `a` and `b` in turn.
fn interleave<T: Copy>(a: &mut Vec<T>, b: &[T], (in_a, in_b): (usize, usize)) {
    let rows = a.chunks(in_a.max(1)).zip(b.chunks(in_b.max(1)));
    *a = rows.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use futures_lite::future::{block_on, yield_now, zip};

    use super::*;
    use crate::progress::{Event, Observer};

    fn note(name: &str, id: u32) {
        record(name, || TraceTensor::ids([1], [id]));
    }

    fn recorded(trace: Trace) -> Vec<(String, TraceTensor)> {
        block_on(trace.into_tensors()).unwrap()
    }

    fn one(name: &str, ids: &[u32]) -> (String, TraceTensor) {
        (name.to_owned(), TraceTensor::ids([ids.len()], ids.iter().copied()))
    }

    #[test]
    fn parts_of_one_name_are_joined_along_their_axis() {
        let trace = Trace::default();
        trace.sync_scope(|| {
            record_along(1, "x", || TraceTensor::ids([2, 1], [1, 3]));
            record_along(1, "x", || TraceTensor::ids([2, 1], [2, 4]));
        });
        assert_eq!(recorded(trace), [("x".to_owned(), TraceTensor::ids([2, 2], [1, 2, 3, 4]))]);
    }

    /// Takes turns with whoever shares the thread, inside a prefix as well as outside.
    async fn in_turns(first: u32) {
        for id in first..first + 3 {
            note("x", id);
            yield_now().await;
            prefixed("inner.", || note("x", id));
            yield_now().await;
        }
    }

    #[test]
    fn futures_that_take_turns_do_not_mix() {
        let (a, b) = (Trace::default(), Trace::default());
        let untraced = async {
            for _ in 0..6 {
                assert!(!is_recording());
                yield_now().await;
            }
        };
        block_on(zip(zip(a.scope(in_turns(10)), untraced), b.scope(in_turns(20))));
        assert!(!is_recording());
        assert_eq!(recorded(a), [one("x", &[10, 11, 12]), one("inner.x", &[10, 11, 12])]);
        assert_eq!(recorded(b), [one("x", &[20, 21, 22]), one("inner.x", &[20, 21, 22])]);
    }

    #[test]
    fn a_scope_ends_with_a_panic_or_a_dropped_future() {
        let (trace, outer) = (Trace::default(), Trace::default());
        outer.sync_scope(|| {
            let panics = || trace.sync_scope(|| prefixed("inner.", || panic!("as it should")));
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
            assert!(panicked.is_err());
            note("x", 1);
            let begun = block_on(futures_lite::future::poll_once(trace.scope(in_turns(2))));
            assert!(begun.is_none());
            note("x", 3);
        });
        assert_eq!(recorded(outer), [one("x", &[1, 3])]);
        assert_eq!(recorded(trace), [one("x", &[2])]);
    }

    #[test]
    fn what_is_not_wanted_is_not_made() {
        let unwanted = || record("x", || -> TraceTensor { panic!("nobody asked") });
        unwanted();
        let trace = Trace::default();
        trace.sync_scope(|| {
            paused(unwanted);
            prefixed_if(false, "a.", unwanted);
            prefixed_if(true, "a.", || prefixed("b.", || note("x", 1)));
        });
        assert_eq!(recorded(trace), [one("a.b.x", &[1])]);
    }

    #[test]
    fn what_an_observer_does_is_not_of_the_run() {
        let trace = Trace::default();
        trace.sync_scope(|| {
            let mut observer = Observer::new(|_| {
                note("x", 1);
                ControlFlow::Continue(())
            });
            observer.emit(Event::Decode { image: 0, images: 1, far_pixels: 0 }).unwrap();
        });
        assert_eq!(recorded(trace), []);
    }
}
