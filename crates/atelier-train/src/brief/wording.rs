//! What the texts say.

use super::lexicon::Lexicon;
use super::pen::{Pen, capitalised};
use super::{Split, lexicon};
use crate::random::Random;

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Every Word Like This.
    Title,
    /// LIKE THIS.
    Upper,
    /// like this.
    Lower,
    /// Like this.
    Sentence,
}

/// What texts a family wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The most characters.
    pub max: usize,
    /// How often a text has one, two, … words.
    pub words: [f32; 6],
    /// How often it is Title, UPPER, lower, Sentence case.
    pub cases: [f32; 4],
    /// How often it is a phrase of the lists.
    pub phrases: f32,
}

const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";
const VOWELS: &[u8] = b"aeiouy";
const ACCENTED: &[(char, &str)] = &[
    ('a', "àáâãäåæ"),
    ('c', "ç"),
    ('e', "èéêë"),
    ('i', "ìíîï"),
    ('n', "ñ"),
    ('o', "òóôõöøœ"),
    ('s', "šß"),
    ('u', "ùúûü"),
    ('y', "ý"),
    ('z', "ž"),
];
const GLUE: &[&str] =
    &["of", "of the", "and", "&", "in", "on", "for", "to", "by the", "at", "or", "+", "to the", "is"];
const CONTRACTIONS: &[&str] = &[
    "It's", "Let's", "We're", "You're", "I'm", "Can't", "Won't", "Isn't", "They're", "We'll", "I'll",
    "You've", "Who's", "That's", "What's", "There's", "She's", "He's", "Couldn't", "Doesn't", "Ain't",
    "Y'all", "O'Clock",
];

/// A text. It holds no quotation mark, and neither begins nor ends with an apostrophe.
pub(super) fn text(pen: &mut Pen, wanted: Wanted) -> String {
    let (lexicon, split) = (pen.lexicon, pen.split);
    loop {
        let text = once(&mut pen.random, lexicon, split, wanted);
        let length = text.chars().count();
        if (1..=wanted.max).contains(&length) && lexicon.allowed(&text, split) {
            return if pen.random.chance(0.1) { text.replace('\'', "’") } else { text };
        }
    }
}

fn once(random: &mut Random, lexicon: &Lexicon, split: Split, wanted: Wanted) -> String {
    let case = [Case::Title, Case::Upper, Case::Lower, Case::Sentence][random.weighted(&wanted.cases)];
    if random.chance(wanted.phrases) {
        let phrase =
            if random.chance(0.2) { random.pick(&lexicon.foreign).1 } else { random.pick(&lexicon.phrases) };
        return match case {
            Case::Title => phrase.to_owned(),
            Case::Upper => phrase.to_uppercase(),
            Case::Lower => phrase.to_lowercase(),
            Case::Sentence => capitalised(&phrase.to_lowercase()),
        };
    }
    let count = 1 + random.weighted(&wanted.words);
    let longest = if count == 1 { wanted.max } else { 14 };
    let mut words: Vec<String> = Vec::new();
    for index in 0..count {
        let last = index + 1 == count;
        let next = match random.weighted(&[0.84, 0.12, if index == 0 { 0.03 } else { 0. }]) {
            0 => cased(&word(random, lexicon, split, longest), case, index == 0),
            1 => amount(random),
            _ => cased(random.pick(CONTRACTIONS), case, true),
        };
        if index > 0 && (count > 2 || last) && random.chance(0.12) {
            words.push(match case {
                Case::Upper => random.pick(GLUE).to_uppercase(),
                _ => random.pick(GLUE).to_owned(),
            });
        }
        words.push(next);
    }
    let mut text = words.join(" ");
    match random.weighted(&[0.88, 0.05, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01]) {
        1 => text.push('!'),
        2 => text.push('?'),
        3 => text.push('.'),
        4 => text.push('…'),
        5 => text.push_str("!!"),
        6 => text = format!("({text})"),
        7 => text = format!("* {text} *"),
        _ => {}
    }
    if count > 1 && random.chance(0.06) {
        let mark =
            random.pick(&[": ", ", ", " - ", " – ", "-", "/", " / ", "—", " + ", ". ", "; ", " @ ", " = "]);
        text = text.replacen(' ', mark, 1);
    }
    text
}

/// One word of letters: listed, compounded, with diacritics, invented, or letters at random.
fn word(random: &mut Random, lexicon: &Lexicon, split: Split, max: usize) -> String {
    let max = max.clamp(2, 14);
    loop {
        let word = match random.weighted(&[0.6, 0.08, 0.06, 0.13, 0.13]) {
            0 => lexicon.word(random, split, max.min(8)),
            1 if max >= 8 => {
                let first = lexicon.word(random, split, 7.min(max - 3));
                let rest = random.pick(&["ing", "s", "er", "ly", "ness", "able", "land", "", "", ""]);
                if rest.is_empty() { first + &lexicon.word(random, split, 6) } else { first + rest }
            }
            2 => random.pick(&lexicon.accents).to_owned(),
            3 => invented(random, max.min(10)),
            _ => letters(random, max.min(9)),
        };
        if word.chars().count() <= max && lexicon.allowed(&word, split) {
            return word;
        }
    }
}

/// Syllables, now and then with diacritics.
fn invented(random: &mut Random, max: usize) -> String {
    let mut word = String::new();
    let syllables = 1 + random.below((max / 2).clamp(1, 4));
    for _ in 0..syllables {
        if random.chance(0.9) {
            word.push(random.pick(CONSONANTS).into());
        }
        word.push(random.pick(VOWELS).into());
        if random.chance(0.2) {
            word.push(random.pick(CONSONANTS).into());
        }
    }
    if random.chance(0.4) {
        word.push(random.pick(CONSONANTS).into());
    }
    if random.chance(0.12) {
        word = word
            .chars()
            .map(|letter| if random.chance(0.4) { accented(random, letter) } else { letter })
            .collect();
    }
    word.chars().take(max).collect()
}

