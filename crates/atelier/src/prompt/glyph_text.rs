//! The quoted texts of a prompt and their byte tokens, the input of the glyph encoder (spec 6.1, 6.2).

/// Padding; also stands, attended, before every text of an even number of texts.
const PAD: u32 = 0;
/// The end of a text.
const END: u32 = 1;
/// Byte `b` is id `b + BYTE_OFFSET`.
const BYTE_OFFSET: u32 = 3;
/// Ids of a text, end included, beyond which it is cut.
const MAX_TOKENS: usize = 2048;

/// Opening and closing quotes, in the order in which the texts are listed.
const QUOTES: [(char, char); 4] = [('\'', '\''), ('“', '”'), ('"', '"'), ('「', '」')];

/// Special tokens that swallow the white space around them.
const STRIPPING: [(&str, u32); 3] = [("<pad>", PAD), ("</s>", END), ("<unk>", 2)];
/// `<extra_id_0>` is this id, `<extra_id_124>` the last one.
const EXTRA_FIRST: u32 = 259;
const EXTRA_COUNT: u32 = 125;

/// The texts between quotes, in the order the encoder sees them (spec 6.1).
///
/// One scan of the whole prompt for each kind of quote: `'…'`, `“…”`, `"…"`, `「…」`. Apostrophes count as
/// quotes. Empty when nothing is quoted.
pub fn glyph_texts(prompt: &str) -> Vec<String> {
    QUOTES.iter().flat_map(|&(open, close)| quoted(prompt, open, close)).collect()
}

/// Texts from an opening to the next closing quote with no quote of the pair in between, left to right.
fn quoted(prompt: &str, open: char, close: char) -> Vec<String> {
    let mut texts = Vec::new();
    let mut start = None;
    for (index, character) in prompt.char_indices() {
        match start {
            Some(from) if character == close => {
                texts.push(prompt[from..index].to_owned());
                start = None;
            }
            // An opening quote inside a pair starts the text anew.
            _ if character == open => start = Some(index + character.len_utf8()),
            _ => {}
        }
    }
    texts
}

/// The ids of the glyph encoder's input: one row a text, without the padding behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlyphTokens {
    /// `[texts][tokens of the text]`, ids below 384; every position is attended. At least one row.
    pub rows: Vec<Vec<u32>>,
}

/// The byte tokens of the texts of one prompt (spec 6.2).
///
/// No text at all stands for one empty text, as in the unconditional branch. If the number of texts is even,
/// every row begins with one padding id, which the reference attends to and keeps.
pub fn glyph_tokens(texts: &[String]) -> GlyphTokens {
    let lead = !texts.is_empty() && texts.len().is_multiple_of(2);
    let row = |text: &str| {
        let mut ids = if lead { vec![PAD] } else { Vec::new() };
        ids.extend(text_ids(text));
        ids
    };
    let rows = if texts.is_empty() { vec![row("")] } else { texts.iter().map(|text| row(text)).collect() };
    GlyphTokens { rows }
}

/// The ids of one text with its end, at most [`MAX_TOKENS`].
fn text_ids(text: &str) -> Vec<u32> {
    let mut ids = Vec::with_capacity(text.len() + 1);
    let mut rest = text;
    let mut strip_start = false;
    while let Some((before, special, after)) = split_special(rest) {
        push_bytes(&mut ids, strip(before, strip_start, special.strips));
        ids.push(special.id);
        strip_start = special.strips;
        rest = after;
    }
    push_bytes(&mut ids, strip(rest, strip_start, false));
    ids.truncate(MAX_TOKENS - 1);
    // The reference does not add a second end.
    if ids.last() != Some(&END) {
        ids.push(END);
    }
    ids
}

fn push_bytes(ids: &mut Vec<u32>, text: &str) {
    ids.extend(text.bytes().map(|byte| u32::from(byte) + BYTE_OFFSET));
}

fn strip(text: &str, start: bool, end: bool) -> &str {
    // What Python strips: Unicode white space and the four ASCII separators.
    let is_space = |character: char| character.is_whitespace() || ('\x1c'..='\x1f').contains(&character);
    let text = if start { text.trim_start_matches(is_space) } else { text };
    if end { text.trim_end_matches(is_space) } else { text }
}

struct Special {
    id: u32,
    strips: bool,
}

