//! What can go wrong.

use std::path::PathBuf;

use thiserror::Error;

/// Why a description cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The picture's sides are not multiples of 32 pixels, or are too short.
    #[error("a picture of {width}×{height} pixels: sides are multiples of 32 and at least 128")]
    Sides {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A text is wider than the picture, also on two lines.
    #[error("'{text}' needs {needed} columns of 32 pixels; the picture has {available}")]
    TooWide {
        /// The text.
        text: String,
        /// Columns the text needs.
        needed: u32,
        /// Columns there are.
        available: u32,
    },
    /// A text does not fit above the lower edge.
    #[error("'{text}' needs {needed} rows of 32 pixels where it stands; the picture has {available}")]
    TooHigh {
        /// The text.
        text: String,
        /// Rows from the top to the end of the text.
        needed: u32,
        /// Rows there are.
        available: u32,
    },
    /// Two regions claim the same place.
    #[error("'{first}' and '{second}' overlap")]
    Overlap {
        /// One text.
        first: String,
        /// The other text.
        second: String,
    },
}

/// What the generator and its files can report.
#[derive(Debug, Error)]
pub enum DataError {
    /// A description has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A cell shows something that no visual code stands for.
    #[error("no visual code stands for {0}")]
    NoCode(String),
    /// A font is not installed.
    #[error("font {file} is not under {}; install Debian's package {package}, or name a folder with --fonts", shown(.folders))]
    FontMissing {
        /// File name of the font.
        file: &'static str,
        /// Debian package that holds it.
        package: &'static str,
        /// Folders searched, with everything below them.
        folders: Vec<PathBuf>,
    },
    /// A file is not a font.
    #[error("{}: not a TrueType or OpenType font", .0.display())]
    FontBroken(PathBuf),
    /// A character that the painter has no raster of.
    #[error(
        "'{text}' has the character {character:?}, which is not among the letters, digits and marks drawn here"
    )]
    Character {
        /// The text.
        text: String,
        /// The character.
        character: char,
    },
    /// A file could not be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A prompt file has another layout.
    #[error("{}: not a prompt file: {error}", .path.display())]
    PromptFile {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        error: serde_json::Error,
    },
    /// A prompt is outside the sentence families.
    #[error("prompt {index} is not one of the sentences drawn here: {prompt}")]
    Prompt {
        /// `index` of the prompt in its file.
        index: usize,
        /// The prompt.
        prompt: String,
    },
}

fn shown(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
}
