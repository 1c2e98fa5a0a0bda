//! Ctrl-C and panics: neither may leave a half-written file or a torn terminal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The first panic of any thread: those that follow are its consequences.
static FIRST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// From now on the first Ctrl-C only takes note, so that the run ends at the next token or step; a second one ends
/// the program at once.
pub fn watch_interrupts() {
    // Without a handler Ctrl-C still ends the program, only less gently.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Error::Cancelled.exit_code());
        }
    });
}

/// Whether Ctrl-C was pressed.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
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
    catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| {
        let first = FIRST_PANIC.lock().ok().and_then(|mut first| first.take());
        Err(Error::Crash(first.unwrap_or_else(|| "unknown cause".into())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_another_thread_is_told_and_not_its_consequence() {
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
