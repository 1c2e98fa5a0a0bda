//! Several texts without places: lists, and titles with what stands below them.

use super::super::pen::{Look, Pen, capitalised, joint};
use super::super::wording::{self, Wanted};
use super::super::{Row, Side, look};
use super::{WANTED, background, carrier, short};

/// How often a list has two, three, … eight items.
const COUNTS: [f32; 7] = [1.2, 1.6, 1.4, 1., 0.6, 0.3, 0.2];

/// Items one below the other, in one line of the prompt or in several.
pub(super) fn write(pen: &mut Pen) {
    let count = 2 + pen.random.weighted(&COUNTS);
    if count > 5 {
        pen.canvas = pen.pick(&[[512, 512], [512, 768], [768, 768], [768, 1024]]);
    }
    let max = if count > 4 { 20 } else { 24 };
    let items: Vec<String> = (0..count).map(|_| item(pen, max)).collect();
    match pen.random.below(6) {
        0 => {
            for (index, item) in items.iter().enumerate() {
                pen.say(if index > 0 { "\n" } else { "" });
                pen.quote(item, Look::default());
            }
        }
        1 => {
            let carrier = carrier(pen, 0.3);
            pen.say(&format!("{carrier}:\n"));
            for (index, item) in items.iter().enumerate() {
                pen.say(if index > 0 { "\n" } else { "" });
                pen.bare(item, Look::default());
            }
        }
        2 => {
            let carrier = carrier(pen, 0.3);
            let dash = pen.pick(&["- ", "* ", ""]);
            pen.say(&capitalised(&carrier));
            for item in &items {
                pen.say(&format!("\n{dash}"));
                pen.quote(item, Look::default());
            }
        }
        _ => {
            let carrier = if pen.chance(0.2) { String::new() } else { carrier(pen, 0.4) };
            let lead = match pen.random.below(4) {
                _ if carrier.is_empty() => carrier,
                0 => format!("{carrier} with the lines "),
                1 => format!("{}: ", capitalised(&carrier)),
                2 => format!("make {carrier} listing "),
                _ => format!("{carrier} with "),
            };
            pen.say(&lead);
            let and = pen.chance(0.5);
            let serial = pen.chance(0.3);
            for (index, item) in items.iter().enumerate() {
                pen.say(match (index, and) {
                    (0, _) => "",
                    (_, true) => joint(index, count, serial),
                    _ => ", ",
                });
                pen.quote(item, Look::default());
            }
            let tail =
                pen.pick(&[" one below the other", "", "", " in a list", ", stacked", " on separate lines"]);
            pen.say(tail);
            if pen.chance(0.15) {
                let ink = look::ink(&mut pen.random, pen.ground);
                let colour = look::colour(&mut pen.random, ink);
                pen.say(&format!(", all in {colour}"));
                pen.texts.iter_mut().for_each(|text| text.ink = Some(ink));
            }
        }
    }
}

/// A line of a list, often with a price or a time.
fn item(pen: &mut Pen, max: usize) -> String {
    if pen.chance(0.3) {
        loop {
            let word = wording::text(pen, Wanted { max: 11, words: [0.8, 0.2, 0., 0., 0., 0.], ..WANTED });
            let item = format!("{word} {}", wording::amount(&mut pen.random));
            if item.chars().count() <= max && pen.lexicon.allowed(&item, pen.split) {
                return item;
            }
        }
    }
    short(pen, max)
}

/// "flyer for a fair, title 'X', below 'Y', footer 'Z'": the middle of the picture is shared by what is below the title.
pub(super) fn roles(pen: &mut Pen) {
    let below = pen.random.weighted(&[0.2, 0.5, 0.22, 0.08]);
    let footer = pen.chance(0.65) || below == 0;
    let rows: &[Row] = match below {
        0 => &[],
        1 => &[Row::Center],
        2 => &[Row::UpperMiddle, Row::LowerMiddle],
        _ => &[Row::UpperMiddle, Row::Center, Row::LowerMiddle],
    };
    let title = pen.pick(&["title", "heading", "headline", "title"]);
    let foot = pen.pick(&["footer", "caption", "footer", "at the bottom"]);
    let under = pen.pick(&["below", "subtitle", "under it", "then", "text", "below that", "beneath"]);
    let mut parts = vec![(title, Row::Top)];
    parts.extend(rows.iter().map(|row| (under, *row)));
    parts.extend(footer.then_some((foot, Row::Bottom)));
    let lines = pen.chance(0.25);
    let headed = !lines || pen.chance(0.4);
    let carrier = if headed { carrier(pen, 0.4) } else { String::new() };
    let occasion =
        pen.pick(&["", "", " for a school fair", " for a concert", " for my shop", " for a party"]);
    if headed {
        pen.begin(0.5, &carrier);
        pen.say(occasion);
        let between = pen.pick(&[", ", ", ", ": ", " with "]);
        pen.say(if lines { "\n" } else { between });
    }
    let bare = lines && pen.chance(0.7);
    let colon = lines || pen.chance(0.2);
    for (index, (role, row)) in parts.into_iter().enumerate() {
        if index > 0 {
            pen.say(if lines { "\n" } else { ", " });
        }
        let role = if lines { capitalised(role) } else { role.to_owned() };
        pen.say(&format!("{role}{} ", if colon { ":" } else { "" }));
        let content = short(pen, if row == Row::Top { 18 } else { 24 });
        let look = Look { place: Some((row, Side::Center)), ..Look::default() };
        if bare { pen.bare(&content, look) } else { pen.quote(&content, look) }
    }
    if !lines {
        let behind = background(pen, 0.2, Look::default());
        pen.say(&behind);
    }
}
