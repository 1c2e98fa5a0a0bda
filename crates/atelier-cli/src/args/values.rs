//! Values as they are typed.

use std::ops::RangeInclusive;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A seed as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    Random,
    Number(u64),
}

/// The largest seed: a number that every reader of JSON, browsers among them, keeps exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// A value of a flag that has a few, and its name on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Name<T> {
    name: &'static str,
    help: Option<&'static str>,
    value: T,
}

impl<T> Name<T> {
    pub const fn new(name: &'static str, value: T) -> Self {
        Self { name, help: None, value }
    }

    /// Says more about it in the help.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}

/// Takes one of these names.
pub fn one_of<T: Clone + Send + Sync>(names: &'static [Name<T>]) -> impl TypedValueParser<Value = T> {
    let shown = names.iter().map(|Name { name, help, .. }| PossibleValue::new(name).help(*help));
    PossibleValuesParser::new(shown).try_map(move |typed| {
        let found = names.iter().find(|Name { name, .. }| *name == typed);
        found.map(|found| found.value.clone()).ok_or("expected another value")
    })
}

/// A number in range, or a word for any.
pub fn any_seed(typed: &str) -> Result<Seed, String> {
    match typed.trim() {
        "-1" | "random" => Ok(Seed::Random),
        number => seed(number).map(Seed::Number).map_err(|error| error + ", or random"),
    }
}

pub fn seed(typed: &str) -> Result<u64, String> {
    match typed.parse() {
        Ok(number) if number <= MAX_SEED => Ok(number),
        _ => Err(format!("expected a whole number from 0 to {MAX_SEED}")),
    }
}

/// One number, or the first and the last of several.
pub fn indexes(typed: &str) -> Result<RangeInclusive<usize>, String> {
    let (first, last) = typed.split_once('-').unwrap_or((typed, typed));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(first..=last),
        _ => Err("expected a whole number, or a range such as 10-19".into()),
    }
}

/// At least one.
pub fn layers(typed: &str) -> Result<usize, String> {
    match typed.parse() {
        Ok(layers) if layers > 0 => Ok(layers),
        _ => Err("expected a whole number of at least 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_numbers_or_random() {
        assert_eq!(any_seed("-1"), Ok(Seed::Random));
        assert_eq!(any_seed("random"), Ok(Seed::Random));
        assert_eq!(any_seed("9007199254740991"), Ok(Seed::Number(MAX_SEED)));
        for typed in ["", "-2", "9007199254740992", "99999999999999999999", "1.5", "1e3", "0x1"] {
            let error = any_seed(typed).unwrap_err();
            assert_eq!(error, "expected a whole number from 0 to 9007199254740991, or random", "{typed}");
        }
        assert!(seed("random").is_err());
    }

    #[test]
    fn indexes_are_one_or_several() {
        assert_eq!((indexes("7"), indexes("10-19")), (Ok(7..=7), Ok(10..=19)));
        for typed in ["", "-", "x", "5-", "-5", "9-8", "1-2-3"] {
            assert!(indexes(typed).is_err(), "{typed}");
        }
    }
}
