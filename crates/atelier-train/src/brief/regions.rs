//! Posters described text by text: "Design a navy menu. 'X' (large, white) at the top and …".

use super::fit::{self, Placed};
use super::look;
use super::pen::{Look, Pen, capitalised, with_article};
use super::quotes::Habit;
use super::wording::{self, Wanted};
use super::{Ink, Row, Side, Size};

/// How often there are one, two, … twelve texts.
const COUNTS: [f32; 12] = [1., 1.1, 1.1, 1.1, 1.2, 1.1, 0.5, 0.9, 0.3, 0.9, 0.15, 0.25];
pub(super) const CARRIERS: &[&str] = &[
    "sign",
    "menu",
    "slide",
    "poster",
    "flyer",
    "card",
    "banner",
    "programme",
    "label",
    "notice",
    "leaflet",
    "invitation",
    "ticket",
    "cover",
    "board",
    "placard",
    "timetable",
    "brochure",
    "page",
    "badge",
    "certificate",
    "price list",
    "bookmark",
    "greeting card",
    "title page",
    "door sign",
    "business card",
    "advert",
    "program",
    "chart",
];
const MANY: Wanted =
    Wanted { max: 30, words: [0.4, 0.34, 0.16, 0.1, 0., 0.], cases: [0.38, 0.27, 0.3, 0.05], phrases: 0.06 };

/// How a whole prompt speaks of its texts.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// A number 0..=9, or any for each text.
    phrase: Option<usize>,
    /// How often a size and an ink are left out.
    silent: [f32; 2],
}

/// Writes one prompt.
pub(super) fn write(pen: &mut Pen) {
    let count = 1 + pen.random.weighted(&COUNTS);
    few(pen, count);
}

/// Writes a prompt with this many texts.
pub(super) fn few(pen: &mut Pen, count: usize) {
    let habit = pen.habit;
    pen.habit = if pen.chance(0.6) { Habit::changing() } else { habit };
    if count > 10 || count > 7 && pen.chance(0.15) {
        column(pen, count);
        return;
    }
    let placed = loop {
        pen.canvas = canvas(pen, count);
        if let Some(placed) = place(pen, count) {
            break placed;
        }
    };
    let ground = (!pen.chance(0.07)).then(|| look::ground(&mut pen.random));
    let palette = look::palette(&mut pen.random, ground);
    let full_stop = lead(pen, ground);
    let manner = Manner {
        phrase: pen.chance(0.35).then(|| pen.random.below(10)),
        silent: if count > 5 || pen.chance(0.8) { [0.; 2] } else { [0.5, 0.4] },
    };
    for (index, one) in placed.iter().enumerate() {
        if index > 0 {
            let last = index + 1 == count;
            pen.say(if last { " and " } else { ", " });
        }
        let ink = pen.pick(&palette);
        phrase(pen, one, ink, manner);
    }
    if full_stop {
        pen.say(".");
    }
}

/// The beginning. Returns whether a full stop comes at the end.
fn lead(pen: &mut Pen, ground: Option<Ink>) -> bool {
    pen.ground = ground;
    let carrier = pen.pick(CARRIERS);
    let (a_carrier, upper) = (with_article(carrier), capitalised(carrier));
    let Some(ground) = ground else {
        let lead = match pen.random.below(4) {
            0 => format!("{} with ", capitalised(&a_carrier)),
            1 => format!("{upper}: "),
            2 => format!("Design {a_carrier}. "),
            _ => format!("{} showing ", capitalised(&a_carrier)),
        };
        pen.say(&lead);
        return pen.chance(0.7);
    };
    let name = look::colour(&mut pen.random, ground);
    let (a_name, both) = (with_article(name), with_article(&format!("{name} {carrier}")));
    let (lead, full_stop) = match pen.random.weighted(&[5., 5., 5., 1., 1., 1., 1., 1., 1., 1., 1., 1., 0.7])
    {
        0 => (format!("{upper} on {a_name} background: "), false),
        1 => (format!("Design {both}. "), true),
        2 => (format!("{} with ", capitalised(&both)), true),
        3 => (format!("A simple {carrier}, {name} background, showing "), true),
        4 => (format!("{upper}, {name} background: "), false),
        5 => (format!("Create {both} with "), true),
        6 => (format!("{} on {name}: ", capitalised(&a_carrier)), false),
        7 => (format!("{} with {a_name} background and ", capitalised(&a_carrier)), true),
        8 => (format!("I need {both}: "), true),
        9 => (format!("Please make {a_carrier} on {a_name} ground with "), true),
        10 => (format!("On {a_name} background, "), true),
        11 => (format!("{both}, "), false),
        _ => (format!("{upper}. Background: {name}. Texts: "), true),
    };
    pen.say(&lead);
    full_stop
}

