//! Which texts of a prompt are spelled, as a reader of its quotation marks sees them, and where that is in doubt.
//!
//! `web/app/quotes.ts` is the same in TypeScript, and its tests read the examples below.

use serde::{Deserialize, Serialize};

use super::glyph_texts;

/// How the quotation marks of a prompt are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum QuoteRule {
    /// As a reader does: every usual kind of marks, while apostrophes, feet and inches are none. It agrees with the reference
    /// wherever that leaves no doubt.
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
            reading.reference_doubts()
        }
    }
}

/// Opening marks and those that close them, in the order in which texts are listed: the reference's come first.
const KINDS: [(char, &[char]); 16] = [
    ('\'', &['\'']),
    ('“', &['”']),
    ('"', &['"']),
    ('「', &['」']),
    ('„', &['“', '”', '"']),
    ('‚', &['‘', '’']),
    ('»', &['«', '»']),
    ('›', &['‹', '›']),
    ('‘', &['’']),
    ('«', &['»']),
    ('‹', &['›']),
    ('『', &['』']),
    ('”', &['”']),
    ('＂', &['＂']),
    ('＇', &['＇']),
    ('〝', &['〞', '〟']),
];
/// How many of them the reference knows.
const REFERENCE: usize = 4;
/// Those that close with a mark that opens another kind are looked for first.
const CLOSING_OTHERS: std::ops::Range<usize> = REFERENCE..8;
/// Marks that open and close: a gap before the closing one, or behind the opening one, is no text.
const BOTH_WAYS: [char; 3] = ['»', '›', '”'];
/// Pairs whose absence a writer would not see.
const PAIRS: [(char, char); 4] = [('“', '”'), ('「', '」'), ('„', '“'), ('『', '』')];
/// Marks around what somebody may want to be spelled, but that often mean something else.
const UNKNOWN: [(char, char); 3] = [('`', '`'), ('《', '》'), ('〈', '〉')];

/// A text: its kind and the places of its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Quoted {
    kind: usize,
    open: usize,
    close: usize,
}

/// A prompt as a reader sees it.
struct Reading {
    letters: Vec<char>,
    /// Marks of texts.
    taken: Vec<bool>,
    texts: Vec<Quoted>,
    /// Straight apostrophes within words that had to close a text, as nothing else did.
    closed_by_apostrophes: Vec<usize>,
    /// Opening marks that nothing closes.
    unclosed: Vec<usize>,
}

impl Reading {
    fn of(prompt: &str) -> Self {
        let letters: Vec<char> = prompt.chars().collect();
        let taken = vec![false; letters.len()];
        let mut reading =
            Self { letters, taken, texts: vec![], closed_by_apostrophes: vec![], unclosed: vec![] };
        for kind in CLOSING_OTHERS.chain(0..REFERENCE).chain(CLOSING_OTHERS.end..KINDS.len()) {
            reading.scan(kind);
        }
        reading.texts.sort_unstable();
        reading
    }

    /// From each opening mark to the next one that closes it; another opening mark in between starts the text anew.
    fn scan(&mut self, kind: usize) {
        let Some(&(open, closes)) = KINDS.get(kind) else { return };
        // Where a text begins, and the first apostrophe in it.
        let mut begun: Option<(usize, Option<usize>)> = None;
        for at in 0..self.letters.len() {
            let Some(mark) = self.letter(at).filter(|_| !self.is_taken(at)) else { continue };
            match begun {
                Some((start, apostrophe)) if closes.contains(&mark) && self.may_close(open, at) => {
                    if is_apostrophe(mark) && self.is_within_word(at) {
                        begun = Some((start, apostrophe.or(Some(at))));
                    } else {
                        self.add(kind, start, at);
                        begun = None;
                    }
                }
                _ if mark == open && self.may_open(at) => {
                    self.give_up(kind, begun);
                    begun = Some((at, None));
                }
                _ => {}
            }
        }
        self.give_up(kind, begun);
        self.unclosed.extend(begun.filter(|(_, apostrophe)| apostrophe.is_none()).map(|(start, _)| start));
    }

    /// What began is not closed, unless an apostrophe was meant to.
    fn give_up(&mut self, kind: usize, begun: Option<(usize, Option<usize>)>) {
        if let Some((start, Some(apostrophe))) = begun {
            self.add(kind, start, apostrophe);
            self.closed_by_apostrophes.push(apostrophe);
        }
    }

    fn add(&mut self, kind: usize, open: usize, close: usize) {
        if kind >= REFERENCE && self.between(open, close).trim().is_empty() {
            return;
        }
        self.texts.push(Quoted { kind, open, close });
        for at in [open, close] {
            if let Some(taken) = self.taken.get_mut(at) {
                *taken = true;
            }
        }
    }

