//! The text that the architect reads: sources, prompt, size suffix (spec 3.2, 3.3).

use super::{Grid, PromptTokenizer, TargetGrids};
use crate::error::{Error, Field, Result};

/// Names of the tokens that the template is made of. They are those of the public checkpoint whatever the ids
/// are.
const IMAGE_START: &str = "<|dit_token_16384|>";
const IMAGE_END: &str = "<|dit_token_16385|>";
const IMAGE: &str = "<|image|>";
const GRID_START: &str = "<sop>";
const GRID_END: &str = "<eop>";

/// Ids that the checkpoint's `config.json` gives to the tokens around images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `image_start_token_id`, before the tokens of an image.
    pub image_start: u32,
    /// `image_end_token_id`, after them; also the end of the architect's output.
    pub image_end: u32,
    /// `image_token_id`, the placeholder for one code of a source image.
    pub image_token: u32,
}

/// A prompt as the architect reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPrompt {
    /// Token ids with image placeholders, see [`resolve_sources`].
    pub ids: Vec<u32>,
    /// Sources and large grid, or large and draft grid: the reference's `image_grid_thw` (spec 3.3).
    pub grids: Vec<Grid>,
    /// How many of the leading [`grids`](Self::grids) are source images.
    pub sources: usize,
    /// The grids of the target.
    pub target: TargetGrids,
}

impl EncodedPrompt {
    /// The grids of the source images, in order.
    pub fn source_grids(&self) -> &[Grid] {
        self.grids.get(..self.sources).unwrap_or_default()
    }

    /// The grids that the architect writes, in the order of writing: draft and large, or large alone (spec
    /// 4.3).
    pub fn written_grids(&self) -> Vec<Grid> {
        if self.sources == 0 { vec![self.target.draft, self.target.large] } else { vec![self.target.large] }
    }
}

/// Encodes a prompt for text to image (no sources) or image to image (spec 3.2).
///
/// The whole text is encoded at once, as the reference does.
///
/// # Errors
///
/// [`Error::Request`] with field `prompt` when the prompt is blank; [`Error::Tokenizer`] when the tokenizer
/// lacks a token of the template or numbers it otherwise than the configuration.
pub fn encode_prompt(
    tokenizer: &PromptTokenizer,
    special: SpecialTokens,
    prompt: &str,
    source_grids: &[Grid],
    target: TargetGrids,
) -> Result<EncodedPrompt> {
    if prompt.trim().is_empty() {
        return Err(Error::request(Field::Prompt, "some text", "only white space or nothing"));
    }
    check_tokens(tokenizer, special)?;
    let ids = tokenizer.encode(&template(prompt, source_grids, target))?;
    let mut grids = source_grids.to_vec();
    grids.push(target.large);
    if source_grids.is_empty() {
        grids.push(target.draft);
    }
    Ok(EncodedPrompt { ids, grids, sources: source_grids.len(), target })
}

/// The whole text: no roles, no separators, no line ends.
fn template(prompt: &str, source_grids: &[Grid], target: TargetGrids) -> String {
    let mut text = String::new();
    for grid in source_grids {
        text.push_str(IMAGE_START);
        text.push_str(&IMAGE.repeat(grid.len()));
        text.push_str(IMAGE_END);
    }
    text.push_str(prompt);
    push_size(&mut text, target.large);
    if source_grids.is_empty() {
        push_size(&mut text, target.draft);
    }
    text.push_str(IMAGE_START);
    text
}

fn push_size(text: &mut String, grid: Grid) {
    text.push_str(&format!("{GRID_START}{} {}{GRID_END}", grid.rows, grid.columns));
}

/// Tokenizer and configuration must agree, or images would start at the wrong id.
fn check_tokens(tokenizer: &PromptTokenizer, special: SpecialTokens) -> Result<()> {
    tokenizer.token_id(GRID_START)?;
    tokenizer.token_id(GRID_END)?;
    for (token, expected) in
        [(IMAGE_START, special.image_start), (IMAGE_END, special.image_end), (IMAGE, special.image_token)]
    {
        let found = tokenizer.token_id(token)?;
        if found != expected {
            let what = format!("token {token}: expected id {expected} as in config.json, found {found}");
            return Err(tokenizer.problem(what));
        }
    }
    Ok(())
}

/// Puts the codes of the source images, row by row and image after image, in the place of the placeholders
/// (spec 3.3).
///
/// # Shapes
///
/// `ids` `[seq]`, `vq_ids` `[sum of the source grids]` → `[seq]`.
///
/// # Errors
///
/// [`Error::Request`] with field `prompt` when there are not as many placeholders as codes: the template
/// writes the right number, so the prompt itself contains the placeholder.
pub fn resolve_sources(ids: &[u32], image_token: u32, vq_ids: &[u32]) -> Result<Vec<u32>> {
    let placeholders = ids.iter().filter(|&&id| id == image_token).count();
    if placeholders != vq_ids.len() {
        let expected =
            format!("no {IMAGE} in the text ({} placeholders for the source images)", vq_ids.len());
        return Err(Error::request(Field::Prompt, expected, format!("{placeholders} placeholders")));
    }
    let mut codes = vq_ids.iter().copied();
    let resolve = |&id: &u32| if id == image_token { codes.next().unwrap_or(id) } else { id };
    Ok(ids.iter().map(resolve).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_names_large_and_draft() {
        let text = template("a cat", &[], TargetGrids::for_size(1024, 512));
        assert_eq!(text, "a cat<sop>16 32<eop><sop>11 22<eop><|dit_token_16384|>");
    }

    #[test]
    fn sources_come_first_and_leave_out_the_draft() {
        let text = template("a cat", &[Grid { rows: 1, columns: 2 }], TargetGrids::for_size(64, 64));
        let expected =
            "<|dit_token_16384|><|image|><|image|><|dit_token_16385|>a cat<sop>2 2<eop><|dit_token_16384|>";
        assert_eq!(text, expected);
    }

    #[test]
    fn placeholders_take_the_codes_in_order() {
        assert_eq!(resolve_sources(&[5, 9, 9, 6, 9], 9, &[1, 2, 3]).unwrap(), [5, 1, 2, 6, 3]);
        assert_eq!(resolve_sources(&[5, 6], 9, &[]).unwrap(), [5, 6]);
    }

    #[test]
    fn a_placeholder_in_the_prompt_is_refused() {
        for codes in [&[][..], &[1], &[1, 2, 3]] {
            let error = resolve_sources(&[5, 9, 9, 6], 9, codes).unwrap_err();
            assert!(matches!(error, Error::Request { field: Field::Prompt, .. }), "{error}");
        }
    }
}
