//! What a letter is for the reading of quotation marks.

/// A letter or digit of a script whose words have apostrophes and spaces between them: in others, quotation marks touch the
/// words around them.
pub fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() && (letter < '\u{700}' || ('\u{1e00}'..'\u{2000}').contains(&letter))
}

/// What may stand for an apostrophe.
pub fn is_apostrophe(mark: char) -> bool {
    matches!(mark, '\'' | '’' | '＇' | '׳' | '′')
}

pub fn is_hebrew(letter: char) -> bool {
    ('\u{5d0}'..='\u{5ea}').contains(&letter)
}

/// Whether a text shows nothing: white space, controls, and characters without width.
pub fn is_blank(text: &str) -> bool {
    let is_invisible = |letter: char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(
                letter,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{feff}'
            )
    };
    text.chars().all(is_invisible)
}
