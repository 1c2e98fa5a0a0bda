//! Quotation marks that the glyph encoder's rule takes for something else than their writer.

/// Pairs that people write and the rule does not know. Where one opens with a mark that another one closes with, the order
/// decides: `„…“` is looked for before `“…”` would be.
const UNKNOWN: [(char, &[char]); 8] = [
    ('„', &['“', '”']),
    ('«', &['»']),
    ('»', &['«']),
    ('‘', &['’']),
    ('‚', &['‘', '’']),
    ('‹', &['›']),
    ('『', &['』']),
    ('＂', &['＂']),
];

/// What stands in a prompt's quotation marks may be lost or cut without a word, as the rule is the reference's: a straight
/// apostrophe counts as a quotation mark, and other kinds of marks as letters. Each sentence names one such place; none
/// where all is as it looks.
pub fn quote_doubts(prompt: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    let letters: Vec<char> = prompt.chars().collect();
    let german = letters.contains(&'„');
    if let Some(word) = apostrophe(&letters) {
        doubts.push(format!("the apostrophe of {word} counts as a quotation mark: ’ does not"));
    }
    let count = |mark: char| letters.iter().filter(|&&letter| letter == mark).count();
    for mark in ['\'', '"'] {
        if count(mark) % 2 == 1 {
            doubts.push(format!("one {mark} has no partner"));
        }
    }
    for (open, close) in [('“', '”'), ('「', '」')] {
        if count(open) != count(close) && !german {
            let (more, other) = if count(open) > count(close) { (open, close) } else { (close, open) };
            doubts.push(format!("one {more} has no {other}"));
        }
    }
    for (open, closes) in UNKNOWN {
        if let Some(text) = between(&letters, open, closes) {
            doubts.push(format!("{text} is not spelled: only '…', \"…\", “…” and 「…」 are"));
        }
    }
    doubts
}

/// The first word with a straight apostrophe in it, or a measure of feet.
fn apostrophe(letters: &[char]) -> Option<String> {
    let at = (0..letters.len()).find(|&at| {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let inside =
            before.is_some_and(|c| c.is_alphanumeric()) && after.is_some_and(|c| c.is_alphanumeric());
        // A closing quote after a number has its opening one before it.
        let feet = before.is_some_and(char::is_ascii_digit)
            && letters.iter().take(at).filter(|&&c| c == '\'').count().is_multiple_of(2);
        letters.get(at) == Some(&'\'') && (inside || feet)
    })?;
    let is_word = |c: &&char| c.is_alphanumeric() || **c == '\'';
    let start = at - letters.iter().take(at).rev().take_while(is_word).count();
    let end = at + letters.iter().skip(at).take_while(is_word).count();
    let word: String = letters.iter().take(end).skip(start).collect();
    // A quotation mark before the word is none of it.
    Some(word.trim_start_matches('\'').to_owned())
}

/// The first text between two marks, with them.
fn between(letters: &[char], open: char, closes: &[char]) -> Option<String> {
    let start = letters.iter().position(|&letter| letter == open)?;
    let length = letters.iter().skip(start + 1).position(|letter| closes.contains(letter))?;
    Some(letters.iter().skip(start).take(length + 2).collect())
}

/// The texts that the glyph encoder spells, for a person: `"OPEN", "Friday 7pm"`, or `nothing`.
pub fn spelled(texts: &[String]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::glyph_texts;
    use super::*;

    #[test]
    fn ordinary_prompts_raise_no_doubt() {
        for prompt in [
            "",
            "a red bicycle",
            "A poster that says 'OPEN STUDIO' and \"Friday 7pm\"",
            "“Café au lait” beside 「開店」",
            "it’s a dog’s life with 'OPEN'",
            "the number '7' and 'route 66'",
            "‘",
            "5 « 6",
        ] {
            assert_eq!(quote_doubts(prompt), [""; 0], "{prompt}");
        }
    }

    #[test]
    fn each_lost_text_is_named() {
        for (prompt, words) in [
            ("It's a poster with 'OPEN'", &["It's", "one ' has no partner"][..]),
            ("It's a poster with 'Don't stop'", &["It's"]),
            ("A 6' tall sign 'OPEN'", &["6'", "one ' has no partner"]),
            ("a sign 'OPEN", &["one ' has no partner"]),
            ("a \"sign", &["one \" has no partner"]),
            ("a “sign", &["one “ has no ”"]),
            ("a 」sign", &["one 」 has no 「"]),
            ("Ein Plakat mit „Guten Tag“", &["„Guten Tag“ is not spelled"]),
            ("Ein Plakat mit „Guten Tag”", &["„Guten Tag” is not spelled"]),
            ("une affiche « Bonjour »", &["« Bonjour » is not spelled"]),
            ("»Guten Tag«", &["»Guten Tag« is not spelled"]),
            ("a shop sign that says ‘OPEN’", &["‘OPEN’ is not spelled"]),
            ("『開店』", &["『開店』 is not spelled"]),
        ] {
            let doubts = quote_doubts(prompt);
            assert_eq!(doubts.len(), words.len(), "{prompt}: {doubts:?}");
            for (doubt, word) in doubts.iter().zip(words) {
                assert!(doubt.contains(word), "{prompt}: {doubt}");
            }
        }
    }

    #[test]
    fn a_mark_before_a_word_is_none_of_it() {
        let doubts = quote_doubts("A sign that says 'It's OPEN'");
        assert_eq!(doubts[0], "the apostrophe of It's counts as a quotation mark: ’ does not");
    }

    #[test]
    fn what_is_spelled_is_shown() {
        let spelled = |prompt| spelled(&glyph_texts(prompt));
        assert_eq!(spelled("A 6' tall sign 'OPEN'"), "\" tall sign \"");
        assert_eq!(spelled("'a' and “b”"), "\"a\", \"b\"");
        assert_eq!(spelled("„a“"), "nothing");
    }
}
