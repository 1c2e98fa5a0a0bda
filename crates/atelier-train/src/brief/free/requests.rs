//! Requests: "Write 'X' on a yellow background", "put 'X' below 'Y'", and sentences with apostrophes that quote nothing.

use super::super::pen::{Look, Pen, capitalised};
use super::super::quotes::Habit;
use super::super::{Row, Side, Size, look};
use super::{background, carrier, short, style, text};

/// "make me a sign 'X'", "Write 'X' on a yellow background"
pub(super) fn order(pen: &mut Pen) {
    let content = text(pen);
    let (words, look);
    if pen.chance(0.5) {
        let verb = pen.pick(&[
            "make me",
            "make",
            "create",
            "design",
            "I need",
            "I want",
            "please make",
            "generate",
            "give me",
            "draw",
            "can you make",
            "paint",
            "I would like",
            "could you design",
        ]);
        let carrier = carrier(pen, 0.35);
        let that = pen.pick(&[
            "",
            " that says",
            " saying",
            " with",
            " with the words",
            " which reads",
            " with the text",
        ]);
        pen.begin(0.4, verb);
        pen.say(&format!(" {carrier}{that} "));
        (words, look) = style(pen, 0.35);
    } else {
        let verb = pen.pick(&[
            "write",
            "print",
            "put",
            "write",
            "type",
            "paint",
            "set",
            "letter",
            "just write",
            "please write",
        ]);
        pen.begin(0.6, verb);
        pen.say(" ");
        (words, look) = style(pen, 0.4);
    }
    pen.quote(&content, look);
    pen.say(&words);
    let behind = background(pen, 0.45, look);
    pen.say(&behind);
}

/// Sentences with apostrophes outside the text.
pub(super) fn contraction(pen: &mut Pen) {
    let content = text(pen);
    let (before, after) = pen.pick(&[
        ("It's a card with ", " on it"),
        ("It's a sign: ", ""),
        ("Don't draw anything but ", ""),
        ("I'd like a poster that says ", ""),
        ("I'm looking for a banner with ", ""),
        ("An invitation to Eva and Paul's wedding, 3 May 2031, ", ""),
        ("We're opening a shop, please make a sign ", ""),
        ("A card for Grandma's 80th birthday: ", ""),
        ("Let's have a flyer with ", " for Jim's band"),
        ("There's a note on the fridge. It says ", ""),
        ("Here's my label: ", ""),
        ("Can't you make a poster with ", "?"),
        ("a sign for my brother's workshop, ", ""),
        ("My dog's name is ", ", put it on a tag"),
        ("that's the headline: ", ""),
        ("What's needed is a big ", ""),
        ("A sticker that isn't boring: ", ""),
        ("the teacher's blackboard says ", ""),
        ("You don't need a picture, just ", ""),
        ("Sarah's café needs a door sign with ", ""),
        ("We’re planning a party, so it’s a poster with ", ""),
        ("It’s Lena’s first day: ", ""),
    ]);
    pen.say(before);
    let (words, look) = if after.is_empty() { style(pen, 0.3) } else { (String::new(), Look::default()) };
    pen.quote(&content, look);
    pen.say(after);
    pen.say(&words);
    if after.is_empty() {
        let behind = background(pen, 0.15, look);
        pen.say(&behind);
    }
}

/// Two or three texts, and where they go.
pub(super) fn instruction(pen: &mut Pen) {
    if pen.chance(0.5) {
        pen.habit = Habit::always(pen.pick(&[("'", "'"), ("\"", "\""), ("“", "”")]));
    }
    let at = |row, side| Look { place: Some((row, side)), ..Look::default() };
    let sized = |size| Look { size: Some(size), ..Look::default() };
    let center = |row| at(row, Side::Center);
    let none = Look::default();
    let corner = |pen: &mut Pen, row| (row, pen.pick(&[Side::Left, Side::Right]));
    // Words before each text, and what they say of it.
    let parts: Vec<(String, Look)> = match pen.random.below(14) {
        0 => vec![("put ".into(), center(Row::LowerMiddle)), (" below ".into(), center(Row::UpperMiddle))],
        1 => vec![("put ".into(), none), (" above ".into(), none)],
        2 => vec![("".into(), center(Row::LowerMiddle)), (" under ".into(), center(Row::UpperMiddle))],
        3 => vec![("write ".into(), none), (" and under it ".into(), none)],
        4 => vec![
            ("".into(), center(Row::Top)),
            (" at the top, ".into(), center(Row::Bottom)),
            (" at the bottom".into(), none),
        ],
        5 => {
            let (one, two) = (corner(pen, Row::Top), corner(pen, Row::Bottom));
            let words = |(row, side): (Row, Side)| format!(" in the {} {} corner", row.name(), side.name());
            vec![
                ("place ".into(), at(one.0, one.1)),
                (format!("{} and ", words(one)), at(two.0, two.1)),
                (words(two), none),
            ]
        }
        6 => vec![
            ("".into(), at(Row::Center, Side::Left)),
            (" on the left and ".into(), at(Row::Center, Side::Right)),
            (" on the right".into(), none),
        ],
        7 => vec![
            ("First line ".into(), none),
            (", second line ".into(), none),
            (", third line ".into(), none),
            ("".into(), none),
        ],
        8 => vec![
            ("".into(), center(Row::Center)),
            (" in the middle, ".into(), center(Row::LowerMiddle)),
            (" below it".into(), none),
        ],
        9 => vec![
            ("big ".into(), sized(Size::Large)),
            (" and small ".into(), sized(Size::Small)),
            (" underneath".into(), none),
        ],
        10 => vec![("".into(), none), (", then ".into(), none), (", then ".into(), none), ("".into(), none)],
        11 => vec![("".into(), none), (" with ".into(), none), (" below".into(), none)],
        12 => vec![
            ("put ".into(), center(Row::LowerMiddle)),
            (" beneath the words ".into(), center(Row::UpperMiddle)),
        ],
        _ => vec![
            ("".into(), sized(Size::Large)),
            (" in large letters and below that ".into(), sized(Size::Small)),
            (" in small letters".into(), none),
        ],
    };
    if pen.chance(0.3) {
        let carrier = carrier(pen, 0.6);
        pen.say(&format!("{}: ", capitalised(&carrier)));
    }
    // The last entry of three or more holds only the words at the end.
    let texts = if parts.len() > 2 { parts.len() - 1 } else { 2 };
    let halves = parts.iter().any(|(_, look)| matches!(look.place, Some((Row::Center, Side::Left))));
    for (index, (words, look)) in parts.iter().enumerate() {
        let start = pen.prompt.is_empty() && pen.random.chance(0.5);
        pen.say(&if start { capitalised(words) } else { words.clone() });
        if index < texts {
            let content = short(pen, if halves { 12 } else { 22 });
            pen.quote(&content, *look);
        }
    }
    let (words, ink) = if pen.chance(0.2) {
        let ink = look::ink(&mut pen.random, pen.ground);
        let colour = look::colour(&mut pen.random, ink);
        (format!(", both in {colour}"), Some(ink))
    } else {
        (String::new(), None)
    };
    if texts == 2 && ink.is_some() {
        pen.say(&words);
        pen.texts.iter_mut().for_each(|text| text.ink = ink);
        let behind = background(pen, 0.3, Look { ink, ..none });
        pen.say(&behind);
    } else {
        let behind = background(pen, 0.3, none);
        pen.say(&behind);
    }
}
