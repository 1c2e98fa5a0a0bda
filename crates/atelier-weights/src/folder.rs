//! A folder on disk as a byte source.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component as Part, Path, PathBuf};
use std::sync::OnceLock;

use async_trait::async_trait;
use memmap2::Mmap;

use crate::source::slice;
use crate::{ByteSource, Error, Result};

/// A folder on disk. Files are memory-mapped when first read; reads borrow from the map and copy nothing. Where a file system
/// maps no files, as some network drives, each range is read when asked for.
///
/// Files must not be shortened or rewritten in place while the source lives. Symbolic links are followed.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    /// A list that only grows, so that a map can be lent out for as long as the source lives. Models have dozens
    /// of files; a walk costs nothing compared with a read.
    maps: OnceLock<Box<Mapped>>,
}

#[derive(Debug)]
struct Mapped {
    path: String,
    /// `None` where the file system maps no files.
    map: Option<Mmap>,
    next: OnceLock<Box<Mapped>>,
}

impl FolderSource {
    /// The folder at `path`; an error when it is missing or not a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = path.as_ref().to_owned();
        let refuse = |reason: String| Error::Folder { folder: root.display().to_string(), reason };
        match fs::metadata(&root) {
            Ok(found) if found.is_dir() => Ok(Self { root, maps: OnceLock::new() }),
            Ok(_) => Err(refuse("expected a folder, found a file".to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(refuse("no such folder".to_owned())),
            Err(error) => Err(refuse(format!("cannot open: {error}"))),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &str) -> Result<PathBuf> {
        let inside = !path.is_empty()
            && !path.contains('\\')
            && Path::new(path).components().all(|part| matches!(part, Part::Normal(_)));
        if inside { Ok(self.root.join(path)) } else { Err(Error::UnsafePath { path: path.to_owned() }) }
    }

    fn map(&self, path: &str) -> Result<Option<&Mmap>> {
        let mut slot = &self.maps;
        while let Some(mapped) = slot.get() {
            if mapped.path == path {
                return Ok(mapped.map.as_ref());
            }
            slot = &mapped.next;
        }
        let map = self.map_file(path)?;
        let mut new = Box::new(Mapped { path: path.to_owned(), map, next: OnceLock::new() });
        // Another thread may have filled the slot meanwhile: then the list continues from there.
        while let Err(back) = slot.set(new) {
            new = back;
            if let Some(mapped) = slot.get() {
                slot = &mapped.next;
            }
        }
        Ok(slot.get().and_then(|mapped| mapped.map.as_ref()))
    }

    fn map_file(&self, path: &str) -> Result<Option<Mmap>> {
        let place = self.resolve(path)?;
        if self.stat(path)?.is_none() {
            return Err(Error::MissingFile { file: self.locate(path) });
        }
        let file = File::open(place).map_err(|error| self.failed(path, &error))?;
        // SAFETY: the map is read-only and private to this source. Another program that shortens or rewrites the
        // file meanwhile breaks it; the type's documentation asks for files that stay as they are.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) };
        Ok(map.ok())
    }

    /// A range of a file that cannot be mapped.
    fn read_anew(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let place = self.resolve(path)?;
        let found = self.stat(path)?.ok_or_else(|| Error::MissingFile { file: self.locate(path) })?;
        let Range { start, end } = range;
        let bytes =
            end.checked_sub(start).filter(|_| end <= found).and_then(|bytes| usize::try_from(bytes).ok());
        let Some(bytes) = bytes else {
            return Err(Error::ShortRead { file: self.locate(path), start, end, found });
        };
        let read = || {
            let mut file = File::open(place)?;
            file.seek(SeekFrom::Start(start))?;
            let mut read = vec![0; bytes];
            file.read_exact(&mut read)?;
            Ok(read)
        };
        read().map_err(|error: io::Error| self.failed(path, &error))
    }

    fn stat(&self, path: &str) -> Result<Option<u64>> {
        match fs::metadata(self.resolve(path)?) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn failed(&self, path: &str, error: &io::Error) -> Error {
        Error::Read { file: self.locate(path), reason: error.to_string() }
    }
}

#[async_trait(?Send)]
impl ByteSource for FolderSource {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        self.stat(path)
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        match self.map(path)? {
            Some(map) => slice(map, range, || self.locate(path)).map(Cow::Borrowed),
            None => self.read_anew(path, range).map(Cow::Owned),
        }
    }

    fn locate(&self, path: &str) -> String {
        let place = if path.is_empty() { self.root.clone() } else { self.root.join(path) };
        place.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_mapped_is_read_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), b"0123456789").unwrap();
        let source = FolderSource::open(folder.path()).unwrap();
        for (start, end) in [(0, 10), (3, 7), (10, 10), (4, 4)] {
            let mapped = block_on(source.read("a", start..end)).unwrap();
            assert_eq!(source.read_anew("a", start..end).unwrap(), *mapped);
        }
        for (start, end) in [(0, 11), (11, 11), (7, 3), (0, u64::MAX)] {
            let [mapped, read] = [
                block_on(source.read("a", start..end)).map(Cow::into_owned),
                source.read_anew("a", start..end),
            ]
            .map(|read| read.unwrap_err().to_string());
            assert_eq!(mapped, read);
        }
        assert!(source.read_anew("b", 0..1).unwrap_err().to_string().contains("no such file"));
    }
}
