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

    /// The names in order.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        (1..1_000_000).map(|number| self.path(number))
    }
}

/// The text before a `%d` or `%0Nd`, its digits, and the text after it.
fn pattern(name: &str) -> Option<(&str, usize, &str)> {
    name.match_indices('%').find_map(|(at, _)| {
        let rest = &name[at + 1..];
        let (digits, after) = rest.split_once('d')?;
        let digits = match digits {
            "" => 1,
            _ => digits.strip_prefix('0')?.parse().ok().filter(|digits| (1..=20).contains(digits))?,
        };
        Some((&name[..at], digits, after))
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
        assert_eq!(name("100%.png", 1, 7), "100%.png");
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
