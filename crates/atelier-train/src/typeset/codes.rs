//! The visual codes: what every cell of 32×32 pixels can mean, and the ids that stand for text.
//!
//! Ids count up through the visual codes, sixteen ids around pictures, the quote marks and the newline, the 256 bytes and
//! the special tokens. Every id has *factors*, small names that it shares with its relatives: a table of the model
//! can be a sum over them.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::alphabet::{ALPHABET, Alphabet};
use crate::brief::{Face, Ink, Kind, Size};

/// The smallest step down of a line, from its draft row to its row of the picture.
pub const DOWN_FIRST: i32 = -20;
/// The largest step down.
pub const DOWN_LAST: i32 = 40;
/// The smallest step to the right.
pub const RIGHT_FIRST: i32 = -4;
/// The largest step to the right.
pub const RIGHT_LAST: i32 = 40;
/// Pieces of a frame beside its upper left corner: the other corners in reading order, then top, left, right, bottom.
pub const FRAME_PIECES: u8 = 7;
/// Cells of an icon.
pub const ICON_PIECES: u8 = 4;
/// Cells of a medium character.
pub const MEDIUM_PARTS: u8 = 2;
/// Cells of a large character.
pub const LARGE_PARTS: u8 = 8;
/// Ids after the codes that stand for no picture: image start, image end, and unused ones.
pub const VISUAL_EXTRA: usize = 16;
/// The quote marks and the newline: tokens of their own that no picture shows.
pub const TEXT_MARKS: [char; 14] =
    ['"', '“', '”', '„', '«', '»', '「', '」', '『', '』', '‘', '\'', '’', '\n'];
/// The tokens after the bytes, in order, with the public checkpoint's names.
pub const SPECIAL: [&str; 16] = [
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
    "<|image|>",
    "<|video|>",
];

/// The meaning of a visual code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Nothing but the ground.
    Ground(Ink),
    /// Looks like ground, and says how the text to its right is printed.
    Mark(Ink, Face),
    /// Looks like ground, and says the ink of the decoration to its right. In a draft: the head of a decoration.
    Accent(Ink),
    /// The upper left corner of a frame, in this ink.
    FrameCorner(Ink),
    /// A piece of a decoration, in the ink that the accent to its left says; of a frame, in the ink of its corner.
    Piece(Kind, u8),
    /// The head of a draft row: a line of text.
    Head(Size, Ink, Face),
    /// In a draft, after an accent: which decoration.
    Adorn(Kind),
    /// In a draft: how many rows below its draft row a line stands.
    Down(i8),
    /// In a draft: how many columns to the right of column 1 a line begins.
    Right(i8),
    /// Two small characters, or one in the left half of the cell.
    Small(char, Option<char>),
    /// A part of a medium character: 0 is above 1.
    Medium(char, u8),
    /// A part of a large character: row · 2 + column.
    Large(char, u8),
}

impl Code {
    /// A readable name.
    pub fn name(self) -> String {
        match self {
            Self::Ground(ink) => format!("ground {}", ink.name()),
            Self::Mark(ink, face) => format!("mark {} {}", ink.name(), face.name()),
            Self::Accent(ink) => format!("accent {}", ink.name()),
            Self::FrameCorner(ink) => format!("frame corner {}", ink.name()),
            Self::Piece(kind, part) => format!("piece {} {part}", kind.name()),
            Self::Head(size, ink, face) => format!("head {} {} {}", size.name(), ink.name(), face.name()),
            Self::Adorn(kind) => format!("adorn {}", kind.name()),
            Self::Down(steps) => format!("down {steps}"),
            Self::Right(steps) => format!("right {steps}"),
            Self::Small(left, right) => format!("small {left}{}", right.map_or(String::new(), String::from)),
            Self::Medium(character, part) => format!("medium {character} {part}"),
            Self::Large(character, part) => format!("large {character} {part}"),
        }
    }

