//! Any prompt, with decorations asked for.

use super::look;
use super::pen::{Look, Pen, capitalised, with_article};
use super::wording::{self, Wanted};
use super::{Adornment, Ink, Kind, Row, Side, natural, regions};

const WANTED: Wanted =
    Wanted { max: 24, words: [0.35, 0.4, 0.2, 0.05, 0., 0.], cases: [0.45, 0.35, 0.15, 0.05], phrases: 0.2 };

/// Writes one prompt.
pub(super) fn write(pen: &mut Pen) {
    match pen.random.weighted(&[0.35, 0.25, 0.4]) {
        0 => {
            let count = 1 + pen.random.weighted(&[0.4, 0.3, 0.2, 0.1]);
            regions::few(pen, count);
            tail(pen);
        }
        1 => {
            let count = 1 + pen.random.weighted(&[0.5, 0.35, 0.15]);
            natural::few(pen, count);
            tail(pen);
        }
        _ => simple(pen),
    }
}

/// "A cream card with a gold frame: 'X'", "'X' with a red heart at the bottom", "a star"
fn simple(pen: &mut Pen) {
    if pen.chance(0.7) {
        pen.ground = Some(look::ground(&mut pen.random));
    }
    let carrier = pen.pick(regions::CARRIERS);
    let carrier = match pen.ground {
        Some(ground) => with_article(&format!("{} {carrier}", look::colour(&mut pen.random, ground))),
        None => with_article(carrier),
    };
    let mut texts = pen.random.weighted(&[0.12, 0.66, 0.22]);
    let ink = pen.chance(0.35).then(|| look::ink(&mut pen.random, pen.ground));
    let style = ink.map(|ink| format!(" in {}", look::colour(&mut pen.random, ink))).unwrap_or_default();
    let look = Look { ink, ..Look::default() };
    let first = pen.chance(0.5);
    // "a yellow sun": nothing but the decoration, on a ground that nobody names.
    let lone = texts == 0 && pen.chance(0.6);
    if lone {
        pen.ground = None;
    }
    let wishes = wishes(pen);
    if lone {
        let verb = pen.pick(&[
            "",
            "",
            "",
            "draw ",
            "a picture of ",
            "just ",
            "please draw ",
            "show me ",
            "an icon of ",
        ]);
        pen.begin(0.4, &format!("{verb}{wishes}"));
    } else {
        pen.say(&capitalised(&carrier));
    }
    if texts == 0 && lone {
        return;
    }
    if texts == 0 {
        pen.say(&format!(" with {wishes}"));
        return;
    }
    if first {
        pen.say(&format!(" with {wishes}"));
        let verb = pen.pick(&[": ", " and the words ", " that says ", " and the text ", " saying "]);
        pen.say(verb);
        if verb == ": " && style.is_empty() && pen.chance(0.5) {
            let content = wording::text(pen, WANTED);
            pen.bare(&content, look);
            return;
        }
    } else {
        let verb = pen.pick(&[" with ", " that says ", ": ", " saying ", " reading "]);
        pen.say(verb);
    }
    loop {
        let content = wording::text(pen, WANTED);
        pen.quote(&content, look);
        pen.say(&style);
        texts -= 1;
        if texts == 0 {
            break;
        }
        pen.say(" and ");
    }
    if !first {
        let with = pen.pick(&[", with ", " with ", " and ", ". Add ", " plus "]);
        pen.say(&format!("{with}{wishes}"));
    }
}

/// Adds decorations at the end.
fn tail(pen: &mut Pen) {
    let wishes = wishes(pen);
    pen.open_end();
    match pen.random.below(5) {
        0 => pen.say(&format!(", with {wishes}.")),
        1 => pen.say(&format!(". Add {wishes}.")),
        2 => pen.say(&format!(", and {wishes}")),
        3 => pen.say(&format!(". {}.", capitalised(&wishes))),
        _ => pen.say(&format!(". There is also {wishes}.")),
    }
}

/// "a gold frame and a small red star in the top left corner". They are noted as adornments.
fn wishes(pen: &mut Pen) -> String {
    let count = 1 + pen.random.weighted(&[0.75, 0.25]);
    let mut ink = pen.chance(0.75).then(|| accent(pen));
    let mut wishes: Vec<String> = Vec::new();
    for _ in 0..count {
        let kind = match pen.random.weighted(&[0.22, 0.1, 0.09, 0.09, 0.5]) {
            chosen @ 0..=3 => Kind::ALL[chosen],
            _ => pen.pick(Kind::icons()),
        };
        // Two of one kind would be a number of things, which nobody promised.
        if pen.adornments.iter().any(|one| one.kind == kind) {
            continue;
        }
        let place = place(pen, kind);
        if place.is_some() && pen.adornments.iter().any(|one| one.place == place) {
            continue;
        }
        if !wishes.is_empty() && pen.chance(0.5) {
            ink = pen.chance(0.75).then(|| accent(pen));
        }
        wishes.push(wish(pen, kind, ink, place));
        pen.adornments.push(Adornment { kind, ink, place });
    }
    wishes.join(" and ")
}

