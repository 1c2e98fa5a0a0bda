//! Where a text may be lost, cut or invented.

use super::letters::{is_blank, is_of_word};
use super::marks::{ALONE, PAIRS, REFERENCE, UNKNOWN};
use super::reading::Reading;

impl Reading {
    /// As a reader would doubt.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<String> =
            self.counted.iter().min().map(|at| self.counts(*at)).into_iter().collect();
        for mark in ALONE {
            let alone = |at: usize| {
                let lost = self.unclosed.contains(&at) || mark == '\'' && self.ends_lost(at);
                self.letter(at) == Some(mark) && self.is_lost(at) && lost
            };
            if (0..self.letters.len()).any(alone) {
                doubts.push(has_no_partner(mark));
            }
        }
        for (open, close) in PAIRS {
            let alone = |at: &usize| self.is_lost(*at) && self.lacks_partner(*at, open, close);
            if let Some(at) = (0..self.letters.len()).find(alone) {
                let [mark, partner] =
                    if self.letter(at) == Some(open) { [open, close] } else { [close, open] };
                doubts.push(has_no(mark, partner));
            }
        }
        doubts.extend(self.unknown().map(|text| format!("{text} is not spelled: put it in quotation marks")));
        doubts.extend(self.has_empty().then(is_empty));
        doubts
    }

    /// Whether an apostrophe behind a word is likely to be a mark that closes a text: a plural's is none, as long as no text
    /// may end in one.
    fn ends_lost(&self, at: usize) -> bool {
        let ends_word = self.before(at).is_some_and(|c| is_of_word(c) && !c.is_ascii_digit())
            && !self.letter(at + 1).is_some_and(is_of_word);
        let is_n = at.checked_sub(2).is_some_and(|open| self.is_and(open));
        let unsure = || self.texts.iter().any(|text| text.kind == 0 && self.is_cut(text.close));
        ends_word && !is_n && (!self.is_cut(at) || unsure())
    }

    /// Whether a lost mark is one of a pair, and seems to have been meant so.
    fn lacks_partner(&self, at: usize, open: char, close: char) -> bool {
        let opens = self.letter(at) == Some(open);
        let closes = self.letter(at) == Some(close);
        let (before, after) = (self.before(at), self.letter(at + 1));
        let is_gap = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
        let next = || self.letters.iter().skip(at + 1).copied().find(|c| !c.is_whitespace());
        match open {
            '„' => opens,
            // It may be an apostrophe.
            '‘' => opens && self.unclosed.contains(&at) && after.is_some_and(is_of_word),
            // Home » Shop, 5 « 6.
            '«' | '‹' if is_gap(before) && is_gap(after) => {
                opens && next().is_some_and(char::is_alphabetic)
                    || closes && next().is_none() && before.is_some()
            }
            '“' => opens || closes && !before.is_some_and(|c| c.is_ascii_digit()),
            _ => opens || closes,
        }
    }

    /// As the reference's rule may mistake what is written.
    pub fn reference_doubts(&self, texts: &[String]) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut before = 0;
        let mistaken = self.places('\'').find(|&at| {
            before += 1;
            let opens = before % 2 == 1;
            if opens {
                self.before(at).is_some_and(is_of_word) || self.is_and(at)
            } else {
                self.is_within_word(at) || self.begins_word(at)
            }
        });
        doubts.extend(mistaken.map(|at| self.counts(at)));
        let inch = self.places('"').step_by(2).find(|&at| self.is_inch(at));
        if inch.is_some() && self.places('"').count().is_multiple_of(2) {
            doubts.push("the \" after a number counts as a quotation mark".to_owned());
        }
        doubts.extend(self.places('"').find(|&at| self.is_acronym(at)).map(|at| self.counts(at)));
        for mark in ['\'', '"'] {
            if self.places(mark).count() % 2 == 1 {
                doubts.push(has_no_partner(mark));
            }
        }
        for (open, close) in [('“', '”'), ('「', '」')] {
            let [opened, closed] = [open, close].map(|mark| self.places(mark).count());
            if opened != closed && self.places('„').next().is_none() {
                let [more, other] = if opened > closed { [open, close] } else { [close, open] };
                doubts.push(has_no(more, other));
            }
        }
        let others = self.texts.iter().filter(|text| text.kind >= REFERENCE);
        let others = others.map(|text| self.letters.iter().take(text.close + 1).skip(text.open).collect());
        let unknown = others.chain(self.unknown());
        doubts.extend(
            unknown.map(|text: String| format!("{text} is not spelled: only '…', \"…\", “…” and 「…」 are")),
        );
        doubts.extend(texts.iter().any(|text| is_blank(text)).then(is_empty));
        doubts
    }

    /// The first text in each kind of marks that no rule knows, with its marks.
    fn unknown(&self) -> impl Iterator<Item = String> {
        UNKNOWN.into_iter().filter_map(|(open, close)| {
            let start = self.places(open).find(|&at| !self.is_inside(at))?;
            let end = self.places(close).find(|&at| at > start + 1)?;
            Some(self.letters.iter().take(end + 1).skip(start).collect())
        })
    }

    /// Says that a mark of a word is read as a quotation mark.
    fn counts(&self, at: usize) -> String {
        let (mark, word) = (self.letter(at).unwrap_or_default(), self.word(at));
        match mark {
            '\'' | '‘' => format!("the apostrophe of {word} counts as a quotation mark: ’ does not"),
            _ => format!("the {mark} of {word} counts as a quotation mark"),
        }
    }

    /// The word that a mark is in. Another mark around it is none of it.
    fn word(&self, at: usize) -> String {
        let is_mark = |c: char| matches!(c, '\'' | '‘' | '’') || Some(c) == self.letter(at);
        let is_part = |c: &&char| c.is_alphanumeric() || is_mark(**c);
        let mut start = at - self.letters.iter().take(at).rev().take_while(is_part).count();
        let mut end = at + self.letters.iter().skip(at).take_while(is_part).count();
        while start < at && self.letter(start).is_some_and(is_mark) {
            start += 1;
        }
        while end > at + 1 && self.before(end).is_some_and(is_mark) {
            end -= 1;
        }
        self.letters.iter().take(end).skip(start).collect()
    }
}

fn has_no_partner(mark: char) -> String {
    format!("one {mark} has no partner")
}

fn has_no(mark: char, partner: char) -> String {
    format!("one {mark} has no {partner}")
}

fn is_empty() -> String {
    "one quoted text is empty".to_owned()
}
