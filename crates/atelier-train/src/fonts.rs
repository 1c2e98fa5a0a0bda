//! The fonts of the system, which pictures are set in.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Debian's package of the fonts here.
pub(crate) const PACKAGE: &str = "fonts-dejavu-core";

/// Why a font cannot be used.
#[derive(Debug, Error)]
pub enum FontError {
    /// It is not installed.
    #[error("font {file} is not under {}; install Debian's package {PACKAGE}, or name a folder with --fonts", shown(.folders))]
    Missing {
        /// File name of the font.
        file: &'static str,
        /// Folders searched, with everything below them.
        folders: Vec<PathBuf>,
    },
    /// The file is not a font.
    #[error("{}: not a TrueType or OpenType font", .0.display())]
    Broken(PathBuf),
    /// The file could not be read.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

fn shown(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
}

/// Where Debian puts its fonts.
pub fn font_folders() -> Vec<PathBuf> {
    vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()]
}

/// A font file of this name in `folders` or below, and where it was found.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn read_font(folders: &[PathBuf], file: &'static str) -> Result<(PathBuf, Vec<u8>), FontError> {
    let missing = || FontError::Missing { file, folders: folders.to_vec() };
    let path = folders.iter().find_map(|folder| find(folder, file)).ok_or_else(missing)?;
    let bytes = std::fs::read(&path).map_err(|error| FontError::File { path: path.clone(), error })?;
    Ok((path, bytes))
}

/// The first file of this name in `folder` or below it.
fn find(folder: &Path, file: &str) -> Option<PathBuf> {
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| find(folder, file))
}