    /// What it shares with other codes.
    pub fn factors(self) -> Vec<String> {
        let ink = |ink: Ink| format!("ink:{}", ink.name());
        let face = |face: Face| format!("face:{}", face.name());
        let kind = |kind: Kind| format!("kind:{}", kind.name());
        let list = |first: &str, rest: Vec<String>| [vec![first.to_owned()], rest].concat();
        match self {
            Self::Ground(i) => list("ground", vec![ink(i)]),
            Self::Mark(i, f) => list("mark", vec![ink(i), face(f)]),
            Self::Accent(i) => list("accent", vec![ink(i)]),
            Self::FrameCorner(i) => list("framecorner", vec![ink(i)]),
            Self::Piece(k, part) => list("piece", vec![kind(k), format!("piece:{}{part}", k.name())]),
            Self::Head(s, i, f) => list("head", vec![format!("size:{}", s.name()), ink(i), face(f)]),
            Self::Adorn(k) => list("adorn", vec![kind(k)]),
            Self::Down(n) => list("down", vec![format!("down:{n}")]),
            Self::Right(n) => list("right", vec![format!("right-by:{n}")]),
            Self::Small(left, right) => list(
                "small",
                vec![
                    format!("left:{left}"),
                    right.map_or_else(|| "right:nil".to_owned(), |right| format!("right:{right}")),
                ],
            ),
            Self::Medium(c, part) => list("medium", vec![format!("char:{c}"), format!("part:medium{part}")]),
            Self::Large(c, part) => list("large", vec![format!("char:{c}"), format!("part:large{part}")]),
        }
    }
}

/// All codes, by number and by meaning, and the ids of text.
#[derive(Debug)]
pub struct Codes {
    codes: Vec<Code>,
    numbers: HashMap<Code, u16>,
    /// By the places of both characters in the alphabet; the place after the last is "none".
    small: Vec<u16>,
}

/// The codes. There is one table, and it never changes.
pub static CODES: LazyLock<Codes> = LazyLock::new(Codes::new);

const NO_CODE: u16 = u16::MAX;

impl Codes {
    fn new() -> Self {
        let alphabet: &Alphabet = &ALPHABET;
        let mut codes: Vec<Code> = Ink::ALL[..Ink::GROUNDS].iter().map(|&ink| Code::Ground(ink)).collect();
        for &ink in Ink::ALL {
            codes.extend(Face::ALL.iter().map(|&face| Code::Mark(ink, face)));
        }
        codes.extend(Ink::ALL.iter().map(|&ink| Code::Accent(ink)));
        codes.extend(Ink::ALL.iter().map(|&ink| Code::FrameCorner(ink)));
        for &kind in Kind::ALL {
            codes.extend((0..pieces(kind)).map(|part| Code::Piece(kind, part)));
        }
        for &size in Size::ALL {
            for &ink in Ink::ALL {
                codes.extend(Face::ALL.iter().map(|&face| Code::Head(size, ink, face)));
            }
        }
        codes.extend(Kind::ALL.iter().map(|&kind| Code::Adorn(kind)));
        codes.extend((DOWN_FIRST..=DOWN_LAST).map(|steps| Code::Down(steps as i8)));
        codes.extend((RIGHT_FIRST..=RIGHT_LAST).map(|steps| Code::Right(steps as i8)));

        let characters = alphabet.characters();
        let side = characters.len() + 1;
        let mut small = vec![NO_CODE; side * side];
        for (place, &left) in characters.iter().enumerate() {
            small[place * side + characters.len()] = codes.len() as u16;
            codes.push(Code::Small(left, None));
            for (other, &right) in characters.iter().enumerate() {
                if alphabet.pair(left, right) {
                    small[place * side + other] = codes.len() as u16;
                    codes.push(Code::Small(left, Some(right)));
                }
            }
        }
        for &character in characters.iter().filter(|&&character| character != ' ') {
            codes.extend((0..MEDIUM_PARTS).map(|part| Code::Medium(character, part)));
        }
        for &character in characters.iter().filter(|&&character| character != ' ') {
            codes.extend((0..LARGE_PARTS).map(|part| Code::Large(character, part)));
        }
        let numbers = codes.iter().enumerate().map(|(number, &code)| (code, number as u16)).collect();
        Self { codes, numbers, small }
    }

    /// The meanings, in order of number.
    pub fn all(&self) -> &[Code] {
        &self.codes
    }

    /// The meaning of a number.
    pub fn code(&self, number: u16) -> Option<Code> {
        self.codes.get(usize::from(number)).copied()
    }

    /// The number of a meaning, if the table has it.
    pub fn number(&self, code: Code) -> Option<u16> {
        self.numbers.get(&code).copied()
    }

