//! The same in German, French, Spanish and a few others, with their quotation marks.

use super::super::Ink;
use super::super::pen::{Look, Pen};
use super::super::quotes::Marks;
use super::text;

/// A language: the code of its texts, its marks, sentences with `{}` for the quoted text, and colours.
struct Language {
    code: &'static str,
    marks: &'static [Marks],
    sentences: &'static [&'static str],
    ink: &'static str,
    ground: &'static str,
    colours: &'static [(Ink, &'static str)],
}

const LANGUAGES: &[Language] = &[
    Language {
        code: "de",
        marks: &[("„", "“"), ("„", "“"), ("»", "«"), ("\"", "\""), ("'", "'")],
        sentences: &[
            "Ein Plakat mit {}",
            "Ein Schild mit der Aufschrift {}",
            "Eine Karte, auf der {} steht",
            "Bitte ein Banner mit {}",
            "Schreibe {}",
            "Ein Poster mit dem Text {}",
            "Mach mir ein Türschild: {}",
            "Einladung {}",
        ],
        ink: " in {}",
        ground: " auf {} Hintergrund",
        colours: &[
            (Ink::White, "Weiß"),
            (Ink::Black, "Schwarz"),
            (Ink::Red, "Rot"),
            (Ink::Green, "Grün"),
            (Ink::Yellow, "Gelb"),
            (Ink::Gray, "Grau"),
            (Ink::Pink, "Rosa"),
            (Ink::Purple, "Lila"),
            (Ink::Orange, "Orange"),
            (Ink::Brown, "Braun"),
            (Ink::Gold, "Gold"),
            (Ink::Blue, "Blau"),
        ],
    },
    Language {
        code: "fr",
        marks: &[("«", "»"), ("« ", " »"), ("“", "”"), ("\"", "\"")],
        sentences: &[
            "Une affiche avec {}",
            "Un panneau qui dit {}",
            "Une carte {}",
            "Écris {}",
            "Une bannière avec le texte {}",
            "Une étiquette {}",
            "Fais-moi une pancarte {}",
        ],
        ink: " en {}",
        ground: " sur fond {}",
        colours: &[
            (Ink::White, "blanc"),
            (Ink::Black, "noir"),
            (Ink::Red, "rouge"),
            (Ink::Green, "vert"),
            (Ink::Yellow, "jaune"),
            (Ink::Gray, "gris"),
            (Ink::Pink, "rose"),
            (Ink::Purple, "violet"),
            (Ink::Orange, "orange"),
            (Ink::Blue, "bleu"),
        ],
    },
    Language {
        code: "es",
        marks: &[("«", "»"), ("“", "”"), ("\"", "\""), ("'", "'")],
        sentences: &[
            "Un cartel que dice {}",
            "Una tarjeta con {}",
            "Un letrero con la palabra {}",
            "Escribe {}",
            "Un póster con el texto {}",
            "Haz una pancarta {}",
        ],
        ink: " en {}",
        ground: " sobre fondo {}",
        colours: &[
            (Ink::White, "blanco"),
            (Ink::Black, "negro"),
            (Ink::Red, "rojo"),
            (Ink::Green, "verde"),
            (Ink::Yellow, "amarillo"),
            (Ink::Gray, "gris"),
            (Ink::Pink, "rosa"),
            (Ink::Purple, "morado"),
            (Ink::Orange, "naranja"),
            (Ink::Blue, "azul"),
        ],
    },
    Language {
        code: "other",
        marks: &[("“", "”"), ("«", "»"), ("”", "”"), ("'", "'")],
        sentences: &[
            "Un poster con scritto {}",
            "Een bord met {}",
            "Um cartaz com {}",
            "En skylt med {}",
            "Plakat z napisem {}",
            "Et skilt med {}",
            "Un cartello {}",
        ],
        ink: "",
        ground: "",
        colours: &[],
    },
    Language {
        code: "",
        marks: &[("「", "」"), ("『", "』"), ("“", "”")],
        sentences: &[
            "{}と書かれたポスター",
            "{}の看板",
            "写着{}的牌子",
            "海报：{}",
            "一张写有{}的卡片",
            "{} 포스터",
        ],
        ink: "",
        ground: "",
        colours: &[],
    },
];

/// Writes one prompt.
pub(super) fn write(pen: &mut Pen) {
    let language = &LANGUAGES[pen.random.weighted(&[3., 2.2, 2.2, 1., 1.2])];
    let texts: Vec<&str> = pen
        .lexicon
        .foreign
        .iter()
        .filter(|(code, text)| *code == language.code && pen.lexicon.allowed(text, pen.split))
        .map(|(_, text)| *text)
        .collect();
    let content = if !texts.is_empty() && pen.chance(0.6) { pen.pick(&texts).to_owned() } else { text(pen) };
    let sentence = pen.pick(language.sentences);
    let (before, after) = sentence.split_once("{}").unwrap_or((sentence, ""));
    let (mut look, mut tail) = (Look::default(), String::new());
    if let (false, true, true) = (language.colours.is_empty(), after.is_empty(), pen.chance(0.6)) {
        let (ink, name) = pen.pick(language.colours);
        if pen.chance(0.5) || ink as usize >= Ink::GROUNDS {
            look.ink = Some(ink);
            tail = language.ink.replace("{}", name);
        } else if language.code != "de" {
            pen.ground = Some(ink);
            tail = language.ground.replace("{}", name);
        } else if !matches!(ink, Ink::Pink | Ink::Purple | Ink::Orange) {
            // These three have no endings.
            pen.ground = Some(ink);
            tail = language.ground.replace("{}", &format!("{}em", name.to_lowercase()));
        }
    }
    let marks = pen.pick(language.marks);
    pen.say(before);
    pen.quote_in(marks, &content, look);
    pen.say(after);
    pen.say(&tail);
}
