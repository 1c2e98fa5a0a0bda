//! How prompts speak of colour, size, letters and place.

use super::pen::{Look, Pen};
use super::{Face, Ink, Row, Side, Size};
use crate::random::Random;

/// The name of a colour, now and then another name than its first.
pub(super) fn colour(random: &mut Random, ink: Ink) -> &'static str {
    let others: &[&str] = match ink {
        Ink::Gray => &["grey"],
        Ink::SkyBlue => &["light blue", "sky-blue"],
        Ink::Navy => &["navy blue", "dark blue"],
        Ink::Gold => &["golden"],
        _ => &[],
    };
    if !others.is_empty() && random.chance(0.2) { random.pick(others) } else { ink.name() }
}

/// A ground.
pub(super) fn ground(random: &mut Random) -> Ink {
    random.pick(&Ink::ALL[..Ink::GROUNDS])
}

/// An ink that reads on the ground; any, if the ground is not said.
pub(super) fn ink(random: &mut Random, ground: Option<Ink>) -> Ink {
    loop {
        let ink = random.pick(Ink::ALL);
        let reads = ground.is_none_or(|ground| {
            ink.contrast(ground) >= 2.5 || (ground, ink) == (Ink::SkyBlue, Ink::White) && random.chance(0.5)
        });
        // White and black are what most people name.
        let plain = matches!(ink, Ink::White | Ink::Black);
        if reads && (plain || random.chance(0.75)) {
            return ink;
        }
    }
}

/// A few inks for one prompt: posters rarely have more than two.
pub(super) fn palette(random: &mut Random, ground: Option<Ink>) -> Vec<Ink> {
    let count = 1 + random.weighted(&[0.35, 0.4, 0.25]);
    (0..count).map(|_| ink(random, ground)).collect()
}

/// Any size.
pub(super) fn size(random: &mut Random) -> Size {
    random.pick(Size::ALL)
}

/// The word for a size, now and then another than its first.
pub(super) fn size_word(random: &mut Random, size: Size) -> &'static str {
    if random.chance(0.88) {
        return size.name();
    }
    match size {
        Size::Large => random.pick(&["big", "huge", "large"]),
        Size::Medium => random.pick(&["medium-sized", "mid-sized"]),
        Size::Small => random.pick(&["little", "tiny", "small"]),
    }
}

/// The words for a place: "top left", "center".
pub(super) fn place(random: &mut Random, (row, side): (Row, Side)) -> String {
    let row = match row {
        Row::Center if random.chance(0.15) => random.pick(&["centre", "middle"]),
        row => row.name(),
    };
    match side {
        Side::Center => row.to_owned(),
        side => format!("{row} {}", side.name()),
    }
}

/// Words after a text that say how it looks, and what they mean. Some name no ink.
pub(super) fn style(pen: &mut Pen, ground: Option<Ink>) -> (String, Look) {
    let random = &mut pen.random;
    let (ink, size) = (ink(random, ground), size(random));
    let (colour, big) = (colour(random, ink), size_word(random, size));
    let (sized, inked, both) = (
        Look { size: Some(size), ..Look::default() },
        Look { ink: Some(ink), ..Look::default() },
        Look { size: Some(size), ink: Some(ink), ..Look::default() },
    );
    let serif = |look: Look| Look { face: Some(Face::Serif), ..look };
    let sans = |look: Look| Look { face: Some(Face::Sans), ..look };
    let script =
        random.pick(&["italic", "elegant", "classic", "handwritten", "flowing italic", "ornate script"]);
    let noun =
        random.pick(&["letters", "letters", "letters", "print", "type", "text", "lettering", "characters"]);
    match random.weighted(&[
        8., 6., 4., 3., 3., 3., 1.5, 1.5, 1.5, 1.5, 1.5, 1., 1., 1., 1., 1.5, 1.5, 1., 1., 1., 1., 1., 1., 1.,
    ]) {
        0 => (format!("in {big} {colour} {noun}"), both),
        1 => (format!("in bold {colour}"), inked),
        2 => (format!("in {colour}"), inked),
        3 => (format!("in {big} {colour} print"), both),
        4 => (format!("in tall {colour} capitals"), inked),
        5 => (format!("in {big} italic script"), serif(sized)),
        6 => (format!("in {script} {colour} {noun}"), serif(inked)),
        7 => (format!("in {big} {noun}"), sized),
        8 => (format!("in {big}, bold {colour} {noun}"), both),
        9 => (format!("in elegant serif {noun}"), serif(Look::default())),
        10 => (format!("in a {big} {colour} font"), both),
        11 => ("in a handwritten font".to_owned(), serif(Look::default())),
        12 => (format!("in {colour} handwriting"), serif(inked)),
        13 => (format!("in a {big} serif typeface, {colour}"), serif(both)),
        14 => (format!("in {colour} sans-serif {noun}"), sans(inked)),
        15 => (format!("written in {colour} ink"), inked),
        16 => (format!("painted in {colour}"), inked),
        17 => (format!("in bright {colour} {noun}"), inked),
        18 => (format!("in {colour} cursive script"), serif(inked)),
        19 => (format!("({big}, {colour})"), both),
        20 => (format!("in plain block {noun}"), sans(Look::default())),
        21 => ("in an elegant font".to_owned(), serif(Look::default())),
        22 => (format!("in bold {big} {colour} serif {noun}"), serif(both)),
        _ => (format!("in {colour}, {big}"), both),
    }
}

/// Like [`style`], but the words always name an ink.
pub(super) fn inked_style(pen: &mut Pen, ground: Option<Ink>) -> (String, Look) {
    loop {
        let style = style(pen, ground);
        if style.1.ink.is_some() {
            return style;
        }
    }
}