    /// The code of two small characters, or of one, if the table has it.
    pub fn small(&self, left: char, right: Option<char>) -> Option<u16> {
        let none = ALPHABET.characters().len();
        let right = match right {
            Some(right) => ALPHABET.place(right)?,
            None => none,
        };
        let number = self.small.get(ALPHABET.place(left)? * (none + 1) + right).copied()?;
        (number != NO_CODE).then_some(number)
    }

    /// The number of codes: the id of image start.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is no code: never.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The id before a picture.
    pub fn image_start(&self) -> u32 {
        self.codes.len() as u32
    }

    /// Rows of the architect's head.
    pub fn visual_vocabulary(&self) -> usize {
        self.codes.len() + VISUAL_EXTRA
    }

    /// The id of a quote mark or of the newline.
    pub fn text_mark(&self, mark: char) -> Option<u32> {
        let place = TEXT_MARKS.iter().position(|&known| known == mark)?;
        Some((self.visual_vocabulary() + place) as u32)
    }

    /// The id of a byte.
    pub fn byte(&self, byte: u8) -> u32 {
        (self.visual_vocabulary() + TEXT_MARKS.len() + usize::from(byte)) as u32
    }

    /// The id of a special token by its place in [`SPECIAL`].
    pub fn special(&self, place: usize) -> u32 {
        (self.visual_vocabulary() + TEXT_MARKS.len() + 256 + place) as u32
    }

    /// The id of a special token by its name.
    pub fn special_named(&self, name: &str) -> Option<u32> {
        SPECIAL.iter().position(|special| *special == name).map(|place| self.special(place))
    }

    /// Rows of the architect's embedding.
    pub fn vocabulary(&self) -> usize {
        (self.special(SPECIAL.len()) as usize).next_multiple_of(8)
    }

    /// Name and factors of every id.
    pub fn described(&self) -> Vec<(String, Vec<String>)> {
        let mut all: Vec<(String, Vec<String>)> =
            self.codes.iter().map(|code| (code.name(), code.factors())).collect();
        let text = |kind: &str, name: &str| {
            (format!("{kind} {name}"), vec!["text".to_owned(), kind.to_owned(), format!("{kind}:{name}")])
        };
        all.push(text("image", "start"));
        all.push(text("image", "end"));
        all.extend((2..VISUAL_EXTRA).map(|place| text("unused", &place.to_string())));
        for mark in TEXT_MARKS {
            let mark = if mark == '\n' { "newline".to_owned() } else { mark.to_string() };
            all.push(text("quote", &mark));
        }
        all.extend((0..=u8::MAX).map(|byte| text("byte", &format!("{byte:02X}"))));
        all.extend(SPECIAL.iter().map(|name| text("special", name)));
        let padding = all.len()..self.vocabulary();
        all.extend(padding.map(|id| text("unused", &id.to_string())));
        all
    }

    /// The whole table as JSON: `visual` codes, `head` rows of the architect's head, `vocabulary` rows of its embedding,
    /// every id with name and factors, the ids of the special tokens, and the tokenizer.
    pub fn json(&self) -> Value {
        let codes: Vec<Value> = self
            .described()
            .into_iter()
            .enumerate()
            .map(|(id, (name, factors))| json!({"id": id, "name": name, "factors": factors}))
            .collect();
        let mut specials = serde_json::Map::new();
        specials.insert("image start".to_owned(), json!(self.image_start()));
        specials.insert("image end".to_owned(), json!(self.image_start() + 1));
        for mark in TEXT_MARKS {
            specials.insert(mark.to_string(), json!(self.text_mark(mark)));
        }
        specials.insert("bytes".to_owned(), json!(self.byte(0)));
        for name in SPECIAL {
            specials.insert(name.to_owned(), json!(self.special_named(name)));
        }
        json!({
            "visual": self.len(),
            "head": self.visual_vocabulary(),
            "vocabulary": self.vocabulary(),
            "codes": codes,
            "specials": specials,
            "tokenizer": super::tokens::tokenizer_json(),
        })
    }
}

/// How many pieces a decoration has, beside a frame's upper left corner.
fn pieces(kind: Kind) -> u8 {
    match kind {
        Kind::Frame => FRAME_PIECES,
        Kind::Rule => 3,
        Kind::Stripes | Kind::Dots => 1,
        _ => ICON_PIECES,
    }
}
