//! What newcomers type: a bare phrase, "a poster that says HELLO", a list of quoted items, a request, or no text at all.

mod foreign;
mod lists;
mod pictures;
mod requests;

use super::look;
use super::pen::{Look, Pen, capitalised, with_article};
use super::wording::{self, Wanted, stands_out};

const WANTED: Wanted = Wanted {
    max: 40,
    words: [0.22, 0.34, 0.24, 0.12, 0.08, 0.],
    cases: [0.36, 0.36, 0.2, 0.08],
    phrases: 0.22,
};
const CARRIERS: &[&str] = &[
    "poster",
    "sign",
    "banner",
    "card",
    "label",
    "flyer",
    "sticker",
    "T-shirt",
    "mug",
    "invitation",
    "logo",
    "menu",
    "notice",
    "book cover",
    "placard",
    "badge",
    "door sign",
    "birthday card",
    "thumbnail",
    "headline",
    "postcard",
    "billboard",
    "plaque",
    "ticket",
    "cover",
    "leaflet",
    "party invitation",
    "name tag",
    "magnet",
    "neon sign",
    "wallpaper",
    "ad",
];

/// Writes one kind of these prompts.
type Writer = fn(&mut Pen);

/// Writes one prompt.
pub(super) fn write(pen: &mut Pen) {
    let writers: [(f32, Writer); 13] = [
        (2.2, bare),
        (2.4, says),
        (2., colon),
        (2.2, requests::order),
        (1., telegraph),
        (2.2, lists::write),
        (2.2, foreign::write),
        (1.2, requests::contraction),
        (1.5, requests::instruction),
        (1.5, lists::roles),
        (0.8, quoted),
        (1., long),
        (1.5, pictures::write),
    ];
    pen.canvas = match pen.random.weighted(&[0.78, 0.06, 0.06, 0.04, 0.06]) {
        0 => [512, 512],
        1 => [512, 768],
        2 => [768, 512],
        3 => [768, 768],
        _ => [64 * (8 + pen.random.below(5) as u32), 64 * (8 + pen.random.below(5) as u32)],
    };
    let chosen = pen.random.weighted(&writers.map(|(weight, _)| weight));
    writers[chosen].1(pen);
}

/// A text as newcomers want it.
fn text(pen: &mut Pen) -> String {
    wording::text(pen, WANTED)
}

/// A text of at most `max` characters.
fn short(pen: &mut Pen, max: usize) -> String {
    wording::text(pen, Wanted { max, ..WANTED })
}

/// A text that is recognised without quotation marks, even if lower-case words follow it.
fn loud(pen: &mut Pen) -> String {
    loop {
        let text = text(pen);
        if stands_out(&text) && !text.ends_with(['.', ',', ':']) {
            return text;
        }
    }
}

/// "a red poster", with its ground if a colour is named.
fn carrier(pen: &mut Pen, coloured: f32) -> String {
    let carrier = pen.pick(CARRIERS);
    if !pen.chance(coloured) {
        return with_article(carrier);
    }
    let ground = look::ground(&mut pen.random);
    pen.ground = Some(ground);
    with_article(&format!("{} {carrier}", look::colour(&mut pen.random, ground)))
}

/// Now and then a style after the text, with what it means.
fn style(pen: &mut Pen, often: f32) -> (String, Look) {
    if pen.chance(often) {
        let (words, look) = look::style(pen, pen.ground);
        (format!(" {words}"), look)
    } else {
        (String::new(), Look::default())
    }
}

/// Now and then " on a yellow background", if no ground is named yet and the ink reads on it.
fn background(pen: &mut Pen, often: f32, ink: Look) -> String {
    if pen.ground.is_some() || !pen.chance(often) {
        return String::new();
    }
    let ground = loop {
        let ground = look::ground(&mut pen.random);
        if ink.ink.is_none_or(|ink| ink.contrast(ground) >= 2.5) {
            break ground;
        }
    };
    pen.ground = Some(ground);
    let name = look::colour(&mut pen.random, ground);
    let a_name = with_article(name);
    match pen.random.below(8) {
        0 => format!(" on {name}"),
        1 => format!(", {name} background"),
        2 => format!(" against {a_name} background"),
        3 => format!(", background {name}"),
        _ => format!(" on {a_name} background"),
    }
}

/// The whole prompt is the text: capitals, digits or marks tell it from the description of a picture.
fn bare(pen: &mut Pen) {
    if pen.chance(0.12) {
        let count = 2 + pen.random.below(3);
        for index in 0..count {
            if index > 0 {
                pen.say("\n");
            }
            let line = wording::text(pen, Wanted { max: 24, cases: [0.5, 0.4, 0., 0.1], ..WANTED });
            pen.bare(&line, Look::default());
        }
        return;
    }
    let phrase = loop {
        let phrase = text(pen);
        let article = ["a ", "an ", "the ", "A ", "An "].iter().any(|article| phrase.starts_with(article));
        if !phrase.contains(": ") && (!article || stands_out(&phrase)) {
            break phrase;
        }
    };
    pen.bare(&phrase, Look::default());
}

