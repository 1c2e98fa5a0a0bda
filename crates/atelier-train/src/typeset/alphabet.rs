//! The characters that pictures show, and which of them have a code as a pair.

use std::collections::HashMap;
use std::sync::LazyLock;

/// How the vocabulary writes the apostrophe, which is a character; `'` and `’` alone are quote marks.
pub const APOSTROPHE: char = 'ʼ';

const LOWER_DIACRITICS: &str = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœšž";
const UPPER_DIACRITICS: &str = "ÀÁÂÄÅÆÇÈÉÊÍÑÓÔÖØÚÜŒŠŽ";
/// Lower-case letters with diacritics that stand side by side in words.
const DOUBLES: &str =
    "ää öö üü õõ éé èé éè äß öß üß çã çõ çà éç çé éà áñ éñ íñ óñ úñ ñá ñé ñí ñó ñú áž íž ýš åæ åø øå";
const DIGITS: &str = "0123456789";
/// Punctuation: the classes before and after it that make a pair. `U` upper case, `l` lower case, `d` digit, `s` space, `D`
/// and `E` lower and upper case with diacritics.
const MARKS: [(char, &str, &str); 24] = [
    ('.', "UldDE", "Ulds"),
    (',', "UldDE", "ds"),
    (':', "UldD", "ds"),
    (';', "Ul", "s"),
    ('!', "UldDE", "s"),
    ('?', "UldDE", "s"),
    (APOSTROPHE, "UldDE", "UlDE"),
    ('-', "UldsD", "UldsD"),
    ('–', "Ulds", "Ulds"),
    ('—', "ls", "ls"),
    ('…', "Ul", "s"),
    ('&', "Uls", "Uls"),
    ('$', "s", "d"),
    ('%', "d", "s"),
    ('/', "Ulds", "Ulds"),
    ('(', "s", "Uld"),
    (')', "Uld", "s"),
    ('+', "Uds", "ds"),
    ('#', "s", "Uld"),
    ('@', "lds", "Ul"),
    ('*', "s", "s"),
    ('=', "ds", "ds"),
    ('€', "ds", "ds"),
    ('£', "s", "d"),
];
const DEGREE: (char, &str, &str) = ('°', "ds", "Us");
/// Punctuation side by side.
const MARK_PAIRS: [&str; 10] = ["..", "!!", "?!", "!?", "??", "),", ").", "%!", "%.", "--"];

/// Kinds of characters, as in [`MARKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Space,
    LowerDiacritic,
    UpperDiacritic,
    Mark,
}

/// The characters in order, and which pairs have a code.
#[derive(Debug)]
pub struct Alphabet {
    characters: Vec<char>,
    places: HashMap<char, usize>,
    /// Places of the characters below U+0180.
    near: Vec<u8>,
}

/// The alphabet. There is one.
pub static ALPHABET: LazyLock<Alphabet> = LazyLock::new(Alphabet::new);

impl Alphabet {
    fn new() -> Self {
        let mut characters = vec![' '];
        characters.extend('A'..='Z');
        characters.extend('a'..='z');
        characters.extend(DIGITS.chars());
        characters.extend(MARKS.iter().map(|mark| mark.0));
        characters.push(DEGREE.0);
        characters.extend(LOWER_DIACRITICS.chars());
        characters.extend(UPPER_DIACRITICS.chars());
        let places: HashMap<char, usize> =
            characters.iter().enumerate().map(|(place, &character)| (character, place)).collect();
        let near = ('\0'..'\u{180}')
            .map(|character| places.get(&character).map_or(u8::MAX, |&place| place as u8))
            .collect();
        Self { characters, places, near }
    }

    /// All characters, the space first.
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// Where a character stands among them.
    pub fn place(&self, character: char) -> Option<usize> {
        match self.near.get(character as usize) {
            Some(&u8::MAX) => None,
            Some(&place) => Some(usize::from(place)),
            None => self.places.get(&character).copied(),
        }
    }

    /// Whether two characters have a code as a pair.
    pub fn pair(&self, left: char, right: char) -> bool {
        use Class::*;
        let (Some(one), Some(two)) = (class(left), class(right)) else { return false };
        let rule = |mark: char| MARKS.iter().chain([&DEGREE]).find(|rule| rule.0 == mark);
        match (one, two) {
            (Mark, Mark) => MARK_PAIRS.contains(&[left, right].iter().collect::<String>().as_str()),
            (Mark, _) => rule(left).is_some_and(|rule| rule.2.contains(two.letter())),
            (_, Mark) => rule(right).is_some_and(|rule| rule.1.contains(one.letter())),
            // A code for two spaces would look like the code for one.
            (Lower, Upper) | (Space, Space) => false,
            (Upper | Lower | Digit | Space, Upper | Lower | Digit | Space) => true,
            (LowerDiacritic, Lower | Space) | (Lower | Space, LowerDiacritic) => true,
            // These do not follow a capital at the head of a word.
            (Upper, LowerDiacritic) => !"ßçñšž".contains(right),
            (LowerDiacritic, LowerDiacritic) => DOUBLES.split(' ').any(|pair| pair.chars().eq([left, right])),
            (UpperDiacritic, Upper | Lower | Space) | (Upper | Space, UpperDiacritic) => true,
            _ => false,
        }
    }
}

impl Class {
    fn letter(self) -> char {
        match self {
            Self::Upper => 'U',
            Self::Lower => 'l',
            Self::Digit => 'd',
            Self::Space => 's',
            Self::LowerDiacritic => 'D',
            Self::UpperDiacritic => 'E',
            Self::Mark => 'P',
        }
    }
}

fn class(character: char) -> Option<Class> {
    Some(match character {
        'A'..='Z' => Class::Upper,
        'a'..='z' => Class::Lower,
        '0'..='9' => Class::Digit,
        ' ' => Class::Space,
        _ if LOWER_DIACRITICS.contains(character) => Class::LowerDiacritic,
        _ if UPPER_DIACRITICS.contains(character) => Class::UpperDiacritic,
        _ if MARKS.iter().chain([&DEGREE]).any(|mark| mark.0 == character) => Class::Mark,
        _ => return None,
    })
}
