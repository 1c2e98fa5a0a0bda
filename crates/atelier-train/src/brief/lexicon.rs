//! The lists that prompts are made from, and who may use which word.

use std::sync::OnceLock;

use super::Split;
use crate::random::Random;
use crate::words::Words;

/// Short words without which no text can be said: in both splits.
const FUNCTION: &[&str] = &[
    "the", "and", "for", "you", "our", "are", "not", "of", "in", "on", "at", "to", "by", "an", "is", "it",
    "no", "we", "my", "me", "or", "up", "us", "so", "do", "go", "be", "as", "if", "am", "pm", "der", "die",
    "das", "und", "le", "la", "les", "de", "du", "el", "los", "un", "une",
];
/// What a text may be made of, beside ASCII letters, digits and the space.
const MARKS: &str = ".,:;!?'’-–—…&$%/()+#@*=€£°";
const ACCENTS: &str = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœšžÀÁÂÄÅÆÇÈÉÊÍÑÓÔÖØÚÜŒŠŽ";

/// Everything that comes in lists.
pub(super) struct Lexicon {
    words: Words,
    /// Places, without an article.
    pub scenes: Vec<&'static str>,
    /// Things that carry a text, without an article.
    pub carriers: Vec<&'static str>,
    /// Texts of signs.
    pub phrases: Vec<&'static str>,
    /// A language (de, fr, es, other) and a text in it.
    pub foreign: Vec<(&'static str, &'static str)>,
    /// Words with diacritics, lower case.
    pub accents: Vec<&'static str>,
    /// Pictures without a text, with an article.
    pub subjects: Vec<&'static str>,
}

impl Lexicon {
    /// The lists that come with the crate.
    pub fn get() -> &'static Self {
        static LEXICON: OnceLock<Lexicon> = OnceLock::new();
        LEXICON.get_or_init(|| Self {
            words: Words::built_in(),
            scenes: lines(include_str!("../../data/brief/scenes.txt")),
            carriers: lines(include_str!("../../data/brief/carriers.txt")),
            phrases: lines(include_str!("../../data/brief/phrases.txt")),
            foreign: lines(include_str!("../../data/brief/foreign.txt"))
                .iter()
                .filter_map(|line| line.split_once(' '))
                .collect(),
            accents: lines(include_str!("../../data/brief/accents.txt")),
            subjects: lines(include_str!("../../data/brief/subjects.txt")),
        })
    }

    /// A word of the list, lower case, of at most `max` letters (two, if `max` is less).
    pub fn word(&self, random: &mut Random, split: Split, max: usize) -> String {
        self.words.word(random, split, max)
    }

    /// Whether every word of a text may appear under `split`, and every character can be drawn.
    pub fn allowed(&self, text: &str, split: Split) -> bool {
        let drawable = |character: char| {
            character.is_ascii_alphanumeric()
                || character == ' '
                || MARKS.contains(character)
                || ACCENTS.contains(character)
        };
        // An apostrophe that does not stand between letters would be read as a quotation mark.
        let quotes = |part: &str| part.is_empty() || !part.starts_with(char::is_alphanumeric);
        let apostrophes = text.split(['\'', '’']).skip(1).any(quotes)
            || text.split(['\'', '’']).rev().skip(1).any(|part| !part.ends_with(char::is_alphanumeric));
        !apostrophes && text.chars().all(drawable) && words(text).all(|word| self.allowed_word(word, split))
    }

    fn allowed_word(&self, word: &str, split: Split) -> bool {
        let word = word.to_lowercase().replace('’', "'");
        if FUNCTION.contains(&word.as_str()) || word.chars().count() == 1 {
            return true;
        }
        // What stands before an apostrophe is a word as well: "Joe's".
        let stem = word.split('\'').next().unwrap_or_default();
        self.words.allowed(&word, split)
            && (stem.chars().count() < 2 || FUNCTION.contains(&stem) || self.words.allowed(stem, split))
    }
}

/// The words of a text: runs of letters and digits, with apostrophes between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && !matches!(character, '\'' | '’'))
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
}

fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}
