//! Ctrl-C and panics: neither may leave a half-written file or a torn terminal.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

use crate::error::{Error, Result};
use crate::io::files;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The first panic of any thread: those that follow are its consequences.
static FIRST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// From now on the first Ctrl-C only sets a flag, so that the run ends at the next token or step; a second one ends the
/// program at once. A request to end, or a hang-up, counts as Ctrl-C; what was ignored when the program began, as under
/// `nohup`, stays ignored.
pub fn watch_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(watch);
}

fn watch() {
    let ignored = signals::ignored();
    // Without a handler Ctrl-C still ends the program, only less gently.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            files::forget_partial();
            signals::exit_now(Error::Cancelled.exit_code());
        }
    });
    signals::ignore(&ignored);
}

#[cfg(unix)]
#[allow(unsafe_code)]
mod signals {
    use nix::libc;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    const WATCHED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

    fn ignoring() -> SigAction {
        SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty())
    }

    /// Which of the watched signals are ignored.
    pub fn ignored() -> Vec<Signal> {
        let is_ignored = |signal: &Signal| {
            // SAFETY: ignoring a signal runs no code, and what was there before is put back as it was.
            let before = unsafe { sigaction(*signal, &ignoring()) };
            let Ok(before) = before else { return false };
            // SAFETY: as above.
            let _ = unsafe { sigaction(*signal, &before) };
            matches!(before.handler(), SigHandler::SigIgn)
        };
        WATCHED.into_iter().filter(is_ignored).collect()
    }

    /// Ignores signals.
    pub fn ignore(signals: &[Signal]) {
        for &signal in signals {
            // SAFETY: ignoring a signal runs no code.
            let _ = unsafe { sigaction(signal, &ignoring()) };
        }
    }

    /// Ends the program without the ends of libraries: a driver's may wait for a device that does not answer.
    pub fn exit_now(code: i32) -> ! {
        // SAFETY: nothing runs after it.
        unsafe { libc::_exit(code) }
    }
}

#[cfg(not(unix))]
mod signals {
    pub fn ignored() {}

    pub fn ignore((): &()) {}

    pub fn exit_now(code: i32) -> ! {
        std::process::exit(code)
    }
}

/// Whether Ctrl-C was pressed.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// The answer of a run's observer: it continues until Ctrl-C is pressed.
pub fn flow() -> ControlFlow<()> {
    if interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// An error once Ctrl-C was pressed.
pub fn check_interrupt() -> Result<()> {
    if interrupted() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Runs the program; a panic, such as a driver's when it has no memory left, becomes an error.
///
/// `RUST_BACKTRACE` keeps the usual report of panics as well.
pub fn catch(program: impl FnOnce() -> Result<()>) -> Result<()> {
    let report = std::panic::take_hook();
    let verbose = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    std::panic::set_hook(Box::new(move |info| {
        if let Ok(mut first) = FIRST_PANIC.lock()
            && first.is_none()
        {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            let place = info.location().map(|place| format!(" (at {}:{})", place.file(), place.line()));
            *first = Some(text.unwrap_or_else(|| "unknown cause".into()) + &place.unwrap_or_default());
        }
        if verbose {
            report(info);
        }
    }));
    caught(program)
}

/// As [`catch`], for a part of the program that [`catch`] runs: what comes after it still happens.
pub fn caught(part: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|_| {
        let first = FIRST_PANIC.lock().ok().and_then(|mut first| first.take());
        Err(Error::Crash(first.unwrap_or_else(|| "unknown cause".into())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_another_thread_is_reported_and_not_its_consequence() {
        let caught = catch(|| {
            let driver = std::thread::spawn(|| panic!("no memory left"));
            assert!(driver.join().is_ok(), "the driver went away");
            Ok(())
        });
        let error = caught.unwrap_err();
        assert!(error.to_string().starts_with("the run failed: no memory left (at "), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
}
