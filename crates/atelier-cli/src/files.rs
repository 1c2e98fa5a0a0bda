//! Files are read with a limit and written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// The text of a file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    read_limited(file, path, limit)
}

/// The text of standard input, of at most `limit` bytes.
pub fn read_stdin(limit: u64) -> Result<String> {
    read_limited(io::stdin().lock(), Path::new("standard input"), limit)
}

fn read_limited(reader: impl Read, place: &Path, limit: u64) -> Result<String> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    if read.map_err(|error| Error::read(place, error))? as u64 > limit {
        return Err(Error::input(place, format!("expected at most {limit} bytes, found more")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::input(place, format!("expected UTF-8 text, found an invalid byte at offset {offset}"))
    })
}

/// Checks, before any work is done, that a file can be written at `path`.
///
/// # Errors
/// Naming `flag` when there is no such folder, `path` is a folder, or nothing can be created beside it.
pub fn check_target(flag: &'static str, path: &Path) -> Result<()> {
    let folder = folder_of(path);
    match fs::metadata(&folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Err(Error::flag(flag, "a file in a folder", format!("{} is a file", folder.display())));
        }
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            return Err(Error::flag(flag, "a file in an existing folder", found));
        }
    }
    if path.is_dir() {
        return Err(Error::flag(flag, "a file", format!("{} is a folder", path.display())));
    }
    match temporary(&folder) {
        Ok(_) => Ok(()),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            Err(Error::flag(flag, "a folder that can be written to", found))
        }
    }
}

/// Writes a file under a temporary name and renames it: whoever looks sees the old file or the whole new one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = filled(path, bytes).map_err(|error| Error::write(path, error))?;
    written.persist(path).map_err(|error| Error::write(path, error.error))?;
    Ok(())
}

/// As [`write`], but never over a file that is there: takes the first of `paths` that is free.
pub fn write_new(paths: impl IntoIterator<Item = PathBuf>, bytes: &[u8]) -> Result<PathBuf> {
    let mut file: Option<NamedTempFile> = None;
    for path in paths {
        if path.symlink_metadata().is_ok() {
            continue;
        }
        let written = match file.take() {
            Some(written) => written,
            None => filled(&path, bytes).map_err(|error| Error::write(&path, error))?,
        };
        match written.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = Some(error.file),
            Err(error) => return Err(Error::write(&path, error.error)),
        }
    }
    Err(Error::Input { place: "--output".into(), problem: "no free file name is left".into() })
}

fn filled(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary(&folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".atelier-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any program asks for; the umask takes away from it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&names[0], "mine").unwrap();
        assert_eq!(write_new(names.clone(), b"new").unwrap(), names[1]);
        assert_eq!(fs::read(&names[0]).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn long_and_binary_texts_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.txt");
        fs::write(&path, b"ab\xff").unwrap();
        let binary = read_text(&path, 3).unwrap_err().to_string();
        assert!(binary.contains("prompts.txt") && binary.contains("offset 2"), "{binary}");
        assert!(read_text(&path, 2).unwrap_err().to_string().contains("at most 2 bytes"));
    }
}
