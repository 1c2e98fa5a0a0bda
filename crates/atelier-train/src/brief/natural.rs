//! Scenes with texts in them, as benchmarks and people write: "A quiet harbour. There is a mug that says 'X' in bold red."

use super::look;
use super::pen::{Look, Pen, capitalised, joint, with_article};
use super::wording::{self, Wanted};

/// How often there are one, two, … eight texts.
const COUNTS: [f32; 8] = [0.8, 1.2, 1.2, 1.2, 1.4, 0.4, 0.2, 0.2];
const WANTED: Wanted = Wanted {
    max: 32,
    words: [0.25, 0.37, 0.22, 0.1, 0.06, 0.],
    cases: [0.76, 0.13, 0.06, 0.05],
    phrases: 0.25,
};
/// What may stand between a thing and its text, in a list of things.
const VERBS: &[&str] = &[
    "that says",
    "that reads",
    "reading",
    "labeled",
    "labelled",
    "with the words",
    "marked",
    "announcing",
    "showing",
    "displaying",
    "printed with",
    "which reads",
    "bearing",
    "titled",
    "saying",
    "with the text",
    "with the inscription",
    "featuring the words",
    "engraved with",
    "that shows",
    "with the writing",
    "carrying the message",
    "inscribed",
    "painted with",
    "stamped with",
    "that spells",
    "with the slogan",
    "declaring",
    "with the label",
    "proclaiming",
    "which says",
    "with a label reading",
    "with the phrase",
    "embroidered with",
    "captioned",
    "lettered",
];
/// The same in a sentence of its own.
const FINITE: &[&str] = &[
    "says",
    "reads",
    "shows",
    "displays",
    "announces",
    "is labeled",
    "is marked",
    "bears the words",
    "proclaims",
    "carries the text",
    "has the words",
    "is printed with",
    "spells out",
    "declares",
    "advertises",
];
const ADJECTIVES: &[&str] = &[
    "weathered",
    "shiny",
    "wooden",
    "tall",
    "round",
    "small",
    "old",
    "glossy",
    "handmade",
    "dusty",
    "large",
    "framed",
    "rusty",
    "crumpled",
    "bright",
    "folded",
    "narrow",
    "metal",
    "plain",
    "second",
    "broken",
    "wet",
    "huge",
    "faded",
];
const WHERE: &[&str] = &[
    "on the left",
    "by the door",
    "near the window",
    "in the corner",
    "next to a plant",
    "on the wall",
    "in the back",
    "in the foreground",
    "above the counter",
    "leaning on a chair",
    "behind the glass",
    "under a lamp",
];
const ENDS: &[&str] = &[
    "Soft morning light falls in",
    "People walk by",
    "The sky is cloudy",
    "A dog sleeps on the floor",
    "Photorealistic",
    "Warm evening light",
    "Everything is covered in snow",
    "It's a calm day",
    "Nobody is there",
    "Shot on film, 35mm",
    "Leaves lie on the ground",
    "High detail, sharp focus",
    "The owner's cat watches",
    "Watercolour style",
];
const PICTURES: &[&str] = &[
    "photo",
    "photograph",
    "picture",
    "painting",
    "drawing",
    "snapshot",
    "close-up",
    "wide shot",
    "sketch",
    "rendering",
    "view",
    "watercolour",
    "poster",
    "detailed illustration",
    "realistic image",
];

/// Writes one prompt.
pub(super) fn write(pen: &mut Pen) {
    let count = 1 + pen.random.weighted(&COUNTS);
    few(pen, count);
}

/// Writes a prompt with this many texts.
pub(super) fn few(pen: &mut Pen, count: usize) {
    pen.canvas = match pen.random.weighted(&[0.8, 0.06, 0.06, 0.05, 0.03]) {
        0 => [512, 512],
        1 => [512, 768],
        2 => [768, 512],
        3 => [768, 768],
        _ => [64 * (8 + pen.random.below(5) as u32), 64 * (8 + pen.random.below(5) as u32)],
    };
    // Eight texts have one line each in the smallest picture.
    let wanted = Wanted { max: if count > 7 { 26 } else { WANTED.max }, ..WANTED };
    let scene = scene(pen);
    let a_scene = with_article(&scene);
    let picture = with_article(pen.pick(PICTURES));
    let upper = capitalised(&a_scene);
    let (lead, finite) =
        match pen.random.weighted(&[5., 5., 5., 5., 5., 3., 2., 2., 2., 2., 2., 2., 2., 3., 2., 1., 2.]) {
            0 => (format!("{upper}. There is "), false),
            1 => (format!("In {a_scene}, "), false),
            2 => (format!("{upper} with "), false),
            3 => (format!("{upper}: "), false),
            4 => (format!("A photo of {a_scene} where you can see "), false),
            5 => (format!("{} of {a_scene} with ", capitalised(&picture)), false),
            6 => (format!("{upper} featuring "), false),
            7 => (format!("Inside {a_scene} we find "), false),
            8 => (format!("Imagine {a_scene}. It has "), false),
            9 => (format!("{}: {a_scene}, ", capitalised(&picture)), false),
            10 => (format!("At {a_scene} we see "), false),
            11 => (format!("{} shows {a_scene} and ", capitalised(&picture)), false),
            12 => (String::new(), false),
            13 => (format!("{upper}. "), true),
            14 => (format!("{} of {a_scene}. ", capitalised(&picture)), true),
            15 => (format!("It's {a_scene}. We see "), false),
            _ => (format!("{upper}, where "), true),
        };
    let sentences = finite && lead.ends_with(". ") && pen.chance(0.6);
    let tail = if lead.is_empty() { format!(" in {a_scene}") } else { String::new() };
    pen.say(&lead);
    let (serial, while_) = (pen.chance(0.5), finite && pen.chance(0.5));
    for index in 0..count {
        if index > 0 {
            match (sentences, while_ && index + 1 == count) {
                (true, _) => pen.say(". "),
                (false, true) => pen.say(", while "),
                _ => pen.say(joint(index, count, serial)),
            }
        }
        let carrier = carrier(pen);
        let first = pen.prompt.is_empty() || pen.prompt.ends_with(". ");
        pen.say(&if first { capitalised(&carrier) } else { carrier });
        if finite { sentence(pen, wanted) } else { item(pen, wanted) }
    }
    pen.say(&tail);
    if pen.chance(0.03) {
        let ground = look::ground(&mut pen.random);
        if pen.texts.iter().all(|text| text.ink.is_none_or(|ink| ink.contrast(ground) >= 2.5)) {
            let name = look::colour(&mut pen.random, ground);
            pen.say(&format!(", on a plain {name} background"));
            pen.ground = Some(ground);
        }
    }
    pen.say(".");
    if pen.chance(0.15) {
        let end = pen.pick(ENDS);
        pen.say(&format!(" {end}."));
    }
}