/// "a poster that says HELLO THERE in gold"
fn says(pen: &mut Pen) {
    let carrier = carrier(pen, 0.35);
    pen.begin(0.5, &carrier);
    let verb = pen.pick(&[
        "that says",
        "that says",
        "saying",
        "that reads",
        "reading",
        "which says",
        "with the words",
        "titled",
        "with the text",
        "that just says",
        "with text",
        "says",
    ]);
    pen.say(&format!(" {verb} "));
    if pen.chance(0.45) {
        let content = loud(pen);
        let (words, look) = style(pen, 0.45);
        let behind = background(pen, 0.3, look);
        pen.bare(&content, look);
        pen.say(&words);
        pen.say(&behind);
    } else if pen.chance(0.55) {
        let content = text(pen);
        pen.bare(&content, Look::default());
    } else {
        let content = text(pen);
        let (words, look) = style(pen, 0.5);
        let behind = background(pen, 0.3, look);
        pen.quote(&content, look);
        pen.say(&words);
        pen.say(&behind);
    }
}

/// "banner: WELCOME", "a black sign with white text: OPEN"
fn colon(pen: &mut Pen) {
    let carrier = if pen.chance(0.4) { pen.pick(CARRIERS).to_owned() } else { carrier(pen, 0.5) };
    pen.begin(0.4, &carrier);
    let mut look = Look::default();
    if pen.chance(0.4) {
        let ink = look::ink(&mut pen.random, pen.ground);
        let colour = look::colour(&mut pen.random, ink);
        let noun = pen.pick(&["text", "letters", "writing", "lettering"]);
        look.ink = Some(ink);
        if pen.chance(0.25) {
            let size = look::size(&mut pen.random);
            look.size = Some(size);
            pen.say(&format!(" with {} {colour} {noun}", size.name()));
        } else {
            pen.say(&format!(" with {colour} {noun}"));
        }
    } else {
        let behind = background(pen, 0.25, look);
        pen.say(&behind);
    }
    let mark = pen.pick(&[": ", ": ", ": ", ":\n", " - ", ":"]);
    // Only a colon makes lower-case words a text.
    let content = if mark == " - " { loud(pen) } else { text(pen) };
    pen.say(mark);
    pen.bare(&content, look);
}

/// "POSTER 'LEVEL' YELLOW ON PURPLE", "'Zora' card cream"
fn telegraph(pen: &mut Pen) {
    let content = text(pen);
    let ground = look::ground(&mut pen.random);
    let ink = look::ink(&mut pen.random, Some(ground));
    let carrier = pen.pick(CARRIERS);
    let (name, ground_name) = (ink.name(), ground.name());
    let inked = Look { ink: Some(ink), ..Look::default() };
    let (before, after, look, ground) = match pen.random.below(7) {
        0 | 1 => (format!("{carrier} "), format!(" {name} on {ground_name}"), inked, Some(ground)),
        2 => (String::new(), format!(" {carrier}, {name} on {ground_name}"), inked, Some(ground)),
        3 => (
            String::new(),
            format!(" on {}", with_article(&format!("{ground_name} {carrier}"))),
            Look::default(),
            Some(ground),
        ),
        4 => (format!("{carrier} "), String::new(), Look::default(), None),
        5 => (format!("{name} text "), format!(" on {ground_name}"), inked, Some(ground)),
        _ => (format!("{ground_name} {carrier} "), format!(", {name} letters"), inked, Some(ground)),
    };
    let shout = pen.chance(0.4);
    pen.say(&if shout { before.to_uppercase() } else { before });
    pen.quote(&content, look);
    pen.say(&if shout { after.to_uppercase() } else { after });
    pen.ground = ground;
}

/// Nothing but a quoted text.
fn quoted(pen: &mut Pen) {
    let content = text(pen);
    let (words, look) = style(pen, 0.3);
    pen.quote(&content, look);
    pen.say(&words);
    let behind = background(pen, 0.15, look);
    pen.say(&behind);
}

/// A sentence of up to 48 characters, quoted or not.
fn long(pen: &mut Pen) {
    let sentence = wording::sentence(pen, 22, 47);
    match pen.random.below(5) {
        0 | 1 => pen.bare(&sentence, Look::default()),
        2 => {
            let carrier = carrier(pen, 0.4);
            let verb = pen.pick(&["that says", "with the sentence", "reading", "saying", "with"]);
            pen.say(&format!("{} {verb} ", capitalised(&carrier)));
            pen.quote(&sentence, Look::default());
        }
        3 => {
            let carrier = pen.pick(CARRIERS);
            pen.say(&format!("{carrier}: "));
            pen.bare(&sentence, Look::default());
        }
        _ => pen.quote(&sentence, Look::default()),
    }
}
