//! Work is handed to a device much faster than it is done. A model's functions are asynchronous where that would pile up, and
//! let the device catch up in between; meanwhile a run can be stopped.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use burn::tensor::Device;

use crate::device;
use crate::error::{Error, Result};
use crate::progress::{Event, Observer};

/// Who decides when to wait.
pub(crate) trait Pace {
    /// Why not to go on.
    type Stop;

    /// A place where the work may wait.
    async fn pause(&mut self) -> Result<(), Self::Stop>;
}

/// Nobody: everything is handed over at once.
pub(crate) struct Unpaced;

impl Pace for Unpaced {
    type Stop = Infallible;

    async fn pause(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The device, and whoever watches the run.
pub(crate) struct Paced<'r, 'o> {
    device: device::Pace,
    observer: &'r mut Observer<'o>,
}

impl<'r, 'o> Paced<'r, 'o> {
    pub fn new(device: &Device, observer: &'r mut Observer<'o>) -> Self {
        Self { device: device::Pace::new(device), observer }
    }

    pub fn observer(&mut self) -> &mut Observer<'o> {
        self.observer
    }

    /// Something that was computed last was read back.
    pub fn caught_up(&mut self) {
        self.device.caught_up();
    }

    /// This moment, before something that came last is read back.
    pub fn mark(&self) -> device::Mark {
        self.device.mark()
    }

    /// Submits all that was handed over, for the device to go on with while the host does something else.
    pub fn submit(&mut self) {
        self.device.submit();
    }

    /// All that was handed over before `mark` is done.
    pub fn caught_up_to(&mut self, mark: device::Mark) {
        self.device.caught_up_to(mark);
    }

    /// Reports an event.
    ///
    /// # Errors
    /// As [`Observer::emit`].
    pub async fn emit(&mut self, event: Event) -> Result<()> {
        self.observer.emit(event)?;
        self.observer.rest().await;
        Ok(())
    }
}

impl Pace for Paced<'_, '_> {
    type Stop = Error;

    /// Waits for the device.
    ///
    /// # Errors
    /// The device fails, or the observer stops the run.
    async fn pause(&mut self) -> Result<()> {
        self.device.pause().await.map_err(Error::Compute)?;
        self.observer.rest().await;
        self.observer.check()
    }
}

/// A future that has begun: what it asks of a device was asked before anything that follows.
pub(crate) enum Begun<'f, T> {
    Done(T),
    UnderWay(Pin<Box<dyn Future<Output = T> + 'f>>),
}

impl<'f, T> Begun<'f, T> {
    /// Begins a future.
    pub async fn new(future: impl Future<Output = T> + 'f) -> Self {
        let mut future: Pin<Box<dyn Future<Output = T> + 'f>> = Box::pin(future);
        match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            Poll::Ready(output) => Self::Done(output),
            Poll::Pending => Self::UnderWay(future),
        }
    }

    /// What it gives in the end.
    pub async fn end(self) -> T {
        match self {
            Self::Done(output) => output,
            Self::UnderWay(future) => future.await,
        }
    }
}

/// What a future gives that waits for nothing, as with [`Unpaced`].
pub(crate) fn at_once<T>(future: impl Future<Output = Result<T, Infallible>>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(Ok(value)) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
