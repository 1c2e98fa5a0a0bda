//! The card of abilities: what a model says it can draw, in `atelier.json` in its folder, which the reference ignores.
//!
//! A model need not have one. It gives a request its defaults and tells what to warn of; nothing is refused for it.

use atelier_weights::checkpoint::CARD;
use atelier_weights::{ByteSource, read_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::pipeline::{MAX_GUIDANCE, MAX_STEPS};
use crate::prompt::check_size;

/// The format that this version reads.
pub const CARD_FORMAT: &str = "atelier-card/1";
/// The longest name of a model, a language or a decoration, in characters.
const LONGEST_NAME: usize = 64;
/// Characters of a wrong value, or of a text, that a message shows.
const SHOWN: usize = 40;
/// Characters that a model cannot draw, of which a message shows so many.
const SHOWN_UNKNOWN: usize = 16;

/// What a model can draw, as it says itself. What is left out is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct Card {
    /// What the model is called.
    pub name: String,
    /// Width and height of the pictures that it was taught, in pixels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<[usize; 2]>>"))]
    pub sizes: Vec<[usize; 2]>,
    /// Sizes between those, which should look sane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_sizes: Option<SizeRule>,
    /// The most texts of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_texts: Option<usize>,
    /// The most characters of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_text: Option<usize>,
    /// What it can draw of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<Alphabet>,
    /// Languages whose texts it was taught, as BCP 47 tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>"))]
    pub languages: Vec<String>,
    /// What it draws beside texts where a prompt asks for it, in a prompt's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>"))]
    pub decorations: Vec<String>,
    /// Steps of the painter where a request does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_steps: Option<usize>,
    /// Guidance where a request does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_guidance: Option<f32>,
    /// Whether it was taught to start from pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads_source_pictures: Option<bool>,
}

/// Sizes of which both sides are multiples of a number, and within limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SizeRule {
    /// Pixels, at least 1.
    pub multiple_of: usize,
    /// Pixels.
    pub least: usize,
    /// Pixels, no less than the least.
    pub most: usize,
}

impl SizeRule {
    fn allows(self, side: usize) -> bool {
        (self.least..=self.most).contains(&side) && side.is_multiple_of(self.multiple_of.max(1))
    }
}

/// Characters, one by one and in ranges. White space needs no place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Alphabet {
    /// One by one.
    #[serde(default)]
    pub characters: String,
    /// In ranges.
    #[serde(default)]
    pub ranges: Vec<CharacterRange>,
}

/// Characters that follow each other in Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CharacterRange {
    /// What people call them.
    pub name: String,
    /// The first.
    pub first: char,
    /// The last, which is among them.
    pub last: char,
}

impl Alphabet {
    /// Whether this character is among them.
    pub fn has(&self, character: char) -> bool {
        self.characters.contains(character)
            || self.ranges.iter().any(|range| (range.first..=range.last).contains(&character))
    }
}

/// What to think of numbers that no whole model makes.
const BROKEN: &str = "the weights are damaged (`atelier verify` tells of a pack), or the device computes wrongly (`atelier doctor --check`)";

