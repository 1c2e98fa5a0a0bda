//! Files are read with a limit and written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

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

fn read_limited(reader: impl Read, path: &Path, limit: u64) -> Result<String> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    if read.map_err(|error| Error::read(path, error))? as u64 > limit {
        return Err(Error::input(path, format!("expected at most {limit} bytes, found more")));
    }
    if let Some(text) = utf16(&bytes) {
        return Ok(text);
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::input(path, format!("expected UTF-8 text, found an invalid byte at offset {offset}"))
    })
}

/// Text as Windows' shells write it: UTF-16, which its first character tells from UTF-8.
fn utf16(bytes: &[u8]) -> Option<String> {
    let units = |unit: fn([u8; 2]) -> u16| bytes.chunks(2).map(move |pair| Some(unit(pair.try_into().ok()?)));
    let units: Option<Vec<u16>> = match bytes {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes).collect(),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes).collect(),
        _ => return None,
    };
    String::from_utf16(&units?).ok()
}

/// Checks, before any work is done, that a file can be written at `path`.
///
/// # Errors
/// Naming `flag` when there is no such folder, `path` is a folder or no file, its name cannot be, or nothing can be created
/// beside it.
pub fn check_target(flag: &'static str, path: &Path) -> Result<()> {
    check_targets(flag, [path.to_owned()])
}

/// As [`check_target`], for several files.
pub fn check_targets(flag: &'static str, paths: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let mut usable: Option<PathBuf> = None;
    for path in paths {
        let target = target(&path).map_err(|error| {
            Error::flag(
                flag,
                "the name of a file that can be written",
                format!("{}: {error}", path.display()),
            )
        })?;
        let folder = folder_of(&target);
        if usable.as_ref() != Some(&folder) {
            check_folder(flag, &folder)?;
        }
        // Otherwise a name that is too long or has an invalid character would be reported only at the end.
        let kind = match fs::symlink_metadata(&target) {
            Ok(found) if found.is_file() => None,
            Ok(found) if found.is_dir() => Some("is a folder".to_owned()),
            Ok(_) => Some("is a pipe, a socket or a device".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(kind) = kind {
            return Err(Error::flag(flag, "a file", format!("{} {kind}", path.display())));
        }
        if usable.as_ref() != Some(&folder) {
            check_writable(flag, &folder)?;
            usable = Some(folder);
        }
    }
    Ok(())
}

/// Checks, before any work is done, that files can be made in the folder of `path`.
pub fn check_place(flag: &'static str, path: &Path) -> Result<()> {
    let folder = folder_of(path);
    check_folder(flag, &folder)?;
    check_writable(flag, &folder)
}

fn check_folder(flag: &'static str, folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::flag(flag, "a file in a folder", format!("{} is a file", folder.display()))),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            Err(Error::flag(flag, "a file in an existing folder", found))
        }
    }
}

fn check_writable(flag: &'static str, folder: &Path) -> Result<()> {
    sweep(folder);
    match temporary(folder) {
        Ok(_) => Ok(()),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            Err(Error::flag(flag, "a folder that can be written to", found))
        }
    }
}

/// Writes a file under a temporary name and renames it: a reader sees the old file or the whole new one. A link stays,
/// and the file that it leads to is the one that is written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::write(path, error);
    let target = target(path).map_err(failed)?;
    let written = filled(&target, bytes).map_err(failed)?;
    keep_permissions(&target, written.as_file());
    match written.persist(&target) {
        Ok(_) => {}
        // Some network file systems do not rename over a file. A picture took long to paint: it is written all the same.
        Err(error) if may_refuse(&error.error) => fs::write(&target, bytes).map_err(failed)?,
        Err(error) => return Err(failed(error.error)),
    }
    forget(&PARTIAL);
    Ok(())
}

/// As [`write`], but never over a file that is there: takes the first of `paths` that is free.
pub fn write_new(paths: impl IntoIterator<Item = PathBuf>, bytes: &[u8]) -> Result<PathBuf> {
    let mut file: Option<NamedTempFile> = None;
    for path in paths {
        if path.symlink_metadata().is_ok() {
            continue;
        }
        let failed = |error| Error::write(&path, error);
        let written = match file.take() {
            Some(written) => written,
            None => filled(&path, bytes).map_err(failed)?,
        };
        match written.persist_noclobber(&path) {
            Ok(_) => {
                forget(&PARTIAL);
                return Ok(path);
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = Some(error.file),
            // Where neither a careful rename nor a hard link is known, as on exFAT, creating still takes no name twice.
            Err(error) if may_refuse(&error.error) => match File::create_new(&path) {
                Ok(mut new) => {
                    new.write_all(bytes).map_err(failed)?;
                    forget(&PARTIAL);
                    return Ok(path);
                }
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => file = Some(error.file),
                Err(error) => return Err(failed(error)),
            },
            Err(error) => return Err(failed(error.error)),
        }
    }
    Err(Error::Input { location: "--output".into(), problem: "no free file name is left".into() })
}

/// Whether a file system may say so of an operation that it does not know, when writing would do.
fn may_refuse(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Where a name leads: through links, also to a file that is not there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST: usize = 40;
    let mut target = path.to_owned();
    for _ in 0..MOST {
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => {
                let next = fs::read_link(&target)?;
                target = folder_of(&target).join(next);
            }
            _ => return Ok(target),
        }
    }
    Err(io::Error::other(format!("more than {MOST} links one after another")))
}

