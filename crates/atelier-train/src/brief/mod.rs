//! What people ask for: an endless, seeded stream of prompts, each with what its picture has to show.
//!
//! A [`Brief`] says which bytes of the prompt are texts to set, and what the prompt says of their size, place, ink and
//! face. What it does not say is `None`: the typesetter decides that.

mod names;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use names::{Face, Ink, Kind, Row, Side, Size};

/// Which of the words appear: no word is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Split {
    /// For learning.
    Train,
    /// For measuring on words never learned.
    Check,
}

/// A prompt, and what its picture shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// What somebody typed.
    pub prompt: String,
    /// Width of the picture in pixels, a multiple of 64.
    pub width: u32,
    /// Height of the picture in pixels, a multiple of 64.
    pub height: u32,
    /// The ground, if the prompt names it: one of the first fourteen inks.
    pub ground: Option<Ink>,
    /// The texts, in the order of the prompt.
    pub texts: Vec<Text>,
    /// What the prompt wants beside the texts.
    pub adornments: Vec<Adornment>,
}

/// One text of a picture, and what the prompt says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text, without quotation marks.
    pub content: String,
    /// Where in the prompt it stands, in bytes.
    pub span: Range<usize>,
    /// Its size.
    pub size: Option<Size>,
    /// Its place.
    pub place: Option<(Row, Side)>,
    /// Its ink.
    pub ink: Option<Ink>,
    /// Its face.
    pub face: Option<Face>,
}

/// One decoration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adornment {
    /// What it is.
    pub kind: Kind,
    /// Its ink.
    pub ink: Option<Ink>,
    /// Its place: always `None` for a frame.
    pub place: Option<(Row, Side)>,
}
