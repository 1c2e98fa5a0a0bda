//! What people ask for: an endless, seeded stream of prompts, each with what its picture has to show.
//!
//! A [`Brief`] says which bytes of the prompt are texts to set, and what the prompt says of their size, place, ink and
//! face. What it does not say is `None`: the typesetter decides that.

mod decorated;
mod fit;
mod free;
mod lexicon;
mod look;
mod names;
mod natural;
mod pen;
mod quotes;
mod regions;
mod wording;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use names::{Face, Ink, Kind, Row, Side, Size};

use crate::random::Random;
use lexicon::Lexicon;
use pen::Pen;

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

/// A kind of prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Scenes with quoted texts in them.
    Natural,
    /// Posters described text by text.
    Regions,
    /// What newcomers type.
    Free,
    /// Any of these, with decorations.
    Decorated,
}

impl Family {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Natural, Self::Regions, Self::Free, Self::Decorated];

    /// The family of prompt `index` under `seed`.
    pub fn of(seed: u64, index: u64) -> Self {
        // A stream of its own, so that a family can be found without writing the prompt.
        let mut random = Random::new(seed ^ 0x6661_6d69_6c79, index);
        Self::ALL[random.weighted(&[0.22, 0.3, 0.24, 0.24])]
    }
}

impl Brief {
    /// The most texts of a prompt.
    pub const MAX_TEXTS: usize = 12;
    /// The most characters of a text.
    pub const MAX_CHARACTERS: usize = 48;

    /// Prompt `index` under `seed`: the same for ever and everywhere.
    pub fn generate(seed: u64, index: u64, split: Split) -> Self {
        Self::of_family(Family::of(seed, index), seed, index, split)
    }

    /// A prompt of this family.
    pub fn of_family(family: Family, seed: u64, index: u64, split: Split) -> Self {
        let mut pen = Pen::new(seed, index, split);
        match family {
            Family::Natural => natural::write(&mut pen),
            Family::Regions => regions::write(&mut pen),
            Family::Free => free::write(&mut pen),
            Family::Decorated => decorated::write(&mut pen),
        }
        pen.finish()
    }

    /// Whether every word of a text may appear under `split`.
    pub fn allowed(text: &str, split: Split) -> bool {
        Lexicon::get().allowed(text, split)
    }

    /// Looks for what no prompt may have.
    ///
    /// # Errors
    /// What is wrong, in words: a span that is not its text, overlapping spans, too many or too long texts, a picture
    /// size that is no multiple of 64, a ground that is none, a frame with a place.
    pub fn check(&self) -> Result<(), String> {
        let problem = |what: &str| Err(format!("{what}: {:?}", self.prompt));
        let mut end = 0;
        for text in &self.texts {
            if self.prompt.get(text.span.clone()) != Some(text.content.as_str()) || text.span.start < end {
                return problem(&format!("{:?} does not stand at {:?}", text.content, text.span));
            }
            end = text.span.end;
            if !(1..=Self::MAX_CHARACTERS).contains(&text.content.chars().count()) {
                return problem("a text is empty or too long");
            }
            if text.content.trim() != text.content || text.content.contains('\n') {
                return problem("a text begins or ends with a space, or has two lines");
            }
        }
        if self.texts.len() > Self::MAX_TEXTS {
            return problem("too many texts");
        }
        if [self.width, self.height].iter().any(|side| side % 64 != 0 || !(512..=1024).contains(side)) {
            return problem(&format!("{}x{}", self.width, self.height));
        }
        if self.ground.is_some_and(|ground| !Ink::ALL[..Ink::GROUNDS].contains(&ground)) {
            return problem("an ink that is no ground");
        }
        if self.adornments.iter().any(|one| one.kind == Kind::Frame && one.place.is_some()) {
            return problem("a frame with a place");
        }
        Ok(())
    }
}
