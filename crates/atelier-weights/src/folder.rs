//! A folder on disk as a byte source.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component as Part, Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use async_trait::async_trait;
use memmap2::Mmap;

use crate::source::slice;
use crate::{ByteSource, Error, Result};

/// A folder on disk. Files are memory-mapped when first read; reads borrow from the map and copy nothing. Where a file system
/// maps no files, as some network drives, each range is read when asked for.
///
/// What was read stays in the process's memory until the next read; then it is the system's to keep, or not. Whoever looks at it
/// later has it read once more.
///
/// Files must not be shortened or rewritten in place while the source lives. Symbolic links are followed.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    /// A list that only grows, so that a map can be lent out for as long as the source lives. Models have dozens
    /// of files; a walk costs nothing compared with a read.
    maps: OnceLock<Box<Mapped>>,
    /// What was read last, where it was large.
    last: Mutex<Option<(String, Range<u64>)>>,
}

#[derive(Debug)]
struct Mapped {
    path: String,
    /// `None` where the file system maps no files.
    map: Option<Mmap>,
    next: OnceLock<Box<Mapped>>,
}

/// Bytes of a read that are worth a call of the system.
const LARGE: u64 = 1 << 20;

/// Takes pages out of this process. Elsewhere than on Unix systems they stay until the system needs their room.
#[cfg(unix)]
fn let_go(map: &Mmap, range: Range<usize>) {
    // SAFETY: the map is read-only and of a file, so no byte can be lost: whoever reads them again has them from the file.
    #[allow(unsafe_code)]
    let advised =
        unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len()) };
    // An older kernel that does not know it keeps the pages.
    drop(advised);
}

#[cfg(not(unix))]
fn let_go(_: &Mmap, _: Range<usize>) {}

impl FolderSource {
    /// The folder at `path`; an error when it is missing or not a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = path.as_ref().to_owned();
        let refuse = |reason: String| Error::Folder { folder: root.display().to_string(), reason };
        match fs::metadata(&root) {
            Ok(found) if found.is_dir() => Ok(Self { root, maps: OnceLock::new(), last: Mutex::new(None) }),
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

    /// Lets go of the pages that were read last: a model of many gigabytes would seem to be in memory twice.
    fn let_go_of_last(&self, path: &str, range: &Range<u64>) {
        let next = range.end.saturating_sub(range.start) >= LARGE;
        let next = next.then(|| (path.to_owned(), range.clone()));
        let Ok(mut last) = self.last.lock() else { return };
        let Some((path, range)) = std::mem::replace(&mut *last, next) else { return };
        let Ok(Some(map)) = self.map(&path) else { return };
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else { return };
        let_go(map, start..end);
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
            Some(map) => {
                let bytes = slice(map, range.clone(), || self.locate(path))?;
                self.let_go_of_last(path, &range);
                Ok(Cow::Borrowed(bytes))
            }
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

    /// Bytes of the file that this process has in memory.
    #[cfg(target_os = "linux")]
    fn resident(path: &Path) -> u64 {
        let all = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = all.lines().skip_while(|line| !line.ends_with(path.to_str().unwrap()));
        let line = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_read_leaves_the_process_at_the_next_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().canonicalize().unwrap().join("weights");
        let piece = 8 << 20;
        let numbers: Vec<u8> = (0..4 * piece).map(|i| (i >> 12) as u8).collect();
        fs::write(&place, &numbers).unwrap();
        let source = FolderSource::open(folder.path()).unwrap();
        let read = |of: usize| {
            block_on(source.read("weights", (of * piece) as u64..((of + 1) * piece) as u64)).unwrap()
        };
        let first = read(0);
        assert_eq!(*first, numbers[..piece]);
        assert!(resident(&place) >= piece as u64);
        for of in 1..4 {
            assert_eq!(*read(of), numbers[of * piece..][..piece]);
            // This one, and what the system reads ahead.
            assert!(resident(&place) < 2 * piece as u64, "{of}: {}", resident(&place));
        }
        // It is still there.
        assert_eq!(*first, numbers[..piece]);
    }

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