/// One text with all that is said of it.
fn phrase(pen: &mut Pen, one: &Placed, ink: Ink, manner: Manner) {
    let size = (!pen.chance(manner.silent[0])).then_some(one.size);
    let ink = (!pen.chance(manner.silent[1])).then_some(ink);
    let look = Look { size, ink, place: Some((one.row, one.side)), face: None };
    let place = look::place(&mut pen.random, (one.row, one.side));
    let colour = ink.map(|ink| look::colour(&mut pen.random, ink));
    // "large black", "large" or "black"
    let both = [size.map(Size::name), colour].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let content = one.content.as_str();
    let weights = [3., 4., 4., 4., 4., 1., 0.8, 0.8, 0.8, 1., 1.];
    let role = match (one.row, one.side) {
        (Row::Top, Side::Center) => Some(pen.pick(&["title", "heading", "headline"])),
        (Row::Bottom, Side::Center) => Some(pen.pick(&["footer", "caption"])),
        _ => None,
    };
    let number = if both.is_empty() {
        9 + pen.random.below(2)
    } else if role.is_some() && pen.chance(0.15) {
        11 + pen.random.below(2)
    } else {
        manner.phrase.unwrap_or_else(|| pen.random.weighted(&weights))
    };
    let (before, after) = match (number, role) {
        (0, _) if size.is_some() && ink.is_some() => (
            String::new(),
            format!(" at the {place} in {}, {}", colour.unwrap_or_default(), size.map_or("", Size::name)),
        ),
        (0 | 1, _) => (String::new(), format!(" in {both} letters at the {place}")),
        (2, _) => (format!("the {both} text "), format!(" at the {place}")),
        (3, _) => {
            let list = both.replacen(' ', ", ", usize::from(size.is_some()));
            (String::new(), format!(" ({list}) at the {place}"))
        }
        (4, _) => (format!("at the {place} "), format!(" in {both} type")),
        (5, _) => (String::new(), format!(" in {both} text at the {place}")),
        (6, _) => (format!("{place}: "), format!(" in {both}")),
        (7, _) => (format!("in the {place} "), format!(" in {both} letters")),
        (8, _) => (format!("{} text at the {place} that reads ", with_article(&both)), String::new()),
        (9, _) if both.is_empty() => (String::new(), format!(" at the {place}")),
        (9, _) => (format!("in {both} "), format!(" at the {place}")),
        (10, _) if both.is_empty() => (format!("at the {place} "), String::new()),
        (11, Some(role)) => (format!("{} {role} that says ", with_article(&both)), String::new()),
        (12, Some(role)) => (format!("the {role} "), format!(" in {both} letters")),
        _ => (String::new(), format!(" in {both} print in the {place}")),
    };
    pen.say(&before);
    pen.quote(content, look);
    pen.say(&after);
}