/// Something that a request asks of a model and that the model was not taught, or numbers that no whole model makes. It is drawn
/// all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
pub enum Warning {
    /// Quoted texts have characters that the model cannot draw.
    #[error("{model} cannot draw {}", separated(.characters))]
    Characters {
        /// The model's name.
        model: String,
        /// Each once, in the order of the prompts.
        characters: String,
    },
    /// The picture's size was not taught.
    #[error("{model} never learned {width}×{height}: try {}×{}", .nearest[0], .nearest[1])]
    Size {
        /// The model's name.
        model: String,
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
        /// The taught size that is least unlike, width and height in pixels.
        nearest: [usize; 2],
    },
    /// There are more quoted texts than the model was taught.
    #[error("{model} never learned more than {most} texts: the prompt has {texts}")]
    Texts {
        /// The model's name.
        model: String,
        /// How many there are; of several prompts in the one that has most.
        texts: usize,
        /// The most that were taught.
        most: usize,
    },
    /// A quoted text is longer than the model was taught.
    #[error(
        "{model} never learned texts of more than {longest} characters: {} has {length}", quotation(.text)
    )]
    LongText {
        /// The model's name.
        model: String,
        /// The longest text.
        text: String,
        /// How many characters it has.
        length: usize,
        /// The most that were taught.
        longest: usize,
    },
    /// Nearly all of a picture is far from any colour: it cannot be what was asked for.
    #[error(
        "picture {}: {far_pixels} of its {pixels} pixels are far beyond black and white, so that it shows nothing: {BROKEN}",
        image + 1
    )]
    FarPixels {
        /// Counted from 0.
        image: usize,
        /// Its pixels with a value beyond ±2 where black is −1 and white is 1.
        far_pixels: usize,
        /// All its pixels.
        pixels: usize,
    },
    /// The architect is far surer of its first token than any model is: its blueprint cannot be what was asked for.
    #[error("prompt {}: the architect's logits reach {largest}, where some hundred are usual: {BROKEN}", prompt + 1)]
    FarLogits {
        /// Counted from 0.
        prompt: usize,
        /// The largest magnitude, as `1e31`.
        largest: String,
    },
    /// The model was not taught to start from pictures.
    #[error("{model} never learned to start from pictures")]
    Sources {
        /// The model's name.
        model: String,
    },
}

impl Card {
    /// Reads the card of a model; `None` where it has none.
    ///
    /// # Errors
    /// It cannot be read, is no JSON object, is of another format, or a field is not what it should be. Fields that are not
    /// known are passed over: later versions may have more.
    pub async fn read(source: &dyn ByteSource) -> Result<Option<Self>> {
        if source.size(CARD).await?.is_none() {
            return Ok(None);
        }
        let fields: Map<String, Value> = read_json(source, CARD).await?;
        Self::of(&Fields { file: source.locate(CARD), fields: &fields }).map(Some)
    }

    fn of(fields: &Fields<'_>) -> Result<Self> {
        // Another format may have other fields.
        let same = |found: &String| found == CARD_FORMAT;
        fields.required("format", &format!("{CARD_FORMAT:?}"), same)?;
        let is_name = |name: &String| is_name(name);
        let names = format!("a list of names of 1 to {LONGEST_NAME} characters on one line");
        let all_names = |names: &Vec<String>| names.iter().all(is_name);
        let are_sizes = |sizes: &Vec<[usize; 2]>| {
            !sizes.is_empty() && sizes.iter().all(|&[width, height]| check_size(width, height).is_ok())
        };
        let at_least_one = |number: &usize| *number > 0;
        let card = Self {
            name: fields.required(
                "name",
                &format!("a name of 1 to {LONGEST_NAME} characters on one line"),
                is_name,
            )?,
            sizes: fields
                .optional(
                    "sizes",
                    "a list of [width, height], each a multiple of 32 from 32 to 4096",
                    are_sizes,
                )?
                .unwrap_or_default(),
            other_sizes: fields.optional(
                "other_sizes",
                "{\"multiple_of\": at least 1, \"least\": pixels, \"most\": no fewer pixels}",
                |rule: &SizeRule| rule.multiple_of > 0 && rule.least <= rule.most,
            )?,
            most_texts: fields.optional("most_texts", "a whole number of at least 1", at_least_one)?,
            longest_text: fields.optional("longest_text", "a whole number of at least 1", at_least_one)?,
            alphabet: fields.optional(
                "alphabet",
                "{\"characters\": text, \"ranges\": [{\"name\": text, \"first\": a character, \"last\": no earlier one}, …]}",
                |alphabet: &Alphabet| {
                    alphabet.ranges.iter().all(|range| is_name(&range.name) && range.first <= range.last)
                },
            )?,
            languages: fields.optional("languages", &names, all_names)?.unwrap_or_default(),
            decorations: fields.optional("decorations", &names, all_names)?.unwrap_or_default(),
            default_steps: fields.optional(
                "default_steps",
                &format!("a whole number from 1 to {MAX_STEPS}"),
                |steps: &usize| (1..=MAX_STEPS).contains(steps),
            )?,
            default_guidance: fields.optional(
                "default_guidance",
                &format!("a number from 0 to {MAX_GUIDANCE}"),
                |guidance: &f32| (0.0..=MAX_GUIDANCE).contains(guidance),
            )?,
            reads_source_pictures: fields.optional("reads_source_pictures", "true or false", |_: &bool| true)?,
        };
        if card.other_sizes.is_some() && card.sizes.is_empty() {
            return Err(fields.wrong("sizes", "the sizes that \"other_sizes\" are beside"));
        }
        Ok(card)
    }

