//! What the typesetter promises.

// Clippy's leave to unwrap in tests covers the test functions, not what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::sync::LazyLock;

use atelier_train::brief::{Adornment, Brief, Face, Ink, Kind, Row, Side, Size, Split, Text};
use atelier_train::typeset::tokens::{composed, tokenizer_json, tokens};
use atelier_train::typeset::{
    ALPHABET, APOSTROPHE, CODES, Code, Layout, Press, Rejected, Sample, StreamOptions, TEXT_MARKS, columns,
    draft_size, grid_of_draft, ground_rgb, rows, stream,
};
use atelier_train::{Random, font_folders};
use tokenizers::Tokenizer;

static PRESS: LazyLock<Press> = LazyLock::new(|| Press::new(&font_folders()).unwrap());
static TOKENIZER: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::from_bytes(serde_json::to_vec(&tokenizer_json()).unwrap()).unwrap());

fn samples(number: u64) -> impl Iterator<Item = Sample> {
    (0..number).filter_map(|index| Sample::generate(7, index, Split::Train).ok())
}

fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// A brief with these texts in single quotes.
fn brief(texts: &[&str]) -> Brief {
    let mut prompt = "A sign with ".to_owned();
    let mut list = Vec::new();
    for text in texts {
        prompt.push('\'');
        let start = prompt.len();
        prompt.push_str(text);
        list.push(Text {
            content: (*text).to_owned(),
            span: start..prompt.len(),
            size: None,
            place: None,
            ink: None,
            face: None,
        });
        prompt.push_str("', ");
    }
    Brief { prompt, width: 512, height: 512, ground: None, texts: list, adornments: Vec::new() }
}

/// Strings with everything that the tokenizer knows, and much that it does not.
fn strings() -> Vec<String> {
    let pieces = [
        "Hello",
        "world",
        " ",
        "  ",
        "a",
        "B",
        "7",
        "'",
        "’",
        "‘",
        "\"",
        "“",
        "”",
        "„",
        "«",
        "»",
        "「",
        "」",
        "『",
        "』",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "don't",
        "l’été",
        "dogs'",
        "rock'n'roll",
        "''",
        "'a",
        "b'",
        "é",
        "e\u{301}",
        "A\u{30a}",
        "u\u{308}",
        "\u{301}",
        "ß",
        "Œ",
        "日本",
        "東京タワー",
        "가",
        "\u{1100}\u{1161}",
        "😀",
        "👨‍👩‍👧",
        "🇩🇪",
        "ʼ",
        "50%",
        "!!",
        "...",
        "…",
        "–",
        "—",
        "16 16",
        "$5",
        "€",
        "\u{a0}",
        "\u{3000}",
        "ﬁ",
        "Ⅷ",
        "²",
        "½",
        "Ω",
        "Привет",
        "עברית",
        "[MASK",
        "<0x41>",
        "|>",
        "\\",
        "`",
        "~",
        "^",
        "{",
        "\u{feff}",
        "\u{200b}",
        "ǅ",
        "ａ",
        "Mc",
        "iPhone",
        "\u{345}",
        "ⓐ",
        "\u{e000}",
        "x'ⓐ'y",
        "1’2",
        "q'\u{301}s",
        "\u{1d15e}",
    ];
    let mut strings: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    let mut random = Random::new(3, 0);
    while strings.len() < 1200 {
        let length = 1 + random.below(12);
        strings.push((0..length).map(|_| random.pick(&pieces)).collect());
    }
    strings.extend(samples(4000).map(|sample| sample.prompt).take(800));
    strings
}

#[test]
fn codes_have_numbers_and_numbers_codes() {
    let mut seen = HashSet::new();
    for (number, &code) in CODES.all().iter().enumerate() {
        assert_eq!(CODES.number(code), Some(number as u16));
        assert_eq!(CODES.code(number as u16), Some(code));
        assert!(seen.insert(code.name()), "{code:?}");
        if let Code::Small(left, right) = code {
            assert_eq!(CODES.small(left, right), Some(number as u16));
        }
    }
    for &character in ALPHABET.characters() {
        assert!(CODES.small(character, None).is_some(), "{character}");
    }
    let small = CODES.all().iter().filter(|code| matches!(code, Code::Small(..))).count();
    assert!(small <= 9600, "{small}");
    let described = CODES.described();
    assert_eq!(described.len(), CODES.vocabulary());
    let names: HashSet<&String> = described.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), described.len());
    let factors: HashSet<&Vec<String>> = described.iter().map(|(_, factors)| factors).collect();
    assert_eq!(factors.len(), described.len());
    // Trained weights hang on the order of the codes.
    let names = described.iter().flat_map(|(name, _)| format!("{name}\n").into_bytes());
    assert_eq!(fnv(names), 11_041_273_211_439_098_439);
}

