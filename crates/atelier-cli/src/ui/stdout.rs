//! Standard output, which may be closed at any time (`atelier … | head`).

use std::io::{ErrorKind, Write};

use crate::error::{Error, Result};

/// Writes all of `bytes`. A reader that went away is no error.
pub fn write(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::write("standard output", error)),
        _ => Ok(()),
    }
}

/// As [`write`], with a line break.
pub fn line(text: &str) -> Result<()> {
    write(format!("{text}\n").as_bytes())
}
