//! The prompt, read in pairs.
//!
//! - The prompt is brought to Unicode's form C; `\r\n` and `\r` become `\n`; tabs and the special spaces U+00A0, U+2009, U+202F
//!   and U+3000 become spaces.
//! - `'` or `’` between two letters or digits is an apostrophe, a character like others, which the vocabulary writes
//!   as U+02BC. Everywhere else both are quote marks.
//! - Every quote mark and every newline is a token of its own.
//! - What lies between is cut, from its start, into chunks of two characters. A chunk with a code as a pair is that code's
//!   number; otherwise its characters stand for themselves: as the code of one character, or as UTF-8 bytes.
//!   Two spaces are no pair: they would look like one.
//!
//! `"` is always a quote mark, so it has no code as a character.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Value, json};
use unicode_normalization_alignments::UnicodeNormalization;

use super::alphabet::{ALPHABET, APOSTROPHE};
use super::codes::{CODES, Code, SPECIAL, TEXT_MARKS};

/// An id, and the bytes of the prompt it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The id.
    pub id: u32,
    /// Bytes of the composed prompt.
    pub range: Range<usize>,
}

/// The prompt in Unicode's form C.
pub fn composed(prompt: &str) -> Cow<'_, str> {
    // No character before U+0300 changes.
    if prompt.chars().all(|character| character < '\u{300}') {
        return Cow::Borrowed(prompt);
    }
    Cow::Owned(prompt.nfc().map(|(character, _)| character).collect())
}

/// The tokens of a prompt. Ranges are bytes of [`composed`]`(prompt)`.
pub fn tokens(prompt: &str) -> Vec<Token> {
    let prompt = composed(prompt);
    let characters = characters(&prompt);
    let mut tokens = Vec::with_capacity(characters.len() / 2 + 4);
    let mut place = 0;
    while let Some(&(first, start, end)) = characters.get(place) {
        place += 1;
        if let Some(id) = CODES.text_mark(first) {
            tokens.push(Token { id, range: start..end });
            continue;
        }
        if let Some(&(second, begin, stop)) = characters.get(place)
            && CODES.text_mark(second).is_none()
        {
            place += 1;
            if let Some(code) = CODES.small(first, Some(second)) {
                tokens.push(Token { id: u32::from(code), range: start..stop });
            } else {
                single(&mut tokens, first, start..end);
                single(&mut tokens, second, begin..stop);
            }
        } else {
            single(&mut tokens, first, start..end);
        }
    }
    tokens
}

/// The ids of a prompt's text-to-image request: the prompt, both grid sizes, image start.
pub fn prompt_ids(prompt: &[Token], [th, tw]: [u32; 2], [ph, pw]: [u32; 2]) -> Vec<u32> {
    let mut ids: Vec<u32> = prompt.iter().map(|token| token.id).collect();
    let special = |name| CODES.special_named(name);
    for [high, wide] in [[th, tw], [ph, pw]] {
        ids.extend(special("<sop>"));
        ids.extend(tokens(&format!("{high} {wide}")).into_iter().map(|token| token.id));
        ids.extend(special("<eop>"));
    }
    ids.push(CODES.image_start());
    ids
}

fn single(tokens: &mut Vec<Token>, character: char, range: Range<usize>) {
    if let Some(code) = CODES.small(character, None) {
        tokens.push(Token { id: u32::from(code), range });
        return;
    }
    let mut bytes = [0; 4];
    for &byte in character.encode_utf8(&mut bytes).as_bytes() {
        tokens.push(Token { id: CODES.byte(byte), range: range.clone() });
    }
}

/// The characters that are tokenised, with the bytes they come from.
fn characters(prompt: &str) -> Vec<(char, usize, usize)> {
    let mut characters: Vec<(char, usize, usize)> = Vec::with_capacity(prompt.len());
    let mut rest = prompt.char_indices().peekable();
    let mut before = None;
    while let Some((start, character)) = rest.next() {
        let mut end = start + character.len_utf8();
        let next = rest.peek().map(|&(_, next)| next);
        let known = match character {
            '\r' => {
                if next == Some('\n') {
                    rest.next();
                    end += 1;
                }
                '\n'
            }
            '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => ' ',
            '\'' | '’'
                if before.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric) =>
            {
                APOSTROPHE
            }
            other => other,
        };
        characters.push((known, start, end));
        before = Some(character);
    }
    characters
}

/// The same as a Hugging Face `tokenizer.json`.
///
/// The pair cutting is a regular expression; a pair becomes one token by a merge of its two characters, and characters
/// without a code fall back to bytes.
pub fn tokenizer_json() -> Value {
    let codes = &*CODES;
    let mut vocabulary = serde_json::Map::new();
    let mut merges = Vec::new();
    for (id, code) in codes.all().iter().enumerate() {
        let name = match *code {
            Code::Small(left, None) => left.to_string(),
            Code::Small(left, Some(right)) => {
                merges.push(json!([left.to_string(), right.to_string()]));
                [left, right].iter().collect()
            }
            _ => format!("<|dit_token_{id}|>"),
        };
        vocabulary.insert(name, json!(id));
    }
    for place in codes.len()..codes.visual_vocabulary() {
        vocabulary.insert(format!("<|dit_token_{}|>", 16_384 + place - codes.len()), json!(place));
    }
    for mark in TEXT_MARKS {
        vocabulary.insert(mark.to_string(), json!(codes.text_mark(mark)));
    }
    for byte in 0..=u8::MAX {
        vocabulary.insert(format!("<0x{byte:02X}>"), json!(codes.byte(byte)));
    }
    // Added tokens that the vocabulary lacks would be numbered anew.
    for (place, name) in SPECIAL.iter().enumerate() {
        vocabulary.insert((*name).to_owned(), json!(codes.special(place)));
    }
    let added = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    };
    let start = codes.image_start();
    let mut special = vec![added(start, "<|dit_token_16384|>"), added(start + 1, "<|dit_token_16385|>")];
    special.extend(SPECIAL.iter().enumerate().map(|(place, name)| added(codes.special(place), name)));
    let replace = |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
    let split = |pattern: &str| json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false});
    let marks: String = TEXT_MARKS.iter().collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": special,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                replace(r"\r\n?", "\n"),
                replace("[\t\u{a0}\u{2009}\u{202f}\u{3000}]", " "),
                replace(
                    r"(?<=[\p{Alphabetic}\p{N}])['’](?=[\p{Alphabetic}\p{N}])",
                    &APOSTROPHE.to_string(),
                ),
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split(&format!("[{marks}]")), split(r"[\s\S]{1,2}")],
        },
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocabulary, "merges": merges,
        },
    })
}

/// The characters of a visual text code, `None` for an id that no picture shows.
pub fn shown(id: u32) -> Option<[Option<char>; 2]> {
    match CODES.code(u16::try_from(id).ok()?)? {
        Code::Small(left, right) => Some([Some(left), right]),
        _ => None,
    }
}

/// Whether the alphabet has a character.
pub fn has(character: char) -> bool {
    ALPHABET.place(character).is_some()
}