#[test]
fn tokenizer_file_cuts_like_the_generator() {
    let strings = strings();
    assert_eq!(strings.len(), 2000);
    for text in &strings {
        let ours: Vec<u32> = tokens(text).iter().map(|token| token.id).collect();
        let theirs = TOKENIZER.encode(text.as_str(), true).unwrap();
        assert_eq!(ours, theirs.get_ids(), "{text:?}");
    }
    for (text, mark) in [("'", '\''), ("‘a", '‘'), ("x'", '\'')] {
        let id = CODES.text_mark(mark).unwrap();
        assert!(tokens(text).iter().any(|token| token.id == id), "{text}");
    }
    // Other programs write it and read it again.
    let again = Tokenizer::from_bytes(TOKENIZER.to_string(false).unwrap()).unwrap();
    assert_eq!(again.get_vocab_size(true), TOKENIZER.get_vocab_size(true));
    if let Ok(path) = std::env::var("ATELIER_TOKENIZER_STRINGS") {
        let ours = |text: &String| tokens(text).iter().map(|token| token.id).collect::<Vec<u32>>();
        let all: Vec<(String, Vec<u32>)> = strings.iter().map(|text| (text.clone(), ours(text))).collect();
        std::fs::write(path, serde_json::to_vec(&all).unwrap()).unwrap();
    }
}

#[test]
fn the_suffix_is_what_the_tokenizer_makes_of_it() {
    for sample in samples(300) {
        let Layout { th, tw, ph, pw, .. } = sample.layout;
        let text = format!("{}<sop>{th} {tw}<eop><sop>{ph} {pw}<eop><|dit_token_16384|>", sample.prompt);
        assert_eq!(sample.ids, TOKENIZER.encode(text, true).unwrap().get_ids());
    }
    assert_eq!(draft_size(16, 16), [16, 16]);
    assert_eq!(draft_size(32, 16), [22, 11]);
    assert_eq!(draft_size(16, 32), [11, 22]);
}

#[test]
fn tokens_cover_the_prompt() {
    for text in strings() {
        let text = composed(&text);
        let mut end = 0;
        let mut last = 0..0;
        for token in tokens(&text) {
            assert!(token.range == last || token.range.start == end, "{text:?}");
            end = token.range.end;
            last = token.range;
        }
        assert_eq!(end, text.len());
    }
}

#[test]
fn drafts_say_everything() {
    let mut some = 0;
    for sample in samples(3000) {
        let Layout { th, tw, ph, pw, .. } = sample.layout;
        assert_eq!(sample.draft.len() as u32, ph * pw);
        assert_eq!(sample.grid.len() as u32, th * tw);
        assert_eq!(grid_of_draft(&sample.draft, [th, tw], [ph, pw]), sample.grid, "{}", sample.prompt);
        let again = Layout::of_draft(&sample.draft, [th, tw], [ph, pw]);
        assert_eq!(again.draft(), sample.draft, "{}", sample.prompt);
        some += 1;
    }
    assert!(some > 1500);
}

#[test]
fn nothing_overlaps() {
    for sample in samples(3000) {
        let layout = &sample.layout;
        let mut taken = HashSet::new();
        let mut take = |row: u32, column: u32| {
            assert!(row < layout.th && column < layout.tw, "{}", sample.prompt);
            assert!(taken.insert((row, column)), "{}", sample.prompt);
        };
        for line in &layout.lines {
            assert!(line.row >= 1 && line.row + rows(line.size) < layout.th, "{}", sample.prompt);
            assert!(line.tokens.len() as u32 + 3 <= layout.pw);
            let end = line.column + line.tokens.len() as u32 * columns(line.size);
            for row in line.row..line.row + rows(line.size) {
                (line.column - 1..end).for_each(|column| take(row, column));
            }
        }
        for placed in &layout.decorations {
            let (rows, columns) = match placed.kind {
                Kind::Frame => {
                    (0..layout.tw).for_each(|column| take(0, column));
                    (0..layout.tw).for_each(|column| take(layout.th - 1, column));
                    (1..layout.th - 1).for_each(|row| take(row, 0));
                    (1..layout.th - 1).for_each(|row| take(row, layout.tw - 1));
                    continue;
                }
                Kind::Rule | Kind::Stripes | Kind::Dots => (1, layout.tw - 1 - placed.column),
                _ => (2, 2),
            };
            for row in placed.row..placed.row + rows {
                (placed.column..placed.column + columns).for_each(|column| take(row, column));
            }
        }
    }
}

