//! Which marks of a prompt are quotation marks, and what is between them.

use super::letters::{is_apostrophe, is_blank, is_hebrew, is_of_word};
use super::marks::{
    BEFORE_N, BOTH_WAYS, CLOSING_OTHERS, CUT, ELIDED, ENDINGS, KINDS, NESTED, REFERENCE, SAYING,
};

/// A text: its kind and the places of its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quoted {
    pub kind: usize,
    pub open: usize,
    pub close: usize,
}

/// Where a text begins, and the first apostrophe in it.
#[derive(Debug, Clone, Copy)]
struct Begun {
    start: usize,
    apostrophe: Option<usize>,
}

/// A prompt as a reader sees it.
pub struct Reading {
    pub letters: Vec<char>,
    /// Marks of texts.
    taken: Vec<bool>,
    pub texts: Vec<Quoted>,
    /// Pairs of marks with nothing to be seen between them that are no texts.
    empty: Vec<Quoted>,
    /// Apostrophes that are read as quotation marks, though they may be none.
    pub counted: Vec<usize>,
    /// Opening marks that nothing closes.
    pub unclosed: Vec<usize>,
}

impl Reading {
    pub fn of(prompt: &str) -> Self {
        let letters: Vec<char> = prompt.chars().collect();
        let taken = vec![false; letters.len()];
        let mut reading =
            Self { letters, taken, texts: vec![], empty: vec![], counted: vec![], unclosed: vec![] };
        for kind in CLOSING_OTHERS.chain(0..REFERENCE).chain(CLOSING_OTHERS.end..KINDS.len()) {
            match KINDS.get(kind) {
                Some((open, closes)) if NESTED.contains(open) => reading.scan_nested(kind, *open, closes),
                Some((open, closes)) => reading.scan(kind, *open, closes),
                None => {}
            }
        }
        reading.texts.sort_unstable();
        reading
    }

    /// From each opening mark to the next one that closes it; another opening mark in between starts the text anew.
    fn scan(&mut self, kind: usize, open: char, closes: &[char]) {
        let mut begun: Option<Begun> = None;
        for at in 0..self.letters.len() {
            let Some(mark) = self.letter(at).filter(|_| !self.is_taken(at)) else { continue };
            match begun {
                Some(Begun { start, apostrophe }) if closes.contains(&mark) && self.may_close(start, at) => {
                    let within = is_apostrophe(mark) && self.is_within_word(at);
                    if within && !self.is_joined_close(at) {
                        begun = Some(Begun { start, apostrophe: apostrophe.or(Some(at)) });
                    } else {
                        self.counted.extend(within.then_some(at));
                        self.add(kind, start, at);
                        begun = None;
                    }
                }
                _ if mark == open && self.may_open(at) => {
                    let is_part = self.is_elided(at);
                    if if begun.is_some() { is_part } else { self.is_and(at) } {
                        continue;
                    }
                    self.give_up(kind, begun);
                    begun = Some(Begun { start: at, apostrophe: None });
                }
                _ => {}
            }
        }
        self.give_up(kind, begun);
    }

    /// From each opening mark to the one that closes it, over all pairs in between.
    fn scan_nested(&mut self, kind: usize, open: char, closes: &[char]) {
        let mut next = 0;
        for at in 0..self.letters.len() {
            if at < next || self.letter(at) != Some(open) || self.is_taken(at) {
                continue;
            }
            let mut depth = 0_usize;
            let close = (at..self.letters.len()).find(|&place| {
                match self.letter(place).filter(|_| !self.is_taken(place)) {
                    Some(mark) if mark == open => depth += 1,
                    Some(mark) if closes.contains(&mark) => depth -= 1,
                    _ => return false,
                }
                depth == 0
            });
            match close {
                Some(close) => {
                    self.add(kind, at, close);
                    next = close;
                }
                None => self.unclosed.push(at),
            }
        }
    }

    /// What began is not closed, unless an apostrophe was meant to.
    fn give_up(&mut self, kind: usize, begun: Option<Begun>) {
        let Some(Begun { start, apostrophe }) = begun else { return };
        let straight = self.letter(start) == Some('\'');
        match apostrophe.filter(|&at| straight || self.may_be_joined(at)) {
            Some(apostrophe) => {
                self.add(kind, start, apostrophe);
                self.counted.push(apostrophe);
            }
            None if self.is_elided(start) => {}
            None => self.unclosed.push(start),
        }
    }

    fn add(&mut self, kind: usize, open: usize, close: usize) {
        let text = Quoted { kind, open, close };
        if kind >= REFERENCE && is_blank(&self.between(open, close)) {
            self.empty.push(text);
            return;
        }
        self.texts.push(text);
        for at in [open, close] {
            if let Some(taken) = self.taken.get_mut(at) {
                *taken = true;
            }
        }
        let joined =
            matches!(self.letter(open), Some('\'' | '‘')) && self.before(open).is_some_and(is_of_word);
        let elided = self.is_elided(open)
            && (!self.is_word_alone(open, close) || self.is_n(open) && !self.is_announced(open));
        self.counted.extend((joined || elided).then_some(open));
    }