/// The first special token of a text, with what stands before and after it.
fn split_special(text: &str) -> Option<(&str, Special, &str)> {
    text.match_indices('<').find_map(|(index, _)| {
        let (before, from) = text.split_at(index);
        let (special, length) = special_at(from)?;
        Some((before, special, &from[length..]))
    })
}

/// The special token that a text begins with, and its length in bytes.
fn special_at(text: &str) -> Option<(Special, usize)> {
    for (name, id) in STRIPPING {
        if text.starts_with(name) {
            return Some((Special { id, strips: true }, name.len()));
        }
    }
    let prefix = "<extra_id_";
    let rest = text.strip_prefix(prefix)?;
    let (digits, rest) = rest.split_at(rest.find(|character: char| !character.is_ascii_digit())?);
    // The name is spelt without leading zeros.
    let number: u32 = digits.parse().ok()?;
    let known = rest.starts_with('>') && number < EXTRA_COUNT && number.to_string() == digits;
    known.then(|| (Special { id: EXTRA_FIRST + number, strips: false }, prefix.len() + digits.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Vec<u32>> {
        glyph_tokens(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).rows
    }

    fn bytes(text: &str) -> Vec<u32> {
        text.bytes().map(|byte| u32::from(byte) + 3).collect()
    }

    #[test]
    fn kinds_of_quotes_come_in_a_fixed_order() {
        assert_eq!(glyph_texts("「d」 \"c\" “b” 'a' 「e」"), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn scans_are_greedy_from_the_left_and_do_not_overlap() {
        assert_eq!(glyph_texts("it's a dog's"), ["s a dog"]);
        assert_eq!(glyph_texts("'a'b'c'"), ["a", "c"]);
        assert_eq!(glyph_texts("“a “b” c”"), ["b"]);
        assert_eq!(glyph_texts("”a“"), [""; 0]);
        assert_eq!(glyph_texts("\"\"\"x\""), ["", "x"]);
        assert_eq!(glyph_texts("‘a’ 『b』 «c»"), [""; 0]);
        assert_eq!(glyph_texts("'say \"hi\"'"), ["say \"hi\"", "hi"]);
    }

    #[test]
    fn no_text_is_one_end() {
        assert_eq!(rows(&[]), [[1]]);
        assert_eq!(rows(&[""]), [[1]]);
    }

    #[test]
    fn an_even_number_of_texts_begins_with_padding() {
        assert_eq!(rows(&["a", "b"]), [[0, 100, 1], [0, 101, 1]]);
        assert_eq!(rows(&["a", "b", "c"]), [[100, 1], [101, 1], [102, 1]]);
    }

    #[test]
    fn special_tokens_are_parsed_and_some_swallow_spaces() {
        assert_eq!(rows(&["a <pad> b"]), [[100, 0, 101, 1]]);
        assert_eq!(rows(&["a\u{3000}<unk>\n<unk> "]), [[100, 2, 2, 1]]);
        assert_eq!(rows(&["a <extra_id_0> b"]), [[bytes("a "), vec![259], bytes(" b"), vec![1]].concat()]);
        assert_eq!(rows(&["<extra_id_124>"]), [[383, 1]]);
        assert_eq!(rows(&["x <extra_id_1><pad>"]), [[bytes("x "), vec![260, 0, 1]].concat()]);
    }

    #[test]
    fn what_only_looks_special_is_text() {
        for text in
            ["<extra_id_125>", "<extra_id_01>", "<extra_id_+1>", "<extra_id_>", "< pad>", "<PAD>", "<"]
        {
            assert_eq!(rows(&[text]), [[bytes(text), vec![1]].concat()], "{text}");
        }
        assert_eq!(rows(&["<<pad>"]), [[bytes("<"), vec![0, 1]].concat()]);
    }

    #[test]
    fn an_end_in_the_text_is_not_doubled_at_its_end() {
        assert_eq!(rows(&["a</s>"]), [[100, 1]]);
        assert_eq!(rows(&["a</s> b"]), [[100, 1, 101, 1]]);
    }

    #[test]
    fn long_texts_are_cut_before_the_end() {
        let long = "é".repeat(2000);
        let row = &rows(&[&long])[0];
        assert_eq!(row.len(), 2048);
        assert_eq!(row.last(), Some(&1));
        assert_eq!(row[..2047], bytes(&long)[..2047]);
        // The padding of an even number of texts comes on top.
        assert_eq!(rows(&[&long, &long])[0].len(), 2049);
    }
}
