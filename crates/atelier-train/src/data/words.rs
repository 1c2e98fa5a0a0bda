//! The words that pictures show.

use std::collections::HashSet;

use super::curriculum::{Curriculum, Split};
use super::random::Random;

/// How often a listed word has two, three, … eight letters, in percent.
const LENGTHS: [f32; 7] = [1., 8., 34., 34., 14., 7., 2.];
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";
const VOWELS: &[u8] = b"aeiouy";
/// One listed or made-up word in this many is kept for validation.
const VALIDATION: u64 = 16;

/// The word list, and the words that training never shows.
#[derive(Debug, Clone)]
pub struct Words {
    /// Words of `length` letters at `length - 2`.
    by_length: [Vec<&'static str>; 7],
    held_out: HashSet<&'static str>,
}

impl Words {
    /// The lists that come with the crate.
    pub fn built_in() -> Self {
        let lines =
            |text: &'static str| text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut by_length: [Vec<&'static str>; 7] = Default::default();
        for word in lines(include_str!("../../data/words.txt")) {
            if let Some(words) = word.len().checked_sub(2).and_then(|index| by_length.get_mut(index)) {
                words.push(word);
            }
        }
        Self { by_length, held_out: lines(include_str!("../../data/held-out.txt")).collect() }
    }

    /// Whether this word may appear under `split`. Numbers and marks are in both, save the held-out ones.
    pub fn allowed(&self, word: &str, split: Split) -> bool {
        let word = word.to_lowercase();
        if self.held_out.contains(word.as_str()) {
            return false;
        }
        if word.len() < 3 || word.bytes().any(|byte| !byte.is_ascii_lowercase()) {
            return true;
        }
        // FNV-1a: the split must be the same for ever and everywhere.
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        ((hash >> 32) % VALIDATION == 0) == (split == Split::Validation)
    }

    /// A text of at most `max` characters: a word, two words, or a number.
    pub fn text(&self, random: &mut Random, curriculum: &Curriculum, max: usize) -> String {
        let text = if random.chance(curriculum.numbers) {
            self.number(random, curriculum)
        } else {
            let first_max = max.min(curriculum.max_letters);
            if max >= 5 && random.chance(curriculum.two_words) {
                let first = self.word(random, curriculum, first_max.min(max - 3));
                let room = max - 1 - first.len();
                let second =
                    if random.chance(0.19) { self.number(random, curriculum) } else { String::new() };
                if (1..=room).contains(&second.len()) {
                    format!("{first} {second}")
                } else {
                    format!("{first} {}", self.word(random, curriculum, first_max.min(room)))
                }
            } else {
                self.word(random, curriculum, first_max)
            }
        };
        match random.weighted(&[0.5, 0.27, 0.23]) {
            0 => text.split(' ').map(title).collect::<Vec<_>>().join(" "),
            1 => text.to_uppercase(),
            _ => text,
        }
    }

    /// One lower-case word of two to `max` letters (at least two, whatever `max` is).
    pub fn word(&self, random: &mut Random, curriculum: &Curriculum, max: usize) -> String {
        let max = max.clamp(2, 8);
        loop {
            let word = match random.weighted(&[curriculum.listed, curriculum.invented, curriculum.letters]) {
                0 => {
                    let length = random.weighted(&LENGTHS[..max - 1]);
                    random.pick(&self.by_length[length]).to_owned()
                }
                1 => invented(random, max),
                _ => {
                    let length = 2 + random.below(max - 1);
                    (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
                }
            };
            if self.allowed(&word, curriculum.split) {
                return word;
            }
        }
    }

    fn number(&self, random: &mut Random, curriculum: &Curriculum) -> String {
        loop {
            let number = if random.chance(curriculum.marks) {
                match random.below(4) {
                    0 => format!("{}{}", 1 + random.below(12), random.pick(&["am", "pm"])),
                    1 => format!("{}:{:02}", 1 + random.below(23), 5 * random.below(12)),
                    2 => format!("${}", 1 + random.below(99)),
                    _ => format!(
                        "{}.{:02}",
                        1 + random.below(20),
                        random.pick(&[0, 5, 25, 49, 50, 75, 95, 99])
                    ),
                }
            } else {
                match random.weighted(&[0.3, 0.4, 0.2, 0.1]) {
                    0 => (10 + random.below(90)).to_string(),
                    1 => (100 + random.below(900)).to_string(),
                    2 => (1900 + random.below(140)).to_string(),
                    _ => (1000 + random.below(9000)).to_string(),
                }
            };
            if self.allowed(&number, curriculum.split) {
                return number;
            }
        }
    }
}

/// Syllables of a consonant and a vowel, perhaps with a consonant at the end.
fn invented(random: &mut Random, max: usize) -> String {
    let longest = (max / 2).clamp(1, 4);
    let syllables = if longest == 1 { 1 } else { 2 + random.below(longest - 1) };
    let mut word = String::new();
    for _ in 0..syllables {
        word.push(random.pick(CONSONANTS).into());
        word.push(random.pick(VOWELS).into());
    }
    if word.len() < max && random.chance(0.6) {
        word.push(random.pick(CONSONANTS).into());
    }
    word
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
