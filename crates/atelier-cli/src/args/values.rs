//! Values as they are typed.

use std::ops::RangeInclusive;

use atelier::geometry::{MAX_SIDE, TOKEN_PIXELS};
use atelier::rng::MAX_SEED;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::session::memory::GIGABYTES;

/// A seed as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    Random,
    Number(u64),
}

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

/// A whole number in a range.
pub fn whole_in(
    least: usize,
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |typed| match typed.trim().parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from {least} to {most}")),
    }
}

/// A whole number of a request, whose range the library checks.
pub fn whole(
    least: usize,
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |typed| typed.trim().parse().map_err(|_| format!("expected a whole number from {least} to {most}"))
}

/// The side of a picture, which the library checks.
pub fn side(typed: &str) -> Result<usize, String> {
    let range = || format!("expected a multiple of {TOKEN_PIXELS} from {TOKEN_PIXELS} to {MAX_SIDE}");
    typed.trim().parse().map_err(|_| range())
}

/// A number of a request, whose range, which `range` says, the library checks.
pub fn number(range: &'static str) -> impl Fn(&str) -> Result<f32, String> + Clone + Send + Sync + 'static {
    move |typed| typed.trim().parse().map_err(|_| format!("expected a number {range}"))
}

/// A budget of memory.
pub fn gigabytes(typed: &str) -> Result<f64, String> {
    typed.trim().parse().map_err(|_| format!("expected {GIGABYTES}"))
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
    fn a_number_that_is_none_is_told_its_range() {
        for typed in ["", "x", "-1", "1.5", "1e3", "0x1", "99999999999999999999"] {
            let range = Err("expected a whole number from 1 to 9".to_owned());
            assert_eq!((whole(1, 9)(typed), whole_in(1, 9)(typed)), (range.clone(), range), "{typed}");
        }
        assert_eq!((whole(1, 9)("10"), whole_in(1, 9)(" 9 ")), (Ok(10), Ok(9)));
        assert!(whole_in(1, 9)("10").is_err() && whole_in(1, 9)("0").is_err());
        assert_eq!(number("from 0 to 2")("1,5"), Err("expected a number from 0 to 2".into()));
        assert!(gigabytes("8GB").unwrap_err().starts_with("expected a number of GB above 0"));
    }

    #[test]
    fn indexes_are_one_or_several() {
        assert_eq!((indexes("7"), indexes("10-19")), (Ok(7..=7), Ok(10..=19)));
        for typed in ["", "-", "x", "5-", "-5", "9-8", "1-2-3"] {
            assert!(indexes(typed).is_err(), "{typed}");
        }
    }
}
