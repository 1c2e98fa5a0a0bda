//! The list of words, and which of them training never shows.

use std::collections::HashSet;

use crate::brief::Split;
use crate::random::Random;

/// How often a word has two, three, … eight letters, in percent.
const LENGTHS: [f32; 7] = [1., 8., 34., 34., 14., 7., 2.];
/// One word in this many is kept for checks.
const CHECKED: u64 = 16;

/// The word list, and the words that training never shows.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// Words of `length` letters at `length - 2`.
    by_length: [Vec<&'static str>; 7],
    held_out: HashSet<&'static str>,
}

impl Words {
    /// The lists that come with the crate.
    pub(crate) fn built_in() -> Self {
        let lines =
            |text: &'static str| text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut by_length: [Vec<&'static str>; 7] = Default::default();
        for word in lines(include_str!("../data/words.txt")) {
            if let Some(words) = word.len().checked_sub(2).and_then(|index| by_length.get_mut(index)) {
                words.push(word);
            }
        }
        Self { by_length, held_out: lines(include_str!("../data/held-out.txt")).collect() }
    }

    /// Whether this word may appear under `split`. Numbers and marks are in both, save the held-out ones.
    pub(crate) fn allowed(&self, word: &str, split: Split) -> bool {
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
        ((hash >> 32) % CHECKED == 0) == (split == Split::Check)
    }

    /// One lower-case word of two to `max` letters (at least two, at most eight, whatever `max` is).
    pub(crate) fn word(&self, random: &mut Random, split: Split, max: usize) -> String {
        let max = max.clamp(2, 8);
        loop {
            // Without this draw the stream would be another one than mini learned from.
            random.unit();
            let length = random.weighted(&LENGTHS[..max - 1]);
            let word = random.pick(&self.by_length[length]);
            if self.allowed(word, split) {
                return word.to_owned();
            }
        }
    }
}