    fn letter(&self, at: usize) -> Option<char> {
        self.letters.get(at).copied()
    }

    fn before(&self, at: usize) -> Option<char> {
        self.letter(at.checked_sub(1)?)
    }

    fn is_taken(&self, at: usize) -> bool {
        self.taken.get(at).copied().unwrap_or(false)
    }

    fn may_open(&self, at: usize) -> bool {
        let (before, after) = (self.before(at), self.letter(at + 1));
        match self.letter(at) {
            // It's, dogs', 6'.
            Some('\'' | '‘') => !before.is_some_and(is_of_word),
            Some('"') => !self.is_inch(at),
            Some(mark) if BOTH_WAYS.contains(&mark) => {
                let text = |c: char| !(c.is_whitespace() || ",.;:!?)".contains(c));
                !before.is_some_and(is_of_word) && after.is_some_and(text)
            }
            _ => true,
        }
    }

    /// Whether a mark may close what `open` has opened.
    fn may_close(&self, open: char, at: usize) -> bool {
        if BOTH_WAYS.contains(&open) {
            return !self.before(at).is_some_and(char::is_whitespace);
        }
        // 'tis the season, 'Merry Christmas'.
        !(self.letter(at) == Some('\'') && self.begins_word(at))
    }

    fn is_within_word(&self, at: usize) -> bool {
        self.before(at).is_some_and(is_of_word) && self.letter(at + 1).is_some_and(is_of_word)
    }

    fn begins_word(&self, at: usize) -> bool {
        self.before(at).is_some_and(char::is_whitespace) && self.letter(at + 1).is_some_and(is_of_word)
    }

    /// Whether the mark follows a number: of 24"x36", both.
    fn is_inch(&self, at: usize) -> bool {
        let after = self.letter(at + 1);
        self.before(at).is_some_and(|c| c.is_ascii_digit())
            && !after.is_some_and(|c| c.is_alphabetic() && !matches!(c, 'x' | 'X'))
    }

    fn between(&self, open: usize, close: usize) -> String {
        self.letters.iter().take(close).skip(open + 1).collect()
    }

    /// Whether a place lies within a text.
    fn is_inside(&self, at: usize) -> bool {
        self.texts.iter().any(|text| text.open < at && at < text.close)
    }

    /// The texts that are spelled. Those of the reference's marks lie in others as they do there; another kind's text within
    /// a text is part of that.
    fn spelled(&self) -> impl Iterator<Item = (Quoted, String)> {
        let alone = |text: &&Quoted| text.kind < REFERENCE || !self.is_inside(text.open);
        self.texts.iter().filter(alone).map(|text| {
            let spelled = self.between(text.open, text.close);
            // « French » has gaps.
            let text_alone = if text.kind < REFERENCE { spelled } else { spelled.trim().to_owned() };
            (*text, text_alone)
        })
    }

    fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<String> =
            self.closed_by_apostrophes.first().map(|at| self.apostrophe(*at)).into_iter().collect();
        let lost = |at: usize| !self.is_taken(at) && !self.is_inside(at);
        let ends_word = |at: usize| {
            self.before(at).is_some_and(|c| is_of_word(c) && !c.is_ascii_digit())
                && !self.letter(at + 1).is_some_and(is_of_word)
        };
        for mark in ['\'', '"'] {
            let alone = |at: usize| {
                self.letter(at) == Some(mark)
                    && lost(at)
                    && (self.unclosed.contains(&at) || mark == '\'' && ends_word(at))
            };
            if (0..self.letters.len()).any(alone) {
                doubts.push(has_no_partner(mark));
            }
        }
        for (open, close) in PAIRS {
            let alone = |at: &usize| {
                let inches = self.before(*at).is_some_and(|c| c.is_ascii_digit());
                let unopened = self.letter(*at) == Some(close) && open != '„' && !inches;
                lost(*at) && (self.letter(*at) == Some(open) || unopened)
            };
            if let Some(at) = (0..self.letters.len()).find(alone) {
                let [mark, partner] =
                    if self.letter(at) == Some(open) { [open, close] } else { [close, open] };
                doubts.push(has_no(mark, partner));
            }
        }
        doubts.extend(self.unknown().map(|text| format!("{text} is not spelled: put it in quotation marks")));
        doubts
    }

    fn reference_doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut before = 0;
        let mistaken = self.places('\'').find(|&at| {
            before += 1;
            let opens = before % 2 == 1;
            if opens {
                self.before(at).is_some_and(is_of_word)
            } else {
                self.is_within_word(at) || self.begins_word(at)
            }
        });
        doubts.extend(mistaken.map(|at| self.apostrophe(at)));
        let inch = self.places('"').step_by(2).find(|&at| self.is_inch(at));
        if inch.is_some() && self.places('"').count().is_multiple_of(2) {
            doubts.push("the \" after a number counts as a quotation mark".to_owned());
        }
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
        doubts
    }

    fn places(&self, mark: char) -> impl Iterator<Item = usize> {
        self.letters.iter().enumerate().filter(move |(_, letter)| **letter == mark).map(|(at, _)| at)
    }

    /// The first text in each kind of marks that no rule knows, with its marks.
    fn unknown(&self) -> impl Iterator<Item = String> {
        UNKNOWN.into_iter().filter_map(|(open, close)| {
            let start = self.places(open).find(|&at| !self.is_inside(at))?;
            let end = self.places(close).find(|&at| at > start + 1)?;
            Some(self.letters.iter().take(end + 1).skip(start).collect())
        })
    }

    fn apostrophe(&self, at: usize) -> String {
        let is_part = |c: &&char| c.is_alphanumeric() || **c == '\'';
        let start = at - self.letters.iter().take(at).rev().take_while(is_part).count();
        let end = at + self.letters.iter().skip(at).take_while(is_part).count();
        let word: String = self.letters.iter().take(end).skip(start).collect();
        // A quotation mark before the word is none of it.
        format!("the apostrophe of {} counts as a quotation mark: ’ does not", word.trim_start_matches('\''))
    }
}