    pub fn letter(&self, at: usize) -> Option<char> {
        self.letters.get(at).copied()
    }

    pub fn before(&self, at: usize) -> Option<char> {
        self.letter(at.checked_sub(1)?)
    }

    pub fn is_taken(&self, at: usize) -> bool {
        self.taken.get(at).copied().unwrap_or(false)
    }

    fn may_open(&self, at: usize) -> bool {
        let (before, after) = (self.before(at), self.letter(at + 1));
        let follows_word = before.is_some_and(is_of_word);
        match self.letter(at) {
            // It's, dogs', 6', 6''.
            Some('\'' | '‘') => {
                let inch =
                    at > 0 && before == Some('\'') && self.before(at - 1).is_some_and(|c| c.is_ascii_digit());
                !inch && (!follows_word || self.is_joined_open(at))
            }
            Some('"') => !self.is_inch(at) && !self.is_acronym(at),
            // A prefix of one letter may stand before a quoted word.
            Some('״') => {
                let closed = || {
                    (at + 2..self.letters.len())
                        .any(|place| self.letter(place) == Some('״') && !self.is_acronym(place))
                };
                !follows_word || !self.is_acronym(at) && closed()
            }
            Some('‛' | '׳' | '″' | '′') => !follows_word,
            Some(mark) if BOTH_WAYS.contains(&mark) => {
                let text = |c: char| !(c.is_whitespace() || ",.;:!?)".contains(c));
                !follows_word && after.is_some_and(text) && !(mark == '’' && self.is_elided(at))
            }
            _ => true,
        }
    }

    /// Whether a mark may close the text that began at `start`.
    fn may_close(&self, start: usize, at: usize) -> bool {
        if self.letter(start).is_some_and(|open| BOTH_WAYS.contains(&open)) {
            let plural = self.letter(at) == Some('’') && self.is_cut(at);
            return !self.before(at).is_some_and(char::is_whitespace) && !plural;
        }
        // 'tis the season, 'Merry Christmas'; 'rock 'n' roll'.
        let begins_word = self.letter(at) == Some('\'') && self.begins_word(at);
        let ends_n = at.checked_sub(2).is_some_and(|open| open != start && self.is_n(open));
        !begins_word && !ends_n && !self.is_acronym(at)
    }

    pub fn is_within_word(&self, at: usize) -> bool {
        self.before(at).is_some_and(is_of_word) && self.letter(at + 1).is_some_and(is_of_word)
    }

    pub fn begins_word(&self, at: usize) -> bool {
        self.before(at).is_some_and(char::is_whitespace) && self.letter(at + 1).is_some_and(is_of_word)
    }

    /// Whether the mark follows a number: of 24"x36", both.
    pub fn is_inch(&self, at: usize) -> bool {
        let after = self.letter(at + 1);
        self.before(at).is_some_and(|c| c.is_ascii_digit())
            && !after.is_some_and(|c| c.is_alphabetic() && !matches!(c, 'x' | 'X'))
    }

    /// Whether the mark stands before the last letter of a Hebrew acronym.
    pub fn is_acronym(&self, at: usize) -> bool {
        matches!(self.letter(at), Some('"' | '״'))
            && self.before(at).is_some_and(is_hebrew)
            && self.letter(at + 1).is_some_and(is_hebrew)
            && !self.letter(at + 2).is_some_and(is_of_word)
    }

    /// The letters of a word up to a place, in lower case.
    fn word_before(&self, at: usize) -> String {
        let letters = self.letters.iter().take(at).rev().take_while(|c| is_of_word(**c)).count();
        self.letters.iter().take(at).skip(at - letters).flat_map(|c| c.to_lowercase()).collect()
    }

    /// The letters of a word behind a place, in lower case.
    fn word_after(&self, at: usize) -> String {
        let letters = self.letters.iter().skip(at + 1).take_while(|c| is_of_word(**c));
        letters.flat_map(|c| c.to_lowercase()).collect()
    }

    /// Whether an apostrophe stands for the beginning of a word: '90s, 'tis, 'n'.
    pub fn is_elided(&self, at: usize) -> bool {
        if !matches!(self.letter(at), Some('\'' | '‘' | '’')) || self.before(at).is_some_and(is_of_word) {
            return false;
        }
        let word = self.word_after(at);
        let year = word.strip_suffix('s').unwrap_or(&word);
        ELIDED.contains(&word.as_str()) || year.len() == 2 && year.bytes().all(|c| c.is_ascii_digit())
    }

    /// Whether a text is the one word behind its opening mark.
    fn is_word_alone(&self, open: usize, close: usize) -> bool {
        self.between(open, close).chars().all(is_of_word)
    }

    /// Whether an apostrophe opens a 'n' between two words.
    fn is_n(&self, at: usize) -> bool {
        let closed = matches!(self.letter(at + 2), Some('\'' | '’'));
        let spaced = self.before(at) == Some(' ') && self.letter(at + 3) == Some(' ');
        let words = at.checked_sub(2).and_then(|place| self.letter(place)).is_some_and(is_of_word)
            && self.letter(at + 4).is_some_and(is_of_word);
        closed && spaced && words && self.is_elided(at) && self.word_after(at) == "n"
    }

