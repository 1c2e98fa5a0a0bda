//! Hand-made briefs, until there are real ones.

use crate::brief::{Adornment, Brief, Face, Ink, Kind, Row, Side, Size, Text};
use crate::data::{Curriculum, Random, Words};
use std::sync::LazyLock;

static WORDS: LazyLock<Words> = LazyLock::new(Words::built_in);

/// Something like what is to come.
pub fn brief(seed: u64, index: u64) -> Brief {
    let mut random = Random::new(seed, index);
    let curriculum = Curriculum::full();
    let sides = [512, 512, 512, 576, 640, 704, 768, 832, 896, 960, 1024];
    let (width, height) =
        if random.chance(0.5) { (512, 512) } else { (random.pick(&sides), random.pick(&sides)) };
    let mut prompt = random.pick(&["A poster", "Design a card", "Sign", "A flyer for us"]).to_owned();
    let ground = random.chance(0.5).then(|| random.pick(&Ink::ALL[..Ink::GROUNDS]));
    if let Some(ground) = ground {
        prompt += &format!(" on a {} background", ground.name());
    }
    let mut texts = Vec::new();
    let placed = random.chance(0.6);
    for _ in 0..1 + random.weighted(&[0.4, 0.3, 0.15, 0.1, 0.05]) {
        let words = 1 + random.weighted(&[0.3, 0.3, 0.2, 0.1, 0.1]);
        let max = 8;
        let content: Vec<String> = (0..words).map(|_| WORDS.text(&mut random, &curriculum, max)).collect();
        let content = content.join(" ");
        let size = random.chance(0.4).then(|| random.pick(Size::ALL));
        let place = placed.then(|| (random.pick(Row::ALL), random.pick(Side::ALL)));
        let ink = random.chance(0.4).then(|| random.pick(Ink::ALL));
        let face = random.chance(0.3).then_some(Face::Serif);
        prompt += random.pick(&[", ", " with ", " and "]);
        if let Some(size) = size {
            prompt += size.name();
            prompt += " ";
        }
        let quoted = random.chance(0.7);
        let (open, close) =
            if quoted { random.pick(&[("'", "'"), ("\"", "\""), ("“", "”")]) } else { ("text ", "") };
        prompt += open;
        let start = prompt.len();
        prompt += &content;
        let span = start..prompt.len();
        prompt += close;
        if let Some(ink) = ink {
            prompt += &format!(" in {}", ink.name());
        }
        if let Some((row, side)) = place {
            prompt += &format!(" at the {} {}", row.name(), side.name());
        }
        if face.is_some() {
            prompt += " in serif";
        }
        texts.push(Text { content, span, size, place, ink, face });
    }
    let mut adornments = Vec::new();
    if random.chance(0.3) {
        let kind = random.pick(Kind::ALL);
        let ink = random.chance(0.5).then(|| random.pick(Ink::ALL));
        let place = (kind != Kind::Frame && random.chance(0.4))
            .then(|| (random.pick(Row::ALL), random.pick(Side::ALL)));
        prompt += &format!(
            " with a {}{}",
            ink.map_or(String::new(), |ink| format!("{} ", ink.name())),
            kind.name()
        );
        if let Some((row, side)) = place {
            prompt += &format!(" at the {} {}", row.name(), side.name());
        }
        adornments.push(Adornment { kind, ink, place });
    }
    Brief { prompt, width, height, ground, texts, adornments }
}
