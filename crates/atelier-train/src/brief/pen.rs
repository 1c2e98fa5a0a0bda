//! Writes a prompt and notes where its texts stand.

use super::lexicon::Lexicon;
use super::quotes::{Habit, Marks};
use super::{Adornment, Brief, Face, Ink, Row, Side, Size, Split, Text};
use crate::random::Random;

/// What a prompt says of one text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub size: Option<Size>,
    pub place: Option<(Row, Side)>,
    pub ink: Option<Ink>,
    pub face: Option<Face>,
}

/// A prompt in the making.
pub(super) struct Pen {
    pub random: Random,
    pub lexicon: &'static Lexicon,
    pub split: Split,
    pub habit: Habit,
    pub prompt: String,
    pub canvas: [u32; 2],
    pub ground: Option<Ink>,
    pub texts: Vec<Text>,
    pub adornments: Vec<Adornment>,
}

impl Pen {
    /// An empty prompt.
    pub fn new(seed: u64, index: u64, split: Split) -> Self {
        let mut random = Random::new(seed, index);
        let habit = Habit::new(&mut random);
        Self {
            random,
            lexicon: Lexicon::get(),
            split,
            habit,
            prompt: String::new(),
            canvas: [512, 512],
            ground: None,
            texts: Vec::new(),
            adornments: Vec::new(),
        }
    }

    /// Writes words that are not drawn.
    pub fn say(&mut self, words: &str) {
        self.prompt.push_str(words);
    }

    /// Writes words that are not drawn, the first letter a capital with this probability.
    pub fn begin(&mut self, capital: f32, words: &str) {
        if self.chance(capital) {
            self.say(&capitalised(words));
        } else {
            self.say(words);
        }
    }

    /// Writes a text in the writer's quotation marks.
    pub fn quote(&mut self, content: &str, look: Look) {
        let marks = self.habit.marks(&mut self.random);
        self.quote_in(marks, content, look);
    }

    /// Writes a text in these quotation marks.
    pub fn quote_in(&mut self, (open, close): Marks, content: &str, look: Look) {
        self.say(open);
        self.bare(content, look);
        self.say(close);
    }

    /// Writes a text without quotation marks.
    pub fn bare(&mut self, content: &str, look: Look) {
        let begin = self.prompt.len();
        self.say(content);
        let Look { size, place, ink, face } = look;
        let span = begin..self.prompt.len();
        self.texts.push(Text { content: content.to_owned(), span, size, place, ink, face });
    }

    /// One of `items`.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        self.random.pick(items)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.random.chance(probability)
    }

    /// Takes a full stop from the end of the prompt, unless it belongs to a text.
    pub fn open_end(&mut self) {
        let end = self.prompt.len();
        if self.prompt.ends_with('.') && self.texts.iter().all(|text| text.span.end < end) {
            self.prompt.pop();
        }
    }

    /// The finished prompt.
    pub fn finish(self) -> Brief {
        let Self { prompt, canvas: [width, height], ground, texts, adornments, .. } = self;
        Brief { prompt, width, height, ground, texts, adornments }
    }
}

/// The first letter as a capital.
pub(super) fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The words after "a" or "an".
pub(super) fn with_article(words: &str) -> String {
    let vowel = words.starts_with(['a', 'e', 'i', 'o', 'u'])
        && !words.starts_with("uni")
        && !words.starts_with("one");
    format!("{} {words}", if vowel { "an" } else { "a" })
}

/// Joins with commas, and "and" before the last; `serial` puts a comma there as well.
pub(super) fn joint(index: usize, count: usize, serial: bool) -> &'static str {
    match (index, count) {
        (0, _) => "",
        (1, 2) if !serial => " and ",
        _ if index + 1 < count => ", ",
        _ if serial => ", and ",
        _ => " and ",
    }
}
