//! File names for one file or several: `poster-%03d.png`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Digits where the user gave no pattern.
const DIGITS: usize = 3;

/// Where a run's files of one kind go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    folder: PathBuf,
    before: String,
    /// Least digits of the number; `None` for a name without one.
    digits: Option<usize>,
    after: String,
}

impl Names {
    /// Names for `count` files from what the user typed. Several files need a number: where there is no pattern, one is
    /// put before the extension.
    ///
    /// # Errors
    /// Naming `flag` when the name does not end in `extension` or has two patterns.
    pub fn new(flag: &'static str, path: &Path, extension: &str, count: usize) -> Result<Self> {
        let expected = || format!("a file name that ends in .{extension}");
        let shown = path.display();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| !path.as_os_str().to_string_lossy().ends_with(['/', '\\'])) else {
            return Err(Error::flag(flag, expected(), format!("'{shown}'")));
        };
        let (stem, dot_extension) = name.split_at(name.rfind('.').unwrap_or(name.len()));
        if stem.is_empty() || !dot_extension.eq_ignore_ascii_case(&format!(".{extension}")) {
            return Err(Error::flag(flag, expected(), format!("'{shown}'")));
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let (before, digits, after) = match pattern(name) {
            Some((before, digits, after)) if pattern(after).is_none() => {
                (before.into(), Some(digits), after.into())
            }
            Some(_) => {
                return Err(Error::flag(flag, "one number pattern such as %03d", format!("'{shown}'")));
            }
            None if count > 1 => (format!("{stem}-"), Some(DIGITS), dot_extension.to_owned()),
            None => (name.to_owned(), None, String::new()),
        };
        Ok(Self { folder, before, digits, after })
    }

    /// The name of file `number`, counted from 1.
    pub fn path(&self, number: usize) -> PathBuf {
        let Self { folder, before, digits, after } = self;
        let number = digits.map(|digits| format!("{number:0digits$}")).unwrap_or_default();
        folder.join(format!("{before}{number}{after}"))
    }

    /// What the names have in common, for a file beside them: without number and extension.
    pub fn common(&self) -> (&Path, &str) {
        let stem = match self.digits {
            Some(_) => self.before.as_str(),
            None => self.before.rsplit_once('.').map_or(self.before.as_str(), |(stem, _)| stem),
        };
        (&self.folder, stem.trim_end_matches(['-', '_', '.', ' ']))
    }

    /// The names in order.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        (1..1_000_000).map(|number| self.path(number))
    }
}

/// The text before a `%d`, `%Nd` or `%0Nd`, its digits, and the text after it. Before a letter only the last one is meant as
/// a number: `100%discount` is a name.
fn pattern(name: &str) -> Option<(&str, usize, &str)> {
    name.match_indices('%').find_map(|(at, _)| {
        let rest = &name[at + 1..];
        let (typed, after) = rest.split_once('d')?;
        let digits = match typed {
            "" => 1,
            _ => typed.bytes().all(|byte| byte.is_ascii_digit()).then(|| typed.parse().ok()).flatten()?,
        };
        let is_name = !typed.starts_with('0') && after.starts_with(char::is_alphabetic);
        ((1..=20).contains(&digits) && !is_name).then_some((&name[..at], digits, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str, count: usize, number: usize) -> String {
        Names::new("--output", Path::new(typed), "png", count).unwrap().path(number).display().to_string()
    }

    #[test]
    fn numbers_go_where_the_pattern_is() {
        assert_eq!(name("out/a%03d.png", 1, 7), "out/a007.png");
        assert_eq!(name("%d.png", 2, 12), "12.png");
        assert_eq!(name("a%05d-b.PNG", 2, 1234567), "a1234567-b.PNG");
        assert_eq!(name("a%3d.png", 1, 7), "a007.png");
        assert_eq!(name("a%02dth.png", 1, 7), "a07th.png");
    }

    #[test]
    fn a_percent_sign_may_be_part_of_the_name() {
        for typed in
            ["100%.png", "100%discount.png", "5%3days.png", "%.png", "%99d.png", "%+3d.png", "%é%d%ß.png"]
        {
            assert_eq!(name(typed, 1, 7), typed.replace("%d%", "7%"), "{typed}");
        }
        assert_eq!(name("100%discount.png", 2, 2), "100%discount-002.png");
    }

    #[test]
    fn what_names_have_in_common_has_no_number() {
        for (typed, count, common) in [
            ("a/b.png", 1, "b"),
            ("b.png", 2, "b"),
            ("b-%03d.png", 2, "b"),
            ("%d.png", 2, ""),
            ("b_%dc.d.png", 1, "b_%dc.d"),
        ] {
            assert_eq!(
                Names::new("--output", Path::new(typed), "png", count).unwrap().common().1,
                common,
                "{typed}"
            );
        }
    }

    #[test]
    fn several_files_get_numbers_before_the_extension() {
        assert_eq!(name("a.b.png", 1, 1), "a.b.png");
        assert_eq!(name("a.b.png", 2, 2), "a.b-002.png");
    }

    #[test]
    fn other_names_are_refused() {
        for typed in ["", "folder/", "a", "a.jpg", ".png", "..", "%d-%d.png"] {
            let error = Names::new("--output", Path::new(typed), "png", 1).unwrap_err().to_string();
            assert!(error.starts_with("--output: expected"), "{typed}: {error}");
        }
    }
}
