//! How many kernels run: burn's own log of them, which is set up by a file in the folder that the device is opened in.

use std::env;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::error::{Error, Result};

/// A log of launched kernels.
pub struct Log {
    folder: TempDir,
    /// The folder that the program was run in.
    home: PathBuf,
}

impl Log {
    /// Moves to a folder whose settings ask for a log. The device must be opened next.
    pub fn new() -> Result<Self> {
        let home = env::current_dir().map_err(|error| Error::read(".", error))?;
        let folder = tempfile::tempdir().map_err(|error| Error::write(env::temp_dir(), error))?;
        let settings = folder.path().join("cubecl.toml");
        let log = folder.path().join("launched.log");
        let text = format!(
            "[profiling]\nlogger = {{ level = \"minimal\", file = {:?} }}\n",
            log.display().to_string()
        );
        fs::write(&settings, text).map_err(|error| Error::write(&settings, error))?;
        env::set_current_dir(folder.path()).map_err(|error| Error::read(folder.path(), error))?;
        Ok(Self { folder, home })
    }

    /// Moves back.
    pub fn begin(self) -> Result<Self> {
        env::set_current_dir(&self.home).map_err(|error| Error::read(&self.home, error))?;
        Ok(self)
    }

    /// Kernels so far.
    pub fn count(&self) -> u64 {
        let text = fs::read(self.folder.path().join("launched.log")).unwrap_or_default();
        text.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"Executing")).count() as u64
    }
}
