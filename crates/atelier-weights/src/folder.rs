//! A folder on disk as a byte source.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Component as Part, Path, PathBuf};
use std::sync::OnceLock;

use async_trait::async_trait;
use memmap2::Mmap;

use crate::source::slice;
use crate::{ByteSource, Error, Result};

/// A folder on disk. Files are memory-mapped when first read; reads borrow from the map and copy nothing.
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
    map: Mmap,
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

    fn map(&self, path: &str) -> Result<&Mmap> {
        let mut slot = &self.maps;
        while let Some(mapped) = slot.get() {
            if mapped.path == path {
                return Ok(&mapped.map);
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
        slot.get().map(|mapped| &mapped.map).ok_or_else(|| Error::MissingFile { file: self.locate(path) })
    }

    fn map_file(&self, path: &str) -> Result<Mmap> {
        let place = self.resolve(path)?;
        if self.stat(path)?.is_none() {
            return Err(Error::MissingFile { file: self.locate(path) });
        }
        let file = File::open(place).map_err(|error| self.failed(path, &error))?;
        // SAFETY: the map is read-only and private to this source. Another program that shortens or rewrites the
        // file meanwhile breaks it; the type's documentation asks for files that stay as they are.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) };
        map.map_err(|error| self.failed(path, &error))
    }

    fn stat(&self, path: &str) -> Result<Option<u64>> {
        match fs::metadata(self.resolve(path)?) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn failed(&self, path: &str, error: &std::io::Error) -> Error {
        Error::Read { file: self.locate(path), reason: error.to_string() }
    }
}

#[async_trait(?Send)]
impl ByteSource for FolderSource {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        self.stat(path)
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        slice(self.map(path)?, range, || self.locate(path)).map(Cow::Borrowed)
    }

    fn locate(&self, path: &str) -> String {
        let place = if path.is_empty() { self.root.clone() } else { self.root.join(path) };
        place.display().to_string()
    }
}
