//! Quotation marks.

use crate::random::Random;

/// An opening and a closing mark.
pub(super) type Marks = (&'static str, &'static str);

/// All quotation marks that prompts use, and how often in percent.
pub(super) const ALL: &[(Marks, f32)] = &[
    (("'", "'"), 50.),
    (("“", "”"), 16.),
    (("\"", "\""), 16.),
    (("‘", "’"), 5.),
    (("„", "“"), 4.),
    (("«", "»"), 2.5),
    (("« ", " »"), 1.),
    (("「", "」"), 2.),
    (("『", "』"), 1.5),
    (("”", "”"), 1.),
    (("»", "«"), 1.),
];

/// Marks for one text.
pub(super) fn any(random: &mut Random) -> Marks {
    let weights: Vec<f32> = ALL.iter().map(|(_, weight)| *weight).collect();
    ALL[random.weighted(&weights)].0
}

/// How a writer quotes: mostly with one kind of marks, sometimes with any.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit(Option<Marks>);

impl Habit {
    /// The habit of one prompt.
    pub fn new(random: &mut Random) -> Self {
        if random.chance(0.25) { Self(None) } else { Self(Some(any(random))) }
    }

    /// Each text in marks of its own.
    pub fn changing() -> Self {
        Self(None)
    }

    /// Always these marks.
    pub fn always(marks: Marks) -> Self {
        Self(Some(marks))
    }

    /// Marks for the next text.
    pub fn marks(self, random: &mut Random) -> Marks {
        self.0.unwrap_or_else(|| any(random))
    }
}
