//! The rules that a checkpoint's configurations must keep, each stated with its field.

use atelier_weights::{ByteSource, read_json};
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// One of a checkpoint's configuration files.
pub(crate) trait ConfigFile: DeserializeOwned {
    /// Its path in the folder.
    const FILE: &str;

    /// What must hold between its numbers for the model to be computable at all.
    ///
    /// # Errors
    /// [`Error::Config`] for the first rule that does not hold.
    fn check(&self, rules: &Rules<'_>) -> Result<()>;

    /// Reads and checks the file.
    ///
    /// # Errors
    /// It is missing or malformed, or as [`ConfigFile::check`].
    async fn read(source: &dyn ByteSource) -> Result<Self> {
        let config: Self = read_json(source, Self::FILE).await?;
        config.check(&Rules { source, file: Self::FILE })?;
        Ok(config)
    }
}

/// States a rule on one field and names file and field when it does not hold.
pub(crate) struct Rules<'a> {
    pub source: &'a dyn ByteSource,
    pub file: &'static str,
}

impl Rules<'_> {
    /// A number above this in a size field is a damaged file, not a model.
    const LARGEST: usize = 1 << 24;
    /// Many times the layers of any published model.
    const MOST_LAYERS: usize = 1000;

    pub fn hold(
        &self,
        holds: bool,
        field: &str,
        expected: &str,
        found: impl std::fmt::Display,
    ) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(Error::Config {
            file: self.source.locate(self.file),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
        })
    }

    pub fn size(&self, field: &str, value: usize) -> Result<()> {
        let expected = format!("1 to {}", Self::LARGEST);
        self.hold((1..=Self::LARGEST).contains(&value), field, &expected, value)
    }

    /// Layers are walked one by one before a single weight is seen, so their number has a limit of its own.
    pub fn layers(&self, field: &str, value: usize) -> Result<()> {
        let expected = format!("1 to {}", Self::MOST_LAYERS);
        self.hold((1..=Self::MOST_LAYERS).contains(&value), field, &expected, value)
    }

    pub fn multiple(&self, field: &str, value: usize, of: &str, divisor: usize) -> Result<()> {
        self.size(field, value)?;
        self.hold(value.is_multiple_of(divisor), field, &format!("a multiple of {of} ({divisor})"), value)
    }

    pub fn equal(&self, field: &str, value: usize, expected: usize) -> Result<()> {
        self.hold(value == expected, field, &expected.to_string(), value)
    }
}