    /// What this model was not taught of some pictures, each with its quoted texts, its width and its height, and so many
    /// source images; empty where all is well.
    pub fn warnings(&self, pictures: &[(&[String], [usize; 2])], sources: usize) -> Vec<Warning> {
        let model = || self.name.clone();
        let mut warnings = Vec::new();
        let texts = || pictures.iter().flat_map(|(texts, _)| *texts).map(String::as_str);
        if let Some(alphabet) = &self.alphabet {
            let mut characters = String::new();
            for character in texts().flat_map(str::chars) {
                let known = character.is_whitespace() || alphabet.has(character);
                if !known && !characters.contains(character) {
                    characters.push(character);
                }
            }
            if !characters.is_empty() {
                warnings.push(Warning::Characters { model: model(), characters });
            }
        }
        let length = |text: &str| text.chars().count();
        if let (Some(longest), Some(text)) = (self.longest_text, texts().max_by_key(|text| length(text)))
            && length(text) > longest
        {
            let (text, length) = (text.to_owned(), length(text));
            warnings.push(Warning::LongText { model: model(), text, length, longest });
        }
        let texts = pictures.iter().map(|(texts, _)| texts.len()).max().unwrap_or(0);
        if let Some(most) = self.most_texts.filter(|most| texts > *most) {
            warnings.push(Warning::Texts { model: model(), texts, most });
        }
        let unknown = pictures.iter().find_map(|&(_, [width, height])| {
            let nearest = self.known_size(width, height);
            (nearest != [width, height]).then_some((width, height, nearest))
        });
        if let Some((width, height, nearest)) = unknown {
            warnings.push(Warning::Size { model: model(), width, height, nearest });
        }
        if self.reads_source_pictures == Some(false) && sources > 0 {
            warnings.push(Warning::Sources { model: model() });
        }
        warnings
    }

    /// The size itself if it is among those that the model was taught or that should look sane, or if none are known; else the
    /// taught size that is least unlike.
    pub fn known_size(&self, width: usize, height: usize) -> [usize; 2] {
        let asked = [width, height];
        if self.other_sizes.is_some_and(|rule| rule.allows(width) && rule.allows(height)) {
            return asked;
        }
        self.nearest_size(width, height).unwrap_or(asked)
    }

    /// The taught size whose sides differ least, as factors; `None` where none are known.
    fn nearest_size(&self, width: usize, height: usize) -> Option<[usize; 2]> {
        let factor = |side: usize, taught: usize| (side as f64 / taught as f64).ln().powi(2);
        let unlike = |&[w, h]: &[usize; 2]| factor(width, w) + factor(height, h);
        self.sizes.iter().copied().min_by(|a, b| unlike(a).total_cmp(&unlike(b)))
    }
}