/// A file that takes the place of another one is open to the same people.
fn keep_permissions(target: &Path, file: &File) {
    if let Ok(before) = fs::metadata(target) {
        // They cannot be kept when another user owns the file.
        let _ = file.set_permissions(before.permissions());
    }
}

/// The temporary file that is being written, for when the program must end at once.
static PARTIAL: Mutex<Option<PathBuf>> = Mutex::new(None);

fn forget(partial: &Mutex<Option<PathBuf>>) {
    if let Ok(mut partial) = partial.lock() {
        *partial = None;
    }
}

/// Removes the temporary file that is being written, if there is one.
pub fn forget_partial() {
    if let Ok(mut partial) = PARTIAL.try_lock()
        && let Some(path) = partial.take()
    {
        let _ = fs::remove_file(path);
    }
}

fn filled(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary(&folder_of(path))?;
    if let Ok(mut partial) = PARTIAL.lock() {
        *partial = Some(file.path().to_owned());
    }
    // The lock tells other processes that it is in use; without locks nothing is swept.
    let _ = file.as_file().try_lock();
    file.write_all(bytes)?;
    match file.as_file().sync_all() {
        Err(error) if !is_unknown(&error) => Err(error),
        _ => Ok(file),
    }
}

/// Whether a file system says that it does not know an operation, as network file systems do of `fsync`.
fn is_unknown(error: &io::Error) -> bool {
    /// ENOTTY, which some give for it.
    const NO_SUCH_CONTROL: i32 = 25;
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
        || error.raw_os_error() == Some(NO_SUCH_CONTROL)
}

/// Removes the temporary files of runs that were killed: old ones that no process has locked.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        // One that was only just made may not be locked yet.
        if ours && old().is_some_and(|old| old > LEFT) {
            let unused = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if unused {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// What temporary files are called, and the age from which on they may be left over.
const PREFIX: &str = ".atelier-";
const SUFFIX: &str = ".tmp";
const LEFT: Duration = Duration::from_secs(60);

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
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

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_leads_to_the_new_file() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("far")).unwrap();
        fs::write(path("far/real"), "old").unwrap();
        fs::set_permissions(path("far/real"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("far/real", path("near")).unwrap();
        symlink(path("near"), path("nearer")).unwrap();
        symlink("far/new", path("dangling")).unwrap();
        write(&path("nearer"), b"new").unwrap();
        assert_eq!(fs::read(path("far/real")).unwrap(), b"new");
        assert_eq!(fs::metadata(path("far/real")).unwrap().permissions().mode() & 0o777, 0o600);
        write(&path("dangling"), b"first").unwrap();
        assert_eq!(fs::read(path("far/new")).unwrap(), b"first");
        for link in ["near", "nearer", "dangling"] {
            assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink(), "{link}");
        }
        symlink("round", path("round")).unwrap();
        let error = check_target("--output", &path("round")).unwrap_err().to_string();
        assert!(error.contains("round") && error.contains("links"), "{error}");
        assert_eq!(fs::read_dir(path("far")).unwrap().count(), 2);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * LEFT;
        let make = |name: &str, modified| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(modified).unwrap();
            file
        };
        drop(make(".atelier-left.tmp", long_ago));
        drop(make(".atelier-new.tmp", std::time::SystemTime::now()));
        drop(make(".other.tmp", long_ago));
        let used = make(".atelier-used.tmp", long_ago);
        used.try_lock().unwrap();
        check_target("--output", &folder.path().join("a.png")).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".atelier-new.tmp", ".atelier-used.tmp", ".other.tmp"]);
    }

    #[test]
    fn text_of_windows_shells_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompts.txt");
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = "\u{feff}a ‘é’ 𝄞\r\n".encode_utf16().flat_map(order).collect();
            fs::write(&path, &bytes).unwrap();
            assert_eq!(read_text(&path, 100).unwrap(), "\u{feff}a ‘é’ 𝄞\r\n");
            // Half a character.
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            assert!(read_text(&path, 100).unwrap_err().to_string().contains("UTF-8"));
        }
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
