//! Which weights are packed how.

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::{Error, Result, Scheme};

/// How a rule has a matrix stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As the checkpoint has it.
    Keep,
    /// [`Scheme::Q8`].
    Q8,
    /// [`Scheme::Q4`].
    Q4,
    /// [`Scheme::Q4Offset`].
    Q4Offset,
}

/// One line of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names as `component/tensor`; `*` stands for any characters.
    pub tensors: String,
    /// How they are stored.
    #[serde(rename = "treatment")]
    pub encoding: Encoding,
}

/// Rules, of which the first that matches a matrix decides. What is not a matrix of a linear layer or an embedding is
/// always kept, and so is a matrix whose columns do not fill blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name, which packs carry.
    pub name: String,
    /// In order.
    pub rules: Vec<Rule>,
    /// Where no rule matches.
    pub otherwise: Encoding,
}

/// What every scheme leaves at the checkpoint's own precision: where an error reaches every token or every pixel, and a
/// few weights decide.
const KEPT: &[&str] = &[
    "transformer/image_projector.*",
    "transformer/time_condition_embed.*",
    "transformer/norm_out.*",
    "transformer/proj_out.*",
];

/// What four-bit schemes keep at eight bits: modulation, the codes' embedding, the glyph encoder, which is small, and what
/// reads source images, where a flipped code is seen at once.
const EIGHT_BITS: &[&str] = &[
    "transformer/transformer_blocks.*.norm1.*",
    "transformer/prior_token_embedding.*",
    "text_encoder/*",
    "vision_language_encoder/model.visual.*",
];

impl Policy {
    /// Everything as the checkpoint has it.
    pub fn keep() -> Self {
        Self { name: "keep".to_owned(), rules: Vec::new(), otherwise: Encoding::Keep }
    }

    /// Matrices at eight bits.
    pub fn q8() -> Self {
        Self::of("q8", &[], Encoding::Q8)
    }

    /// Matrices at four bits.
    pub fn q4() -> Self {
        Self::of("q4", &[], Encoding::Q4)
    }

    /// Four bits with an offset; of the architect, whose errors are felt most, embedding, attention and head at eight.
    pub fn mixed() -> Self {
        let architect = [
            ("vision_language_encoder/lm_head.*", Encoding::Q8),
            ("vision_language_encoder/*.embed_tokens.*", Encoding::Q8),
            ("vision_language_encoder/*.self_attn.*", Encoding::Q8),
        ];
        Self::of("mixed", &architect, Encoding::Q4Offset)
    }

    fn of(name: &str, first: &[(&str, Encoding)], otherwise: Encoding) -> Self {
        let rule = |tensors: &str, encoding| Rule { tensors: tensors.to_owned(), encoding };
        let mut rules: Vec<Rule> = KEPT.iter().map(|tensors| rule(tensors, Encoding::Keep)).collect();
        if otherwise != Encoding::Q8 {
            rules.extend(EIGHT_BITS.iter().map(|tensors| rule(tensors, Encoding::Q8)));
        }
        rules.extend(first.iter().map(|&(tensors, encoding)| rule(tensors, encoding)));
        Self { name: name.to_owned(), rules, otherwise }
    }

    /// Reads a policy from JSON. `file` is its name in messages.
    ///
    /// # Errors
    /// Not the JSON of a policy, or a name that is empty or longer than 64 characters.
    pub fn from_json(file: &str, text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Json { file: file.to_owned(), reason };
        let policy: Self = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        if policy.name.is_empty() || policy.name.chars().count() > 64 {
            return Err(refuse("name: expected 1 to 64 characters".to_owned()));
        }
        Ok(policy)
    }

    /// How the matrix `component/name` of so many columns is packed; `stored` is how the checkpoint has it.
    pub fn scheme(&self, component: &str, name: &str, columns: usize, stored: Scheme) -> Scheme {
        let name = format!("{component}/{name}");
        let rule = self.rules.iter().find(|rule| WildMatch::new(&rule.tensors).matches(&name));
        let wanted = match rule.map_or(self.otherwise, |rule| rule.encoding) {
            Encoding::Keep => stored,
            Encoding::Q8 => Scheme::Q8,
            Encoding::Q4 => Scheme::Q4,
            Encoding::Q4Offset => Scheme::Q4Offset,
        };
        if columns.is_multiple_of(wanted.multiple()) { wanted } else { stored }
    }

    /// The rules that match none of the names, which are `component/tensor`: usually typing errors.
    pub fn unmatched<'a>(&'a self, names: &[String]) -> Vec<&'a str> {
        let matches = |rule: &Rule| names.iter().any(|name| WildMatch::new(&rule.tensors).matches(name));
        self.rules.iter().filter(|rule| !matches(rule)).map(|rule| rule.tensors.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = Policy::from_json(
            "p.json",
            r#"{"name": "mine", "otherwise": "q4", "rules": [
                {"tensors": "a/*.weight", "treatment": "keep"}, {"tensors": "a/*", "treatment": "q8"}]}"#,
        )
        .unwrap();
        let scheme = |component, name| policy.scheme(component, name, 64, Scheme::Bf16);
        assert_eq!(scheme("a", "x.weight"), Scheme::Bf16);
        assert_eq!(scheme("a", "x.other"), Scheme::Q8);
        assert_eq!(scheme("b", "x.weight"), Scheme::Q4);
        assert_eq!(policy.unmatched(&["a/y".into()]), ["a/*.weight"]);
    }

    #[test]
    fn rows_that_do_not_fill_blocks_are_kept() {
        assert_eq!(Policy::q4().scheme("transformer", "x", 40, Scheme::F16), Scheme::F16);
        assert_eq!(Policy::q4().scheme("transformer", "x", 64, Scheme::F16), Scheme::Q4);
    }

    #[test]
    fn what_is_not_a_policy_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"name": "", "otherwise": "q4", "rules": []}"#,
            r#"{"name": "x", "otherwise": "q5", "rules": []}"#,
            r#"{"name": "x", "otherwise": "q4", "rules": [], "more": 1}"#,
        ] {
            let error = Policy::from_json("p.json", text).unwrap_err();
            assert!(error.to_string().starts_with("p.json: "), "{error}");
        }
    }
}