fn accented(random: &mut Random, letter: char) -> char {
    let forms = ACCENTED.iter().find(|(plain, _)| *plain == letter).map_or("", |(_, forms)| forms);
    forms.chars().nth(random.below(forms.chars().count())).unwrap_or(letter)
}

/// Letters and digits at random: their case is their own.
fn letters(random: &mut Random, max: usize) -> String {
    let length = 2 + random.below(max.saturating_sub(1).max(1));
    let style = random.weighted(&[0.4, 0.25, 0.2, 0.15]);
    (0..length)
        .map(|_| {
            let letter = char::from(b'a' + random.below(26) as u8);
            match style {
                0 => letter,
                1 => letter.to_ascii_uppercase(),
                2 if random.chance(0.5) => letter.to_ascii_uppercase(),
                3 if random.chance(0.4) => char::from(b'0' + random.below(10) as u8),
                _ => letter,
            }
        })
        .collect()
}

/// Something with digits: a number, a price, a time, a share, a date.
pub(super) fn amount(random: &mut Random) -> String {
    let (small, large) = (1 + random.below(99), 100 + random.below(9900));
    let (hour, minute) = (random.below(24), random.below(60));
    // What price lists, sales and timetables say comes more often than the rest.
    let kind = match random.below(40) {
        kind @ 0..=25 => kind,
        26..=28 => 7,
        29..=31 => 9,
        32..=35 => 10,
        _ => 13,
    };
    match kind {
        0..=3 => small.to_string(),
        4..=5 => large.to_string(),
        6 => (1900 + random.below(150)).to_string(),
        7 => format!("{hour}:{minute:02}"),
        8 => format!("{hour:02}:{:02}", 5 * random.below(12)),
        9 => format!("{}{}", 1 + hour % 12, random.pick(&["am", "pm", "AM", "PM", " am", " pm", "h"])),
        10 => format!("${small}"),
        11 => format!("{}{small}.{:02}", random.pick(&["$", "£", "€", ""]), random.below(100)),
        12 => format!("{small},{:02} €", random.below(100)),
        13 => format!("{small}%"),
        14 => format!("{}{small}%", random.pick(&["-", "+", ""])),
        15 => format!("#{small}"),
        16 => format!("No. {small}"),
        17 => format!(
            "{small}{}",
            match (small % 10, small / 10) {
                (1, tens) if tens != 1 => "st",
                (2, tens) if tens != 1 => "nd",
                (3, tens) if tens != 1 => "rd",
                _ => "th",
            }
        ),
        18 => format!(
            "{small}{}",
            random.pick(&["°", "°C", "+", " kg", " g", " km", "ml", "x", "A", "B", "€", "£"])
        ),
        19 => format!("{}.{}.", 1 + random.below(31), 1 + random.below(12)),
        20 => format!("{}/{}", 1 + random.below(31), 1 + random.below(12)),
        21 => format!("{small}-{}", small + 1 + random.below(20)),
        22 => format!("{}–{}", hour, hour + 1 + random.below(8)),
        23 => format!("{}{large}", random.pick(&["A", "B", "K", "X", "Q", "Z", "R", "V"])),
        24 => format!("({small})"),
        _ => format!("{small} {} {}", random.pick(&["+", "=", "x", "*", "/"]), 1 + random.below(20)),
    }
}

/// A word in this case; mixed case stays, mostly.
fn cased(word: &str, case: Case, first: bool) -> String {
    match case {
        Case::Title => capitalised(word),
        Case::Upper => word.to_uppercase(),
        Case::Lower => word.to_owned(),
        Case::Sentence if first => capitalised(word),
        Case::Sentence => word.to_owned(),
    }
}

/// A sentence in lower case of `least` to `max` characters, its first letter a capital.
pub(super) fn sentence(pen: &mut Pen, least: usize, max: usize) -> String {
    let wanted = Wanted { max: 12, words: [1., 0., 0., 0., 0., 0.], cases: [0., 0., 1., 0.], phrases: 0. };
    let aim = least + pen.random.below(max - least + 1);
    loop {
        let mut sentence = String::new();
        while sentence.chars().count() < aim.saturating_sub(4) {
            if !sentence.is_empty() {
                sentence.push(' ');
                if pen.random.chance(0.3) {
                    sentence.push_str(
                        pen.random.pick(&["the ", "of the ", "and ", "on ", "to ", "for ", "in my "]),
                    );
                }
            } else if pen.random.chance(0.4) {
                sentence.push_str(pen.random.pick(&["The ", "Our ", "My ", "No "]));
            }
            let word = loop {
                let word = text(pen, wanted);
                if word.chars().all(|character| character.is_alphabetic() || character == '\'') {
                    break word;
                }
            };
            sentence.push_str(&word);
        }
        let sentence = capitalised(&sentence);
        if (least..=max).contains(&sentence.chars().count()) && pen.lexicon.allowed(&sentence, pen.split) {
            return sentence;
        }
    }
}

/// Whether every word of a text begins with a capital or a digit: such a text stands out without quotation marks.
pub(super) fn stands_out(text: &str) -> bool {
    lexicon::words(text).all(|word| !word.starts_with(char::is_lowercase))
        && text.chars().any(char::is_uppercase)
}
