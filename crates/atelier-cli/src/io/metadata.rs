//! What a PNG notes about the run that made it, as files have it.

use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use atelier::RgbImage;
use atelier::record::{RunRecord, encode_png, read_png};

use crate::error::{Error, Result, one_line};
use crate::model::Model;

/// The picture as the bytes of a PNG file.
pub fn encode(image: &RgbImage, run: Option<&RunRecord>) -> Result<Vec<u8>> {
    let name = run.map_or_else(String::new, |run| Model::from(OsString::from(&run.model)).name());
    let bytes = encode_png(image, run.map(|run| (run, name.as_str())));
    bytes.map_err(|error| Error::Crash(error.to_string()))
}

/// The run that a PNG notes.
///
/// # Errors
/// Naming the file when it is no PNG, is damaged, or was not made by this program.
pub fn read(path: &Path) -> Result<RunRecord> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    read_png(BufReader::new(file)).map_err(|error| match error {
        atelier::Error::Png(problem) => Error::input(path, one_line(&problem)),
        other => other.into(),
    })
}