/// A place.
fn scene(pen: &mut Pen) -> String {
    let mut scene = pen.pick(&pen.lexicon.scenes).to_owned();
    if pen.chance(0.2) {
        let quality = pen
            .pick(&["quiet", "crowded", "sunlit", "foggy", "noisy", "cheerful", "peaceful", "snowy", "dim"]);
        scene = format!("{quality} {scene}");
    } else if pen.chance(0.12) {
        scene = format!("{} {scene}", pen.lexicon.word(&mut pen.random, pen.split, 8));
    }
    if pen.chance(0.1) {
        let when = pen.pick(&[
            "at dusk",
            "in the rain",
            "in winter",
            "on a Sunday",
            "before the storm",
            "in the 1950s",
        ]);
        scene = format!("{scene} {when}");
    }
    scene
}

/// "a rusty road sign"
pub(super) fn carrier(pen: &mut Pen) -> String {
    let mut carrier = pen.pick(&pen.lexicon.carriers).to_owned();
    if pen.chance(0.22) {
        carrier = format!("{} {carrier}", pen.pick(ADJECTIVES));
    } else if pen.chance(0.1) {
        carrier = format!("{} {carrier}", pen.lexicon.word(&mut pen.random, pen.split, 8));
    }
    let mut words = with_article(&carrier);
    if pen.chance(0.08) {
        words = format!("{words} {}", pen.pick(WHERE));
    }
    words
}

/// " that says 'X' in bold red"
fn item(pen: &mut Pen, wanted: Wanted) {
    let content = wording::text(pen, wanted);
    let (style, look) = style(pen);
    match pen.random.weighted(&[0.76, 0.16, 0.04, 0.04]) {
        0 => {
            let verb = pen.pick(VERBS);
            pen.say(&format!(" {verb} "));
            pen.quote(&content, look);
        }
        1 => {
            pen.say(" with ");
            pen.quote(&content, look);
            let on = pen.pick(&[
                "on it",
                "on it",
                "on it",
                "written on it",
                "on its side",
                "across it",
                "printed on it",
            ]);
            pen.say(&format!(" {on}"));
        }
        2 if look.ink.is_none() && look.face.is_none() => {
            let (_, look) = before(pen);
            pen.quote(&content, look);
            return;
        }
        _ => {
            let colon = pen.pick(&[": ", " (", ", text: "]);
            pen.say(colon);
            pen.quote(&content, look);
            if !style.is_empty() && !style.starts_with('(') {
                pen.say(&format!(" {style}"));
            }
            if colon == " (" {
                pen.say(")");
            }
            if style.starts_with('(') {
                pen.say(&format!(" {style}"));
            }
            return;
        }
    }
    if !style.is_empty() {
        pen.say(&format!(" {style}"));
    }
    if pen.chance(0.06) {
        let place = pen.pick(WHERE);
        pen.say(&format!(" {place}"));
    }
}

/// " with large red letters spelling "
fn before(pen: &mut Pen) -> (String, Look) {
    let (ink, size) = (look::ink(&mut pen.random, None), look::size(&mut pen.random));
    let noun =
        pen.pick(&["letters spelling", "letters that read", "text", "writing that says", "lettering saying"]);
    let words = format!(" with {} {} {noun} ", size.name(), look::colour(&mut pen.random, ink));
    pen.say(&words);
    (words, Look { size: Some(size), ink: Some(ink), ..Look::default() })
}

/// " says 'X' in bold red"
fn sentence(pen: &mut Pen, wanted: Wanted) {
    let content = wording::text(pen, wanted);
    let (style, look) = style(pen);
    let verb = pen.pick(FINITE);
    pen.say(&format!(" {verb} "));
    pen.quote(&content, look);
    if !style.is_empty() {
        pen.say(&format!(" {style}"));
    }
}

/// What is said of a text after it: an ink in six of ten.
fn style(pen: &mut Pen) -> (String, Look) {
    match pen.random.weighted(&[0.25, 0.55, 0.2]) {
        0 => (String::new(), Look::default()),
        1 => look::inked_style(pen, None),
        _ => look::style(pen, None),
    }
}
