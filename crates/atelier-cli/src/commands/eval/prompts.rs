//! The file of prompts that a model is measured by.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use atelier::prompt::check_size;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::io::files;

/// The longest file, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Characters of a wrong value that an error shows.
const SHOWN: usize = 40;

/// A prompt and the number of its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub index: usize,
    pub text: String,
    /// In pixels, where the file says it.
    pub width: Option<usize>,
    pub height: Option<usize>,
}

/// Reads `{"data_list": [{"prompt": …, "index": …}, …]}`, of which each may have `width` and `height`; what else is there,
/// `texts` for example, is for the one who scores the pictures.
///
/// # Errors
/// Naming the file, the entry, what was expected and what was found.
pub fn read(path: &Path) -> Result<Vec<Prompt>> {
    parse(&files::read_text(path, MAX_FILE)?).map_err(|problem| Error::input(path, problem))
}

/// The prompts of the indexes that were asked for.
pub fn selected(path: &Path, only: Option<&RangeInclusive<usize>>) -> Result<Vec<Prompt>> {
    let mut prompts = read(path)?;
    let Some(only) = only else { return Ok(prompts) };
    let indexes = || prompts.iter().map(|prompt| prompt.index);
    let (least, most) = (indexes().min().unwrap_or(0), indexes().max().unwrap_or(0));
    prompts.retain(|prompt| only.contains(&prompt.index));
    if prompts.is_empty() {
        let expected = format!("indexes of {}, which are in {least}-{most}", path.display());
        return Err(Error::flag("--only", expected, format!("{}-{}", only.start(), only.end())));
    }
    Ok(prompts)
}

fn parse(text: &str) -> Result<Vec<Prompt>, String> {
    let file: Value =
        serde_json::from_str(text).map_err(|error| format!("expected a JSON object, found: {error}"))?;
    let list = file.get("data_list");
    let Some(entries) = list.and_then(Value::as_array).filter(|entries| !entries.is_empty()) else {
        return Err(format!("data_list: expected a list of prompts, found {}", shown(list)));
    };
    let mut first_uses = BTreeMap::new();
    let mut prompts = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        let problem = |field: &str, expected: &str, found: String| {
            Err(format!("data_list[{place}].{field}: expected {expected}, found {found}"))
        };
        let [prompt, index] = ["prompt", "index"].map(|field| entry.get(field));
        let Some(text) = prompt.and_then(Value::as_str).filter(|text| !text.trim().is_empty()) else {
            return problem("prompt", "some text", shown(prompt));
        };
        let Some(number) = index.and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok()) else {
            return problem("index", "a whole number of at least 0", shown(index));
        };
        if let Some(first) = first_uses.insert(number, place) {
            let found = format!("{number}, which data_list[{first}] has too");
            return problem("index", "a number of its own", found);
        }
        let mut sides = [None; 2];
        for (side, field) in sides.iter_mut().zip(["width", "height"]) {
            let Some(value) = entry.get(field) else { continue };
            let pixels = value.as_u64().and_then(|pixels| usize::try_from(pixels).ok());
            *side = pixels.filter(|&pixels| check_size(pixels, pixels).is_ok());
            if side.is_none() {
                return problem(field, "a multiple of 32 from 32 to 4096", shown(Some(value)));
            }
        }
        let [width, height] = sides;
        prompts.push(Prompt { index: number, text: text.to_owned(), width, height });
    }
    Ok(prompts)
}

/// A value in few words.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".into() };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_keep_their_order_and_numbers() {
        let text = r#"{"data_list": [
            {"prompt": "b", "index": 4, "width": 512, "height": 768, "texts": ["x"], "regions": []},
            {"index": 0, "prompt": "a", "height": 32}]}"#;
        let prompt = |index, text: &str, width, height| Prompt { index, text: text.into(), width, height };
        let expected = [prompt(4, "b", Some(512), Some(768)), prompt(0, "a", None, Some(32))];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, problem) in [
            ("a cat", "expected a JSON object, found: expected value at line 1 column 1"),
            ("[]", "data_list: expected a list of prompts, found nothing"),
            (r#"{"data_list": []}"#, "data_list: expected a list of prompts, found []"),
            (r#"{"data_list": [5]}"#, "data_list[0].prompt: expected some text, found nothing"),
            (
                r#"{"data_list": [{"prompt": " ", "index": 0}]}"#,
                "data_list[0].prompt: expected some text, found \" \"",
            ),
            (
                r#"{"data_list": [{"prompt": "a"}]}"#,
                "data_list[0].index: expected a whole number of at least 0, found nothing",
            ),
            (
                r#"{"data_list": [{"prompt": "a", "index": -1}]}"#,
                "data_list[0].index: expected a whole number of at least 0, found -1",
            ),
            (
                r#"{"data_list": [{"prompt": "a", "index": 0, "width": 500}]}"#,
                "data_list[0].width: expected a multiple of 32 from 32 to 4096, found 500",
            ),
            (
                r#"{"data_list": [{"prompt": "a", "index": 0, "width": 64, "height": "64"}]}"#,
                "data_list[0].height: expected a multiple of 32 from 32 to 4096, found \"64\"",
            ),
            (
                r#"{"data_list": [{"prompt": "a", "index": 0, "height": null}]}"#,
                "data_list[0].height: expected a multiple of 32 from 32 to 4096, found null",
            ),
            (
                r#"{"data_list": [{"prompt": "a", "index": 3}, {"prompt": "b", "index": 3}]}"#,
                "data_list[1].index: expected a number of its own, found 3, which data_list[0] has too",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), problem, "{text}");
        }
        assert_eq!(shown(Some(&Value::from("ü".repeat(50)))), format!("\"{}…", "ü".repeat(39)));
    }
}
