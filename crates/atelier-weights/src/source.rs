//! Where bytes come from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The longest JSON file that [`read_json`] reads, in bytes.
pub const MAX_JSON: u64 = 64 << 20;

/// A set of files, read in ranges. Paths are relative and '/'-separated.
///
/// Futures need not be `Send`: in a browser a source is a JavaScript object.
#[async_trait(?Send)]
pub trait ByteSource {
    /// Size in bytes of the file at `path`, `None` when there is no such file.
    async fn size(&self, path: &str) -> Result<Option<u64>>;

    /// Exactly the bytes of `range`; [`Error::ShortRead`] names the file and what was found when it is shorter.
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>>;

    /// The file as a person would look for it, for messages.
    fn locate(&self, path: &str) -> String;

    /// Whether the file is known to have this SHA-256 since [`ByteSource::note_hash`], and not to have changed: then nobody
    /// hashes it again. A source that keeps no such notes knows of none.
    async fn has_hash(&self, _path: &str, _sha256: &str) -> Result<bool> {
        Ok(false)
    }

    /// Hears that all of the file was read just now and has this SHA-256, in lower-case hexadecimal.
    async fn note_hash(&self, _path: &str, _sha256: &str) -> Result<()> {
        Ok(())
    }
}

/// The whole file at `path`, `None` when there is no such file. A file of more than `limit` bytes is refused.
pub async fn read_all(source: &dyn ByteSource, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    match source.size(path).await? {
        None => Ok(None),
        Some(size) if size > limit => Err(Error::TooLong { file: source.locate(path), size, limit }),
        Some(size) => Ok(Some(read_exact(source, path, 0..size).await?.into_owned())),
    }
}

/// The JSON file at `path`, of at most [`MAX_JSON`] bytes. A missing or malformed file is an error that names it.
pub async fn read_json<T: DeserializeOwned>(source: &dyn ByteSource, path: &str) -> Result<T> {
    let Some(bytes) = read_all(source, path, MAX_JSON).await? else {
        return Err(Error::MissingFile { file: source.locate(path) });
    };
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| Error::NotUtf8 { file: source.locate(path), offset: error.valid_up_to() })?;
    serde_json::from_str(text)
        .map_err(|error| Error::Json { file: source.locate(path), reason: error.to_string() })
}

/// `source.read`, with the length checked: what is parsed must not depend on every source keeping its promise.
pub(crate) async fn read_exact<'a>(
    source: &'a dyn ByteSource,
    path: &str,
    range: Range<u64>,
) -> Result<Cow<'a, [u8]>> {
    let Range { start, end } = range;
    let bytes = source.read(path, start..end).await?;
    let found = bytes.len() as u64;
    if end.checked_sub(start) == Some(found) {
        Ok(bytes)
    } else {
        Err(Error::ShortRead { file: source.locate(path), start, end, found })
    }
}

/// `bytes` in `range`, as [`ByteSource::read`] wants it.
pub(crate) fn slice(bytes: &[u8], range: Range<u64>, file: impl FnOnce() -> String) -> Result<&[u8]> {
    let Range { start, end } = range;
    usize::try_from(start)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| bytes.get(start..end))
        .ok_or_else(|| Error::ShortRead { file: file(), start, end, found: bytes.len() as u64 })
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemorySource {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file at `path`, in place of one that was there.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), bytes.into());
    }
}

impl<P: Into<String>, B: Into<Vec<u8>>> FromIterator<(P, B)> for MemorySource {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        Self { files: files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect() }
    }
}

#[async_trait(?Send)]
impl ByteSource for MemorySource {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        Ok(self.files.get(path).map(|bytes| bytes.len() as u64))
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let bytes = self.files.get(path).ok_or_else(|| Error::MissingFile { file: self.locate(path) })?;
        slice(bytes, range, || self.locate(path)).map(Cow::Borrowed)
    }

    fn locate(&self, path: &str) -> String {
        if path.is_empty() { "(memory)".to_owned() } else { path.to_owned() }
    }
}