/// The fields of a card, and its file for messages.
struct Fields<'a> {
    file: String,
    fields: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn optional<T: DeserializeOwned>(
        &self,
        field: &str,
        expected: &str,
        valid: impl Fn(&T) -> bool,
    ) -> Result<Option<T>> {
        let Some(found) = self.fields.get(field) else { return Ok(None) };
        match T::deserialize(found) {
            Ok(value) if valid(&value) => Ok(Some(value)),
            _ => Err(self.wrong(field, expected)),
        }
    }

    fn required<T: DeserializeOwned>(
        &self,
        field: &str,
        expected: &str,
        valid: impl Fn(&T) -> bool,
    ) -> Result<T> {
        self.optional(field, expected, valid)?.ok_or_else(|| self.wrong(field, expected))
    }

    fn wrong(&self, field: &str, expected: &str) -> Error {
        let found = self.fields.get(field).map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        Error::Config {
            file: self.file.clone(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: shortened(&found),
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().count())
        && !name.trim().is_empty()
        && !name.contains(char::is_control)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quotation(text: &str) -> String {
    format!("“{}”", shortened(text))
}

/// Characters with spaces between them; what would not be seen as one of its own stands as its number.
fn separated(characters: &str) -> String {
    let shown = |character: char| match character {
        // These would be escaped too.
        '\'' | '"' | '\\' => character.to_string(),
        other => other.escape_debug().to_string(),
    };
    let count = characters.chars().count();
    let some: Vec<String> = characters.chars().take(SHOWN_UNKNOWN).map(shown).collect();
    match count.saturating_sub(SHOWN_UNKNOWN) {
        0 => some.join(" "),
        more => format!("{} and {more} more", some.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::QuoteRule;

    fn parse(value: &Value) -> Result<Card, String> {
        let fields = Fields { file: "m/atelier.json".into(), fields: value.as_object().unwrap() };
        Card::of(&fields).map_err(|error| error.to_string())
    }

    fn full() -> Value {
        json!({
            "format": "atelier-card/1",
            "name": "mini",
            "sizes": [[512, 512], [512, 768], [768, 512], [768, 768]],
            "other_sizes": {"multiple_of": 64, "least": 512, "most": 768},
            "most_texts": 2,
            "longest_text": 12,
            "alphabet": {
                "characters": " é'",
                "ranges": [{"name": "A to Z", "first": "A", "last": "Z"}, {"name": "a to z", "first": "a", "last": "z"}],
            },
            "languages": ["en", "fr"],
            "decorations": ["frame"],
            "default_steps": 12,
            "default_guidance": 1.25,
            "reads_source_pictures": false,
            "of_a_later_version": {"x": 1},
        })
    }

    const SIZE: [usize; 2] = [512, 768];

    fn said(pictures: &[(&str, [usize; 2])]) -> Vec<String> {
        warnings(&full(), pictures, 0).iter().map(Warning::to_string).collect()
    }

    fn warnings(card: &Value, pictures: &[(&str, [usize; 2])], sources: usize) -> Vec<Warning> {
        let texts: Vec<_> = pictures.iter().map(|(prompt, _)| QuoteRule::default().texts(prompt)).collect();
        let sizes = pictures.iter().map(|(_, size)| *size);
        let pictures: Vec<_> = texts.iter().map(Vec::as_slice).zip(sizes).collect();
        parse(card).unwrap().warnings(&pictures, sources)
    }

    #[test]
    fn a_card_says_what_it_has_and_leaves_out_what_it_has_not() {
        let card = parse(&full()).unwrap();
        assert_eq!((card.sizes.len(), card.default_steps, card.default_guidance), (4, Some(12), Some(1.25)));
        let alphabet = card.alphabet.as_ref().unwrap();
        assert!("AZaz é'".chars().all(|character| alphabet.has(character)));
        assert!(!"@[`{Éʞ".chars().any(|character| alphabet.has(character)));
        // What is written is what was read.
        let mut written = serde_json::to_value(&card).unwrap();
        written["format"] = CARD_FORMAT.into();
        assert_eq!(parse(&written).unwrap(), card);

        let least = parse(&json!({"format": "atelier-card/1", "name": "x"})).unwrap();
        assert_eq!((least.alphabet.as_ref(), least.default_steps), (None, None));
        let texts = ["ʞ", "b", "c"].map(str::to_owned);
        assert_eq!(least.warnings(&[(&texts, [64, 768])], 1), []);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (field, value, words) in [
            (
                "format",
                json!("atelier-card/2"),
                "format: expected \"atelier-card/1\", found \"atelier-card/2\"",
            ),
            ("format", Value::Null, "format: expected \"atelier-card/1\", found null"),
            ("name", json!(""), "name: expected a name of 1 to 64 characters on one line, found \"\""),
            (
                "name",
                json!("a\nb"),
                "name: expected a name of 1 to 64 characters on one line, found \"a\\nb\"",
            ),
            (
                "sizes",
                json!([[512, 500]]),
                "sizes: expected a list of [width, height], each a multiple of 32 from 32 to 4096, found [[512,500]]",
            ),
            ("sizes", json!([[512]]), "found [[512]]"),
            ("sizes", json!([]), "found []"),
            (
                "other_sizes",
                json!({"multiple_of": 0, "least": 1, "most": 2}),
                "other_sizes: expected {\"multiple_of\": at least 1",
            ),
            ("other_sizes", json!({"multiple_of": 64, "least": 3, "most": 2}), "other_sizes: expected"),
            ("most_texts", json!(0), "most_texts: expected a whole number of at least 1, found 0"),
            ("longest_text", json!(1.5), "longest_text: expected a whole number of at least 1, found 1.5"),
            ("alphabet", json!("A-Z"), "alphabet: expected {\"characters\": text, \"ranges\": [{\"name\""),
            ("alphabet", json!({"ranges": [{"name": "x", "first": "b", "last": "a"}]}), "alphabet: expected"),
            (
                "alphabet",
                json!({"ranges": [{"name": "x", "first": "ab", "last": "b"}]}),
                "alphabet: expected",
            ),
            ("languages", json!(["en", ""]), "languages: expected a list of names"),
            (
                "decorations",
                json!("frame"),
                "decorations: expected a list of names of 1 to 64 characters on one line, found \"frame\"",
            ),
            ("default_steps", json!(-1), "default_steps: expected a whole number from 1 to 1000, found -1"),
            (
                "default_guidance",
                json!(-0.5),
                "default_guidance: expected a number from 0 to 100, found -0.5",
            ),
            (
                "reads_source_pictures",
                json!("no"),
                "reads_source_pictures: expected true or false, found \"no\"",
            ),
        ] {
            let mut card = full();
            card[field] = value;
            let error = parse(&card).unwrap_err();
            assert!(error.starts_with("m/atelier.json: ") && error.contains(words), "{words}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        for field in ["format", "name", "sizes"] {
            let mut card = full();
            card.as_object_mut().unwrap().remove(field);
            let error = parse(&card).unwrap_err();
            assert!(error.starts_with(&format!("m/atelier.json: {field}: expected")), "{error}");
            assert!(error.ends_with("found nothing"), "{error}");
        }
    }

    #[test]
    fn what_was_taught_is_not_warned_of() {
        for prompt in ["", "ʞ without quotes", "'HELLO' and “café”", "it's a dog's life", "a\n\"two\nlines\""]
        {
            assert_eq!(said(&[(prompt, SIZE)]), [""; 0], "{prompt}");
        }
        // By the list, and by the rule.
        for size in [[768, 512], [640, 576]] {
            assert_eq!(said(&[("x", size)]), [""; 0]);
        }
    }

    #[test]
    fn warnings_say_what_and_what_else() {
        let one = |prompt: &str| said(&[(prompt, SIZE)]).join("; ");
        assert_eq!(one("'ʞ'"), "mini cannot draw ʞ");
        assert_eq!(
            one("„aʞ“ «bж» '\"ʞ\u{301}\"'"),
            "mini cannot draw \" ʞ \\u{301} ж; mini never learned more than 2 texts: the prompt has 4"
        );
        let many: String = ('А'..='Т').collect();
        let many = said(&[("'АБ'", SIZE), (&format!("'{many}'"), SIZE)]);
        assert_eq!(many[0], "mini cannot draw А Б В Г Д Е Ж З И Й К Л М Н О П and 3 more");
        assert_eq!(
            one("'abcdefghijkl' 'abcd efghijklm'"),
            "mini never learned texts of more than 12 characters: “abcd efghijklm” has 14"
        );
        for ([width, height], nearest) in [
            ([640, 480], "768×512"),
            ([480, 640], "512×768"),
            ([1024, 1024], "768×768"),
            ([32, 32], "512×512"),
        ] {
            let found = said(&[("", SIZE), ("", [width, height])]);
            assert_eq!(found, [format!("mini never learned {width}×{height}: try {nearest}")]);
        }
        let found = warnings(&full(), &[("", SIZE)], 1);
        assert_eq!(found[0].to_string(), "mini never learned to start from pictures");
    }
}