#[test]
fn words_are_the_cells_of_the_texts() {
    for sample in samples(1000) {
        let layout = &sample.layout;
        let cells: Vec<u16> = sample.words.concat();
        let distinct: HashSet<u16> = cells.iter().copied().collect();
        assert_eq!(distinct.len(), cells.len(), "{}", sample.prompt);
        for (cell, &code) in sample.grid.iter().enumerate() {
            let text = match CODES.code(code).unwrap() {
                Code::Small(left, right) => left != ' ' || !matches!(right, None | Some(' ')),
                code => matches!(code, Code::Medium(..) | Code::Large(..)),
            };
            assert_eq!(text, distinct.contains(&(cell as u16)), "{}", sample.prompt);
        }
        assert!(layout.lines.is_empty() || !sample.words.is_empty());
    }
}

#[test]
fn letters_stay_in_their_boxes() {
    for &face in Face::ALL {
        for &size in Size::ALL {
            for &character in ALPHABET.characters().iter().filter(|&&character| character != ' ') {
                let glyph = PRESS.glyph(face, size, character).unwrap();
                let width = ((glyph.len() / 2) as f64).sqrt() as usize;
                assert_eq!(width as u32 * 2, 32 * rows(size));
                assert!(glyph.iter().any(|&covered| covered > 200), "{character} {size:?} {face:?}");
                for (place, &covered) in glyph.iter().enumerate() {
                    let (row, column) = (place / width, place % width);
                    // Three hundredths of the pitch are free on each side: half a pixel of a small letter.
                    let limit =
                        if size == Size::Small && (1..2 * width - 1).contains(&row) { 150 } else { 15 };
                    let edge = row == 0 || row == 2 * width - 1 || column == 0 || column == width - 1;
                    assert!(
                        !edge || covered <= limit,
                        "{character} {size:?} {face:?} {row} {column}: {covered}"
                    );
                }
            }
        }
    }
}

#[test]
fn pictures_show_the_ground_where_the_grid_does() {
    let plain = |code: Code| matches!(code, Code::Ground(_) | Code::Mark(..) | Code::Accent(_));
    for sample in samples(40) {
        let width = 32 * sample.layout.tw as usize;
        let rgb = PRESS.print(&sample.grid, sample.layout.tw as usize);
        assert_eq!(rgb.len(), 3 * width * 32 * sample.layout.th as usize);
        for (cell, &code) in sample.grid.iter().enumerate() {
            let (row, column) = (cell / sample.layout.tw as usize, cell % sample.layout.tw as usize);
            let pixel = |place: usize| {
                let start = 3 * ((32 * row + place / 32) * width + 32 * column + place % 32);
                [rgb[start], rgb[start + 1], rgb[start + 2]]
            };
            let bare = (0..32 * 32).all(|place| pixel(place) == ground_rgb(sample.layout.ground));
            let code = CODES.code(code).unwrap();
            assert!(bare || !plain(code), "{code:?}");
            assert!(!bare || !matches!(code, Code::Piece(..) | Code::FrameCorner(_)), "{code:?}");
        }
    }
}

#[test]
fn the_stream_is_the_same_every_time() {
    let options = StreamOptions { seed: 5, start: 100, count: 60, split: Split::Train };
    let bytes = |options: &StreamOptions, press: Option<&Press>| {
        let mut bytes = Vec::new();
        stream(&mut bytes, options, press).unwrap();
        bytes
    };
    let once = bytes(&options, None);
    assert_eq!(once, bytes(&options, None));
    assert_ne!(once, bytes(&StreamOptions { seed: 6, ..options }, None));

    let other = Press::new(&font_folders()).unwrap();
    let few = StreamOptions { count: 4, ..options };
    assert_eq!(fnv(bytes(&few, Some(&PRESS))), fnv(bytes(&few, Some(&other))));

    let mut rest = once.as_slice();
    let mut records = 0;
    let mut index = options.start;
    while !rest.is_empty() {
        let sample = loop {
            let sample = Sample::generate(options.seed, index, options.split);
            index += 1;
            if let Ok(sample) = sample {
                break sample;
            }
        };
        let u16s = |bytes: &[u8]| {
            bytes.chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>()
        };
        let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let (record, after) = rest[4..].split_at(length);
        let [th, tw, ph, pw] = [0, 1, 2, 3].map(|place| usize::from(record[place]));
        assert_eq!([th, tw], [sample.layout.th as usize, sample.layout.tw as usize]);
        let ids = usize::from(u16s(&record[4..6])[0]);
        let words = usize::from(u16s(&record[6..8])[0]);
        let prompt = u32::from_le_bytes(record[8..12].try_into().unwrap()) as usize;
        assert_eq!([ids, words, prompt], [sample.ids.len(), sample.words.len(), sample.prompt.len()]);
        let numbers = u16s(&record[12 + 4 * ids..length - prompt]);
        assert_eq!(numbers[..ph * pw], sample.draft);
        assert_eq!(numbers[ph * pw..ph * pw + th * tw], sample.grid);
        let mut cells = &numbers[ph * pw + th * tw..];
        for word in &sample.words {
            assert_eq!(cells[..2], [0, word.len() as u16]);
            assert_eq!(cells[2..2 + word.len()], word[..]);
            cells = &cells[2 + word.len()..];
        }
        assert!(cells.is_empty());
        assert_eq!(record[length - prompt..], *sample.prompt.as_bytes());
        rest = after;
        records += 1;
    }
    assert_eq!(records, options.count);
}

