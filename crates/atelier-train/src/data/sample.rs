//! One training sample.

use std::sync::LazyLock;

use super::curriculum::{Colours, Curriculum, Decorate};
use super::decoration::Ornament;
use super::description::{Carrier, Colour, Description, Lead, Phrase, Quote, Region, Role, Row, Side, Size};
use super::error::LayoutError;
use super::geometry::Face;
use super::grammar::prompt;
use super::random::Random;
use super::scene::{Scene, Style};
use super::words::Words;

/// Draws that are tried before a sample is given up.
const TRIES: usize = 200;

static WORDS: LazyLock<Words> = LazyLock::new(Words::built_in);

/// A prompt and the picture it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What a user would type.
    pub prompt: String,
    /// What the prompt says.
    pub description: Description,
    /// Where everything stands.
    pub scene: Scene,
}

impl Sample {
    /// Sample `index` of the endless stream under `seed`. The same three arguments give the same sample on every
    /// machine.
    ///
    /// # Errors
    /// If the curriculum's picture is too small for the texts it asks for.
    pub fn generate(seed: u64, index: u64, curriculum: &Curriculum) -> Result<Self, LayoutError> {
        let mut random = Random::new(seed, index);
        let mut attempt = || {
            let description = describe(&mut random, curriculum);
            let style = style(&mut random, curriculum, &description);
            let size = [curriculum.width, curriculum.height];
            let scene = Scene::place(&description, &curriculum.geometry, size, style)?;
            let mut prompt = prompt(&description);
            if random.chance(curriculum.paraphrase) {
                prompt.pop();
            }
            Ok(Self { prompt, description, scene })
        };
        let mut sample = attempt();
        for _ in 1..TRIES {
            if sample.is_ok() {
                break;
            }
            sample = attempt();
        }
        sample
    }
}

fn describe(random: &mut Random, curriculum: &Curriculum) -> Description {
    let carrier = random.pick(Carrier::ALL);
    let lead = random.pick(&[Lead::With, Lead::On, Lead::Simple]);
    let (background, inks) = match curriculum.colours {
        Colours::Plain => (Colour::White, [Colour::Black].as_slice()),
        Colours::All => {
            let background = random.pick(Colour::ALL);
            (background, background.inks())
        }
    };
    let quote = Quote::ALL[random.weighted(&curriculum.quotes)];
    let count = 1 + random.weighted(&curriculum.regions);
    let rows = rows(random, curriculum, count);
    let long = count <= 3 && rows[0] == Row::Top && random.chance(curriculum.long_titles);

    let mut sizes = curriculum.sizes;
    if count > 3 && sizes[1] + sizes[2] > 0. {
        sizes[0] = 0.;
    }
    let regions = rows.iter().enumerate().map(|(index, &row)| {
        let size = if long && index == 0 { Size::Large } else { Size::ALL[random.weighted(&sizes)] };
        let text = if long && index == 0 {
            long_title(random, curriculum)
        } else {
            WORDS.text(random, curriculum, size.max_characters())
        };
        let (side, colour) = (random.pick(Side::ALL), random.pick(inks));
        let phrase = phrase(random, curriculum, row);
        Region { text, row, side, size, colour, phrase, quote }
    });
    Description { carrier, lead, background, regions: regions.collect() }
}

/// The rows of `count` regions, from top to bottom.
fn rows(random: &mut Random, curriculum: &Curriculum, count: usize) -> Vec<Row> {
    if random.chance(curriculum.any_rows) {
        let mut rows = Row::ALL.to_vec();
        while rows.len() > count {
            rows.remove(random.below(rows.len()));
        }
        return rows;
    }
    match count {
        1 => vec![random.pick(&[Row::Top, Row::Center, Row::Bottom])],
        2 => vec![Row::Top, Row::Bottom],
        3 => vec![Row::Top, Row::Center, Row::Bottom],
        4 => vec![Row::Top, Row::UpperMiddle, Row::LowerMiddle, Row::Bottom],
        _ => Row::ALL.to_vec(),
    }
}

fn phrase(random: &mut Random, curriculum: &Curriculum, row: Row) -> Phrase {
    let paraphrase = random.chance(curriculum.paraphrase);
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| role.row() == row).collect();
    match random.below(4) {
        0 if paraphrase => Phrase::InText,
        1 if paraphrase && !roles.is_empty() => Phrase::RoleLetters(random.pick(&roles)),
        0 => Phrase::Letters,
        1 => Phrase::Text,
        2 if !roles.is_empty() => Phrase::Role(random.pick(&roles)),
        _ => Phrase::At,
    }
}

/// Two words of four to seven letters.
fn long_title(random: &mut Random, curriculum: &Curriculum) -> String {
    let mut word = || loop {
        let word = WORDS.word(random, curriculum, 7);
        if word.len() >= 4 {
            return word.to_uppercase();
        }
    };
    format!("{} {}", word(), word())
}

fn style(random: &mut Random, curriculum: &Curriculum, description: &Description) -> Style {
    match curriculum.decorate {
        Decorate::Plain => Style { face: Face::Sans, ornament: Ornament::None },
        Decorate::ByCarrier => Style::of(description),
        Decorate::Random => Style { face: random.pick(Face::ALL), ornament: random.pick(Ornament::ALL) },
    }
}