    /// Whether an apostrophe opens a 'n' that means *and*.
    pub fn is_and(&self, at: usize) -> bool {
        self.is_n(at) && BEFORE_N.contains(&self.word_before(at - 1).as_str())
    }

    /// Whether the word before a mark says that a text follows.
    fn is_announced(&self, at: usize) -> bool {
        at > 0 && SAYING.contains(&self.word_before(at - 1).as_str())
    }

    /// Whether an apostrophe stands for the end of a word, and another word follows: girls' room, ol' man.
    pub fn is_cut(&self, at: usize) -> bool {
        let word = self.word_before(at);
        let cut = word.ends_with(['s', 'x', 'z'])
            || CUT.contains(&word.as_str())
            || word.len() > 3 && word.ends_with("in");
        cut && self.letter(at + 1).is_some_and(char::is_whitespace)
            && self.letter(at + 2).is_some_and(is_of_word)
    }

    /// Whether the mark within a word may be a quotation mark between two words. A single letter on either side is a contraction,
    /// an elision, or a name: It's, l'été, O'Brien.
    fn may_be_joined(&self, at: usize) -> bool {
        let (before, after) = (self.word_before(at), self.word_after(at));
        let several = |word: &str| word.chars().nth(1).is_some();
        let known = ENDINGS.contains(&after.as_str()) || before.ends_with("qu") || before == "aujourd";
        several(&before) && several(&after) && !known
    }

    /// Whether a mark within a word opens a text: says'OPEN'now, a sign saying'OPEN', word'GRAND OPENING'word.
    fn is_joined_open(&self, at: usize) -> bool {
        let number = self.before(at).is_some_and(|c| c.is_ascii_digit());
        if number || !self.is_within_word(at) || !self.may_be_joined(at) {
            return false;
        }
        if SAYING.contains(&self.word_before(at).as_str()) {
            return true;
        }
        let closing = if self.letter(at) == Some('‘') { '’' } else { '\'' };
        let Some(close) = self.places(closing).find(|&place| place > at) else { return false };
        let text = self.between(at, close);
        let is_word =
            self.is_one_word(at, close) && (!self.is_within_word(close) || self.may_be_joined(close));
        let is = |place: Option<char>, case: fn(char) -> bool| place.is_some_and(case);
        let is_capital = text.chars().filter(|c| c.is_uppercase()).nth(1).is_some()
            && !text.chars().any(char::is_lowercase)
            && is(self.before(at), char::is_lowercase)
            && !is(self.letter(close + 1), char::is_uppercase)
            && !self.begins_word(close);
        is_word || is_capital
    }

    /// Whether a mark within a word closes a text, and the next one opens another: 'OPEN'and'CLOSED'.
    fn is_joined_close(&self, at: usize) -> bool {
        let next = self.places('\'').find(|&place| place > at);
        self.letter(at) == Some('\'')
            && self.may_be_joined(at)
            && next.is_some_and(|next| {
                self.is_within_word(next) && self.may_be_joined(next) && self.is_one_word(at, next)
            })
    }

    /// Whether there are several letters and no gap between two marks.
    fn is_one_word(&self, open: usize, close: usize) -> bool {
        let text = self.between(open, close);
        !text.chars().any(char::is_whitespace) && text.chars().filter(|c| is_of_word(*c)).nth(1).is_some()
    }

    pub fn between(&self, open: usize, close: usize) -> String {
        self.letters.iter().take(close).skip(open + 1).collect()
    }

    /// Whether a place lies within a text.
    pub fn is_inside(&self, at: usize) -> bool {
        self.texts.iter().any(|text| text.open < at && at < text.close)
    }

    /// Whether a mark belongs to nothing.
    pub fn is_lost(&self, at: usize) -> bool {
        let empty = || self.empty.iter().any(|text| text.open == at || text.close == at);
        !self.is_taken(at) && !self.is_inside(at) && !empty()
    }

    /// Whether a pair of marks has nothing to be seen between them.
    pub fn has_empty(&self) -> bool {
        let outside = |text: &&Quoted| !self.is_inside(text.open);
        let blank = |text: &Quoted| is_blank(&self.between(text.open, text.close));
        self.texts.iter().chain(&self.empty).filter(outside).any(blank)
    }

    pub fn places(&self, mark: char) -> impl Iterator<Item = usize> {
        self.letters.iter().enumerate().filter(move |(_, letter)| **letter == mark).map(|(at, _)| at)
    }

    /// The texts that are spelled. Those of the reference's marks lie in others as they do there; another kind's text within
    /// a text is part of that.
    pub fn spelled(&self) -> impl Iterator<Item = (Quoted, String)> {
        let alone = |text: &&Quoted| text.kind < REFERENCE || !self.is_inside(text.open);
        self.texts.iter().filter(alone).map(|text| {
            let spelled = self.between(text.open, text.close);
            // « French » has gaps.
            let text_alone = if text.kind < REFERENCE { spelled } else { spelled.trim().to_owned() };
            (*text, text_alone)
        })
    }
}