/// Texts and where they stand, or `None` if they have no room.
fn place(pen: &mut Pen, count: usize) -> Option<Vec<Placed>> {
    let mut slots: Vec<(Row, Side)> = Vec::new();
    // How many rows hold two texts: one for each text more than there are rows, and now and then another.
    let pairs = count.saturating_sub(5) + usize::from((2..8).contains(&count) && pen.chance(0.4));
    let pairs = if count > 5 { (pairs + pen.random.below(2)).min(count / 2) } else { pairs.min(count / 2) };
    let mut rows = Row::ALL.to_vec();
    while rows.len() > count - pairs {
        rows.remove(pen.random.below(rows.len()));
    }
    let mut double: Vec<bool> = (0..rows.len()).map(|index| index < pairs).collect();
    for index in (1..double.len()).rev() {
        double.swap(index, pen.random.below(index + 1));
    }
    for (row, double) in rows.into_iter().zip(double) {
        if double {
            slots.extend([(row, Side::Left), (row, Side::Right)]);
        } else {
            let side = if pen.chance(0.4) { Side::Center } else { pen.pick(&[Side::Left, Side::Right]) };
            slots.push((row, side));
        }
    }
    let sizes = match count {
        1..=3 => [0.34, 0.36, 0.3],
        4..=5 => [0.08, 0.42, 0.5],
        6..=7 => [0., 0.42, 0.58],
        _ => [0., 0., 1.],
    };
    for _ in 0..6 {
        let mut placed: Vec<Placed> = slots
            .iter()
            .map(|&(row, side)| {
                let size = Size::ALL[pen.random.weighted(&sizes)];
                let max = match size {
                    Size::Large => 8,
                    Size::Medium => 18,
                    Size::Small => MANY.max,
                };
                Placed { content: wording::text(pen, Wanted { max, ..MANY }), row, side, size }
            })
            .collect();
        if fit::fit(&mut placed, pen.canvas) {
            return Some(placed);
        }
    }
    None
}

/// The picture size for this many texts.
fn canvas(pen: &mut Pen, count: usize) -> [u32; 2] {
    match pen.random.weighted(&[0.62, 0.26, 0.12]) {
        0 => match count {
            1 | 2 | 5 => [512, 512],
            3 | 6 => [512, 768],
            4 => [768, 512],
            7 | 8 => [768, 768],
            _ => [1024, 1024],
        },
        1 => {
            let largest = if count > 5 { 5 } else { 4 };
            [[512, 512], [512, 768], [768, 512], [768, 768], [1024, 1024]][pen.random.below(largest)]
        }
        _ => {
            [0; 2].map(|_: u32| 512 + 64 * pen.random.weighted(&[4., 3., 2., 2., 2., 1., 1., 1., 0.5]) as u32)
        }
    }
}

/// Many texts without places: "a menu with 'X', 'Y', … from top to bottom".
fn column(pen: &mut Pen, count: usize) {
    pen.canvas = pen.pick(&[[512, 768], [768, 768], [640, 896], [512, 1024], [768, 1024], [1024, 1024]]);
    let ground = (!pen.chance(0.15)).then(|| look::ground(&mut pen.random));
    let ink = look::ink(&mut pen.random, ground);
    let colour = look::colour(&mut pen.random, ink);
    let full_stop = lead(pen, ground);
    let small = pen.chance(0.5);
    let (before, after, ink) = match pen.random.below(4) {
        0 => (String::new(), String::new(), None),
        1 => (format!("{colour} texts: "), String::new(), Some(ink)),
        2 => (String::new(), format!(", all in {colour}"), Some(ink)),
        _ => ("from top to bottom ".to_owned(), String::new(), None),
    };
    let before = if small { format!("{before}in small letters ") } else { before };
    let look = Look { size: small.then_some(Size::Small), ink, ..Look::default() };
    pen.say(&before);
    let and = pen.chance(0.5);
    for index in 0..count {
        if index > 0 {
            pen.say(if and && index + 1 == count { " and " } else { ", " });
        }
        let content = wording::text(pen, Wanted { max: 26, ..MANY });
        pen.quote(&content, look);
    }
    pen.say(&after);
    if full_stop {
        pen.say(".");
    }
}
