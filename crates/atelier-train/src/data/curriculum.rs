//! What the samples of a training stage are like.

use super::geometry::Geometry;

/// Which colours appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Black on white.
    Plain,
    /// Every background with its readable inks.
    All,
}

/// Which type family and which decoration a picture gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decorate {
    /// The sans family and no decoration.
    Plain,
    /// Both follow from the prompt: the carrier decides, and "simple" means no decoration. A prompt then has one right
    /// picture.
    ByCarrier,
    /// Any family with any decoration.
    Random,
}

/// Which of the words appear: no word is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// For learning.
    Train,
    /// For measuring on words never learned.
    Validation,
}

/// The knobs of the generator. Probabilities are in `0.0..=1.0`; weights are relative.
#[derive(Debug, Clone, PartialEq)]
pub struct Curriculum {
    /// Width of the picture in pixels, a multiple of 32.
    pub width: u32,
    /// Height of the picture in pixels, a multiple of 32.
    pub height: u32,
    /// How text is set.
    pub geometry: Geometry,
    /// Weights of one to five regions.
    pub regions: [f32; 5],
    /// Weights of large, medium and small. With more than three regions nothing is large.
    pub sizes: [f32; 3],
    /// Which colours appear.
    pub colours: Colours,
    /// Which type family and decoration appear.
    pub decorate: Decorate,
    /// Weight of words from the list.
    pub listed: f32,
    /// Weight of invented, pronounceable words.
    pub invented: f32,
    /// Weight of random letters.
    pub letters: f32,
    /// Probability that a region is a number alone.
    pub numbers: f32,
    /// Probability that a number is a time or a price.
    pub marks: f32,
    /// Probability that a region has two words.
    pub two_words: f32,
    /// The most letters a word has, 2 to 8.
    pub max_letters: usize,
    /// Weights of single, double and curly quotation marks; a prompt has one kind.
    pub quotes: [f32; 3],
    /// Probability that a region is worded in a way the development prompts do not have, and that a prompt has no
    /// full stop.
    pub paraphrase: f32,
    /// Probability that the rows are any rows, and not the usual ones for that number of regions.
    pub any_rows: f32,
    /// Probability that a prompt with one to three regions opens with a large title of two longer words, up to 15
    /// characters; it stands on two lines where the geometry has no room on one.
    pub long_titles: f32,
    /// Which words appear.
    pub split: Split,
}

impl Curriculum {
    /// The last stage: everything a prompt can ask for.
    pub fn full() -> Self {
        Self {
            width: 512,
            height: 512,
            geometry: Geometry::column(),
            regions: [1.; 5],
            sizes: [1.; 3],
            colours: Colours::All,
            decorate: Decorate::ByCarrier,
            listed: 0.5,
            invented: 0.25,
            letters: 0.25,
            numbers: 0.1,
            marks: 0.1,
            two_words: 0.18,
            max_letters: 8,
            quotes: [0.8, 0.15, 0.05],
            paraphrase: 0.08,
            any_rows: 0.1,
            long_titles: 0.03,
            split: Split::Train,
        }
    }

    /// The first stage: one short word of medium size, black on white.
    pub fn word() -> Self {
        Self {
            regions: [1., 0., 0., 0., 0.],
            sizes: [0., 1., 0.],
            numbers: 0.05,
            marks: 0.,
            two_words: 0.,
            max_letters: 5,
            ..Self::regions()
        }
    }

    /// The second stage: one to five regions of medium size, black on white.
    pub fn regions() -> Self {
        Self {
            sizes: [0., 1., 0.],
            colours: Colours::Plain,
            decorate: Decorate::Plain,
            quotes: [1., 0., 0.],
            paraphrase: 0.,
            any_rows: 0.,
            long_titles: 0.,
            ..Self::full()
        }
    }

    /// Samples like the development prompts in every proportion, of validation words.
    pub fn like_development() -> Self {
        Self {
            listed: 0.9,
            invented: 0.1,
            letters: 0.,
            numbers: 0.08,
            marks: 0.,
            max_letters: 7,
            quotes: [1., 0., 0.],
            paraphrase: 0.,
            any_rows: 0.,
            long_titles: 0.,
            split: Split::Validation,
            ..Self::full()
        }
    }

    /// The stage of this name: `word`, `regions`, `full` or `like-development`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "word" => Some(Self::word()),
            "regions" => Some(Self::regions()),
            "full" => Some(Self::full()),
            "like-development" => Some(Self::like_development()),
            _ => None,
        }
    }
}
