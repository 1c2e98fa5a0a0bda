//! The architect's byte-level BPE tokenizer (spec 3.1).

use tokenizers::Tokenizer;

use crate::error::{Error, Result};

/// The tokenizer of a checkpoint, `processor/tokenizer.json`.
pub struct PromptTokenizer {
    tokenizer: Tokenizer,
    file: String,
}

impl PromptTokenizer {
    /// Reads the bytes of a `tokenizer.json`; `file` is its name for messages.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the bytes are not a tokenizer.
    pub fn from_bytes(json: &[u8], file: &str) -> Result<Self> {
        let tokenizer =
            Tokenizer::from_bytes(json).map_err(|error| problem(file, format!("cannot be read: {error}")))?;
        Ok(Self { tokenizer, file: file.to_owned() })
    }

    /// The ids of a text. Nothing is added before or after it; special tokens written in the text are parsed
    /// as such.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer has no ids for the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|error| problem(&self.file, format!("cannot encode the prompt: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The id of a token by its exact name, such as `<sop>`.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] that names the token when there is none.
    pub fn token_id(&self, token: &str) -> Result<u32> {
        self.tokenizer.token_to_id(token).ok_or_else(|| self.problem(format!("has no token {token}")))
    }

    /// An error about this tokenizer's file.
    pub(super) fn problem(&self, what: String) -> Error {
        problem(&self.file, what)
    }
}

fn problem(file: &str, problem: String) -> Error {
    Error::Tokenizer { file: file.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "added_tokens": [{"id": 2, "content": "<sop>", "single_word": false, "lstrip": false, "rstrip": false,
                          "normalized": false, "special": true}],
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}"#;

    #[test]
    fn special_tokens_are_parsed_inside_text() {
        let tokenizer = PromptTokenizer::from_bytes(SMALL.as_bytes(), "tokenizer.json").unwrap();
        assert_eq!(tokenizer.encode("ab<sop>a").unwrap(), [0, 1, 2, 0]);
        assert_eq!(tokenizer.encode("").unwrap(), [0_u32; 0]);
        assert_eq!(tokenizer.token_id("<sop>").unwrap(), 2);
    }

    #[test]
    fn errors_name_the_file_and_the_token() {
        let broken = PromptTokenizer::from_bytes(b"{}", "some/tokenizer.json").err().unwrap().to_string();
        assert!(broken.starts_with("some/tokenizer.json: cannot be read"), "{broken}");
        let tokenizer = PromptTokenizer::from_bytes(SMALL.as_bytes(), "some/tokenizer.json").unwrap();
        let missing = tokenizer.token_id("<eop>").unwrap_err().to_string();
        assert_eq!(missing, "some/tokenizer.json: has no token <eop>");
    }
}