/// An ink for decorations. It need not read as well as letters do: people want gold on cream.
fn accent(pen: &mut Pen) -> Ink {
    if pen.chance(0.8) {
        return look::ink(&mut pen.random, pen.ground);
    }
    loop {
        let ink = pen.pick(Ink::ALL);
        if pen.ground.is_none_or(|ground| ink.contrast(ground) >= 1.3) {
            return ink;
        }
    }
}

/// A place without a text, or none.
fn place(pen: &mut Pen, kind: Kind) -> Option<(Row, Side)> {
    if kind == Kind::Frame || pen.chance(0.35) {
        return None;
    }
    let icon = Kind::icons().contains(&kind);
    if icon && pen.chance(0.15) && pen.texts.iter().all(|text| text.place.is_none()) {
        return Some((Row::Center, Side::Center));
    }
    let free: Vec<(Row, Side)> = [Row::Top, Row::Bottom, Row::Center]
        .into_iter()
        .flat_map(|row| Side::ALL.iter().map(move |side| (row, *side)))
        // In the middle of the picture stands the text, and bands go from side to side.
        .filter(|(row, side)| (icon || *side == Side::Center) && *row != Row::Center)
        .filter(|(row, side)| {
            pen.texts.iter().filter_map(|text| text.place).all(|(other, beside)| {
                other != *row || icon && beside != Side::Center && *side != Side::Center && beside != *side
            })
        })
        .collect();
    (!free.is_empty()).then(|| pen.pick(&free))
}

/// The words for one decoration.
fn wish(pen: &mut Pen, kind: Kind, ink: Option<Ink>, place: Option<(Row, Side)>) -> String {
    let colour = ink.map(|ink| look::colour(&mut pen.random, ink));
    let inked = colour.map(|colour| format!("{colour} ")).unwrap_or_default();
    let middle = pen.pick(&["in the center", "in the middle", "in the center"]);
    let corner = |(row, side): (Row, Side)| match side {
        Side::Center if row == Row::Center => middle.to_owned(),
        Side::Center => format!("at the {}", row.name()),
        side => format!("in the {} {} corner", row.name(), side.name()),
    };
    let along = |place: Option<(Row, Side)>| {
        place.map(|(row, _)| format!(" at the {}", row.name())).unwrap_or_default()
    };
    match kind {
        Kind::Frame => {
            let noun =
                pen.pick(&["frame", "frame", "border", "outline", "frame around it", "border around it"]);
            match colour {
                Some(colour) if pen.chance(0.25) => format!("a frame in {colour}"),
                _ => with_article(&format!("{}{inked}{noun}", pen.pick(&["", "", "thin ", "simple "]))),
            }
        }
        Kind::Rule => {
            let noun = pen.pick(&["line", "rule", "horizontal line", "thin line", "divider", "rule"]);
            with_article(&format!("{inked}{noun}{}", along(place)))
        }
        Kind::Stripes => {
            let noun =
                pen.pick(&["stripes", "stripes", "diagonal stripes", "a row of stripes", "striped band"]);
            bands(noun, &inked, &along(place))
        }
        Kind::Dots => {
            let noun = pen.pick(&["dots", "dots", "polka dots", "a row of dots", "dotted band"]);
            bands(noun, &inked, &along(place))
        }
        icon => {
            let other: &[&str] = match icon {
                Kind::Cup => &["cup", "coffee cup", "mug"],
                Kind::Check => &["check mark", "tick", "checkmark"],
                Kind::Music => &["music note", "musical note", "note"],
                Kind::Gift => &["gift", "present", "gift box"],
                Kind::Moon => &["moon", "crescent moon"],
                Kind::Snowflake => &["snowflake", "snow flake"],
                _ => &[],
            };
            let name = if other.is_empty() { icon.name() } else { pen.pick(other) };
            let after = pen.pick(&["", "", "", " icon", " symbol"]);
            let before = pen.pick(&["", "", "", "small ", "little ", "simple "]);
            let place = place.map(|place| format!(" {}", corner(place))).unwrap_or_default();
            format!("{}{place}", with_article(&format!("{before}{inked}{name}{after}")))
        }
    }
}

/// "red dots at the top", "a row of red dots at the top", "a red dotted band at the top"
fn bands(noun: &str, inked: &str, along: &str) -> String {
    match noun.strip_prefix("a row of ") {
        Some(noun) => format!("a row of {inked}{noun}{along}"),
        None if noun.ends_with("band") => format!("{}{along}", with_article(&format!("{inked}{noun}"))),
        None => format!("{inked}{noun}{along}"),
    }
}
