//! Which texts of a prompt are spelled, as a reader of its quotation marks sees them, and where that is in doubt.
//!
//! `web/app/quotes.ts` is the same in TypeScript, and its tests read the examples of `tests.rs`.

mod doubts;
mod letters;
mod marks;
mod reading;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::glyph_texts;
use reading::Reading;

/// How the quotation marks of a prompt are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum QuoteRule {
    /// As a reader does: every usual kind of marks, while apostrophes, feet and inches are none. It agrees with the reference
    /// wherever that leaves no doubt; where a reader may doubt, [`QuoteRule::doubts`] says so.
    #[default]
    Typographic,
    /// As the reference does: '…', “…”, "…" and 「…」, and every straight apostrophe is a mark.
    Reference,
}

impl QuoteRule {
    /// What a file means that does not say.
    pub(crate) const fn unsaid() -> Self {
        Self::Reference
    }

    /// Whether a file need not say it.
    pub(crate) fn is_unsaid(&self) -> bool {
        *self == Self::unsaid()
    }

    /// The quoted texts of a prompt, in the order in which the glyph encoder reads them.
    pub fn texts(self, prompt: &str) -> Vec<String> {
        match self {
            Self::Reference => glyph_texts(prompt),
            Self::Typographic => Reading::of(prompt).spelled().map(|(_, text)| text).collect(),
        }
    }

    /// The same rule where it matters for this prompt, else the reference's: what is noted of the prompt.
    pub(crate) fn noted(self, prompt: &str) -> Self {
        if self.texts(prompt) == glyph_texts(prompt) { Self::Reference } else { self }
    }

    /// Where this rule may lose or cut a text that somebody meant; none where all is as it looks.
    pub fn doubts(self, prompt: &str) -> Vec<String> {
        let reading = Reading::of(prompt);
        // Where both find the same texts, a reader's doubts are the right ones.
        if self.texts(prompt) == Self::Typographic.texts(prompt) {
            reading.doubts()
        } else {
            reading.reference_doubts(&self.texts(prompt))
        }
    }
}

/// The texts that the glyph encoder spells, for a person: `"OPEN", "Friday 7pm"`, or `nothing`.
pub fn spelled(texts: &[String]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}