#[test]
fn a_reader_may_stop() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let options = StreamOptions { seed: 0, start: 0, count: u64::MAX, split: Split::Train };
    stream(&mut Closed, &options, None).unwrap();
}

#[test]
fn layout_rules() {
    let layout = |brief: &Brief| Sample::of(brief).map(|sample| sample.layout);
    let one = layout(&brief(&["OPEN"])).unwrap();
    assert_eq!((one.lines[0].size, one.lines[0].row, one.lines[0].column), (Size::Large, 6, 4));
    assert_eq!((one.ground, one.lines[0].ink), (Ink::Cream, Ink::Navy));

    // Two tokens a line and a leading blank: 'HA', 'PP', 'Y ' and 'NE', 'W ', 'YE', 'AR'.
    let lines = layout(&brief(&["HAPPY NEW YEAR"])).unwrap().lines;
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.size == Size::Large));

    // A short text leads a long one.
    let lines = layout(&brief(&["Fresh bread every morning", "Bakery"])).unwrap().lines;
    assert_eq!((lines[0].size, lines.last().unwrap().size), (Size::Medium, Size::Large));

    let mut placed = brief(&["one", "two"]);
    placed.texts[0].place = Some((Row::Top, Side::Left));
    placed.texts[1].place = Some((Row::Top, Side::Right));
    placed.texts[1].size = Some(Size::Small);
    let lines = layout(&placed).unwrap().lines;
    assert_eq!([lines[0].row, lines[1].row, lines[0].column, lines[1].column], [1, 1, 1, 13]);

    let mut gold = brief(&["one"]);
    gold.texts[0].ink = Some(Ink::Gold);
    assert_eq!(layout(&gold).unwrap().ground, Ink::Navy);
    gold.ground = Some(Ink::Yellow);
    assert!(matches!(layout(&gold), Err(Rejected::Contrast("gold", "yellow"))));

    let mut framed = brief(&["Wherever we are"]);
    framed.adornments.push(Adornment { kind: Kind::Frame, ink: None, place: None });
    assert!(layout(&framed).unwrap().lines.iter().all(|line| line.column >= 2));

    assert!(matches!(layout(&brief(&["say “hi”"])), Err(Rejected::Token(_))));
    assert!(matches!(layout(&brief(&["日本"])), Err(Rejected::Token(_))));
    // Without quotes: the blank before stays, the full stop after goes.
    let mut bare = brief(&[]);
    bare.prompt = "It says HELLO.".to_owned();
    let text =
        Text { content: "HELLO".to_owned(), span: 8..13, size: None, place: None, ink: None, face: None };
    bare.texts.push(text);
    let tokens: Vec<Option<Code>> =
        layout(&bare).unwrap().lines[0].tokens.iter().map(|&token| CODES.code(token)).collect();
    assert_eq!(tokens[0], Some(Code::Small('H', Some('E'))));
    assert_eq!(tokens[2], Some(Code::Small('O', None)));
    assert!(TEXT_MARKS.contains(&'\n'));
}

#[test]
fn the_card_of_mini_has_this_alphabet() {
    let card: serde_json::Value =
        serde_json::from_slice(&std::fs::read("../../models/mini/atelier.json").unwrap()).unwrap();
    let alphabet = &card["alphabet"];
    let mut said: HashSet<char> = alphabet["characters"].as_str().unwrap().chars().collect();
    for range in alphabet["ranges"].as_array().unwrap() {
        let end = |name: &str| range[name].as_str().unwrap().chars().next().unwrap();
        said.extend(end("first")..=end("last"));
    }
    // Both apostrophes are set as one.
    let mut drawn: HashSet<char> = ALPHABET.characters().iter().copied().collect();
    assert!(drawn.remove(&APOSTROPHE) && drawn.remove(&' '));
    drawn.extend(['\'', '’']);
    assert_eq!(said, drawn);
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let mut decorations = card["decorations"].as_array().into_iter().flatten();
    assert!(decorations.all(|name| names.contains(&name.as_str().unwrap())), "{card}");
}
