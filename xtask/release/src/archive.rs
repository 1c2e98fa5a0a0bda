//! Archives that are the same bytes wherever and whenever they are made, and the list of their hashes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::Outcome;

/// The name of the list of hashes, as `sha256sum --check` takes it.
const SUMS: &str = "SHA256SUMS";

/// Packs a folder under its own name: sorted, of nobody, with one time and no more than the right to read (and to run).
///
/// # Errors
/// If a file cannot be read or written, or is neither a file nor a folder.
pub fn pack(out: &Path, folder: &Path, seconds: u64) -> Outcome {
    let top = folder.file_name().ok_or("expected a folder with a name")?;
    let gzip = GzBuilder::new().mtime(0).write(File::create(out)?, Compression::best());
    let mut tar = Builder::new(gzip);
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    for file in files {
        let inside = Path::new(top).join(file.strip_prefix(folder)?);
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(file.metadata()?.len());
        header.set_mtime(seconds);
        header.set_mode(if runs(&file)? { 0o755 } else { 0o644 });
        tar.append_data(&mut header, inside, File::open(&file)?)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = path.symlink_metadata()?;
        if kind.is_dir() {
            walk(&path, files)?;
        } else if kind.is_file() {
            files.push(path);
        } else {
            return Err(format!("{}: expected a file or a folder", path.display()).into());
        }
    }
    Ok(())
}

#[cfg(unix)]
fn runs(file: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn runs(file: &Path) -> io::Result<bool> {
    Ok(file.extension().is_some_and(|extension| extension == "exe"))
}

/// Writes the hashes of the files in a folder into one of them.
///
/// # Errors
/// If a file cannot be read or written.
pub fn sums(folder: &Path) -> Outcome {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    let mut lines = String::new();
    for file in files.iter().filter(|file| file.file_name().is_some_and(|name| name != SUMS)) {
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(file)?, &mut HashWriter(&mut hasher))?;
        let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{hash}  {}\n", file.strip_prefix(folder)?.display());
    }
    std::fs::write(folder.join(SUMS), &lines)?;
    print!("{lines}");
    Ok(())
}

/// What is written is hashed.
struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