fn has_no_partner(mark: char) -> String {
    format!("one {mark} has no partner")
}

fn has_no(mark: char, partner: char) -> String {
    format!("one {mark} has no {partner}")
}

fn is_apostrophe(mark: char) -> bool {
    matches!(mark, '\'' | '’')
}

/// A letter or digit of a script whose words have apostrophes and spaces between them: in others, quotation marks touch the
/// words around them.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() && (letter < '\u{700}' || ('\u{1e00}'..'\u{2000}').contains(&letter))
}

/// The texts that the glyph encoder spells, for a person: `"OPEN", "Friday 7pm"`, or `nothing`.
pub fn spelled(texts: &[String]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::QuoteRule::{Reference, Typographic};
    use super::*;

    #[test]
    fn ordinary_prompts_raise_no_doubt() {
        for prompt in [
            "",
            "a red bicycle",
            "A poster that says 'OPEN STUDIO' and \"Friday 7pm\"",
            "“Café au lait” beside 「開店」",
            "it’s a dog’s life with 'OPEN'",
            "the number '7' and 'route 66'",
            "写着'你好'的海报",
            "‘",
            "5 « 6",
        ] {
            for rule in [Reference, Typographic] {
                assert_eq!(rule.doubts(prompt), [""; 0], "{prompt}");
            }
            assert_eq!(Typographic.texts(prompt), Reference.texts(prompt), "{prompt}");
        }
    }

    #[test]
    fn texts_are_read_as_a_reader_does() {
        for (prompt, texts) in [
            ("It's a poster with 'Don't stop'", &["Don't stop"][..]),
            ("A 6' tall sign 'OPEN'", &["OPEN"]),
            ("a 6'2\" tall sign \"OPEN\"", &["OPEN"]),
            ("a 24\" x 36\" poster, or 24\"x36\"", &[]),
            ("the dogs' bowl says 'WOOF'", &["WOOF"]),
            ("'tis the season: 'Merry Christmas'", &["Merry Christmas"]),
            ("'rock'n'roll'", &["rock'n'roll"]),
            ("a 'OPEN'sign", &["OPEN"]),
            ("'Don't stop", &["Don"]),
            ("l'été d'Anna", &[]),
            ("une affiche « L'été » de l'année", &["L'été"]),
            ("Ein Plakat mit „Guten Tag“", &["Guten Tag"]),
            ("„A“, „B” und „C\" mit \"D\"", &["D", "A", "B", "C"]),
            ("»Guten Tag« und »Bis bald«", &["Guten Tag", "Bis bald"]),
            ("«Oui» et « Non »: « Peut-être »", &["Oui", "Non", "Peut-être"]),
            ("‹a› ›b‹ ‚c‘ ‚d’", &["c", "d", "b", "a"]),
            ("a shop sign that says ‘OPEN’, it’s ‘Don’t stop’", &["OPEN", "Don’t stop"]),
            ("『開店』と「本日」", &["本日", "開店"]),
            ("「開店『本日』」", &["開店『本日』"]),
            ("en affisch med ”Öppet” och »Stängt»", &["Stängt", "Öppet"]),
            ("Home » Shop » Cart", &[]),
            ("写着'你好'和‘再见’的海报", &["你好", "再见"]),
            ("'안녕'이라고 쓴 포스터", &["안녕"]),
            ("'say \"hi\"' and „say 'ho'“", &["say \"hi\"", "ho", "hi", "say 'ho'"]),
            ("\"open and 'closed'", &["closed"]),
            ("“a “b” c”", &["b"]),
            ("''", &[""]),
            ("„“ «»", &[]),
        ] {
            assert_eq!(Typographic.texts(prompt), texts, "{prompt}");
        }
    }

    #[test]
    fn each_text_that_may_be_lost_is_named() {
        for (prompt, words) in [
            ("a sign 'OPEN", &["one ' has no partner"][..]),
            ("a sign says'OPEN'", &["one ' has no partner"]),
            ("the dogs' bowl", &["one ' has no partner"]),
            ("a \"sign", &["one \" has no partner"]),
            ("a “sign", &["one “ has no ”"]),
            ("a 」sign", &["one 」 has no 「"]),
            ("ein „Schild", &["one „ has no “"]),
            ("'Don't stop", &["Don't"]),
            ("a `sign` of 《書》 and 'a `b`'", &["`sign` is not spelled", "《書》 is not spelled"]),
            ("“the dogs' bowl” and \"5” x 7”\"", &[]),
        ] {
            let doubts = Typographic.doubts(prompt);
            assert_eq!(doubts.len(), words.len(), "{prompt}: {doubts:?}");
            for (doubt, word) in doubts.iter().zip(words) {
                assert!(doubt.contains(word), "{prompt}: {doubt}");
            }
        }
    }

    #[test]
    fn each_text_that_the_references_rule_loses_is_named() {
        for (prompt, words) in [
            ("It's a poster with 'OPEN'", &["It's", "one ' has no partner"][..]),
            ("It's a poster with 'Don't stop'", &["It's"]),
            ("A 6' tall sign 'OPEN'", &["6'", "one ' has no partner"]),
            ("a 24\" x 36\" poster", &["the \" after a number"]),
            ("the dogs' and cats' home", &["dogs'"]),
            ("Ein Plakat mit „Guten Tag“", &["„Guten Tag“ is not spelled"]),
            ("Ein Plakat mit „Guten Tag”", &["„Guten Tag” is not spelled"]),
            ("une affiche « Bonjour »", &["« Bonjour » is not spelled"]),
            ("»Guten Tag«", &["»Guten Tag« is not spelled"]),
            ("a shop sign that says ‘OPEN’", &["‘OPEN’ is not spelled"]),
            ("『開店』", &["『開店』 is not spelled"]),
        ] {
            let doubts = Reference.doubts(prompt);
            assert_eq!(doubts.len(), words.len(), "{prompt}: {doubts:?}");
            for (doubt, word) in doubts.iter().zip(words) {
                assert!(doubt.contains(word), "{prompt}: {doubt}");
            }
        }
    }

    #[test]
    fn a_mark_before_a_word_is_none_of_it() {
        let doubts = Reference.doubts("A sign that says 'It's OPEN'");
        assert_eq!(doubts[0], "the apostrophe of It's counts as a quotation mark: ’ does not");
    }

    #[test]
    fn what_is_spelled_is_shown() {
        let spelled = |prompt| spelled(&Reference.texts(prompt));
        assert_eq!(spelled("A 6' tall sign 'OPEN'"), "\" tall sign \"");
        assert_eq!(spelled("'a' and “b”"), "\"a\", \"b\"");
        assert_eq!(spelled("„a“"), "nothing");
    }

    #[test]
    fn only_what_differs_from_the_reference_is_noted() {
        assert_eq!(Typographic.noted("'a' and “b”"), Reference);
        assert_eq!(Typographic.noted("„a“"), Typographic);
        assert_eq!(Reference.noted("„a“"), Reference);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// Whoever writes for the reference gets what the reference draws.
        #[test]
        fn the_rules_agree_wherever_the_references_leaves_no_doubt(
            prompt in "[a-b\u{e9}6x '\"“”„‘’‚«»‹›「」『』＂＇〝〟`.,人의 ]{0,14}"
        ) {
            let typographic = Typographic.texts(&prompt);
            if Reference.doubts(&prompt).is_empty() {
                prop_assert_eq!(&typographic, &Reference.texts(&prompt));
            }
            for text in typographic {
                prop_assert!(prompt.contains(&text));
            }
        }
    }
}
