//! Which model: the one inside the program, or a folder.

mod place;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use atelier::ByteSource;
use atelier_mini::{Mini, NAME};
use atelier_weights::FolderSource;

use crate::error::{Error, Result};

pub use place::{Kind, Place};

/// Names the model where `--model` does not.
const VARIABLE: &str = "ATELIER_MODEL";

/// A model as the user names it; shown as it would be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    BuiltIn,
    Folder(PathBuf),
}

impl From<OsString> for Model {
    /// `mini` means the built-in model wherever it is typed, so that a command does not depend on the folder that it is
    /// run in: a folder of that name is `./mini`.
    fn from(typed: OsString) -> Self {
        if typed == NAME { Self::BuiltIn } else { Self::Folder(typed.into()) }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str(NAME),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

impl Model {
    /// The model to use: the one given, else the one recorded in a picture, else the environment's, else the built-in.
    pub fn choose(given: Option<&Self>, recorded: Option<&str>) -> Self {
        if let Some(given) = given {
            return given.clone();
        }
        let recorded = recorded.map(|recorded| Self::from(OsString::from(recorded)));
        match (recorded, Self::configured()) {
            (Some(recorded), _) if recorded.is_there() => recorded,
            (_, Some(configured)) => configured,
            // A folder that is gone is reported as such: no other model could replace it.
            (recorded, None) => recorded.unwrap_or(Self::BuiltIn),
        }
    }

    /// The environment's model.
    fn configured() -> Option<Self> {
        std::env::var_os(VARIABLE).filter(|typed| !typed.is_empty()).map(Self::from)
    }

    /// Whether the model exists.
    pub fn is_there(&self) -> bool {
        match self {
            Self::BuiltIn => true,
            Self::Folder(path) => path.is_dir(),
        }
    }

    /// The model's files.
    pub fn source(&self) -> Result<Arc<dyn ByteSource>> {
        Ok(match self {
            Self::BuiltIn => Arc::new(Mini),
            Self::Folder(path) => {
                let place = Place::of(path);
                match (&place.folder, place.kind) {
                    (Some(folder), _) => Arc::new(FolderSource::open(folder)?),
                    (None, Kind::Missing) => Arc::new(FolderSource::open(path)?),
                    (None, _) => return Err(Error::input(path, place.problem())),
                }
            }
        })
    }

    /// The name without the path: the folder's own.
    pub fn name(&self) -> String {
        let Self::Folder(path) = self else { return NAME.to_owned() };
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        whole
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// What a picture notes: the name, written so that it is not taken for the built-in model's.
    pub fn noted_name(&self) -> String {
        match self {
            Self::Folder(_) if self.name() == NAME => format!("./{NAME}"),
            _ => self.name(),
        }
    }

    /// The name in a sentence.
    pub fn title(&self) -> String {
        match self {
            Self::BuiltIn => format!("built-in model {NAME}"),
            Self::Folder(_) => self.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_called_mini_is_typed_with_its_place() {
        assert_eq!(Model::from(OsString::from("mini")), Model::BuiltIn);
        for typed in ["./mini", "mini/", "models/mini", "Mini"] {
            let model = Model::from(OsString::from(typed));
            assert_eq!(model, Model::Folder(typed.into()));
            // What is shown is what a picture notes: it must mean the same when read again.
            assert_eq!(Model::from(OsString::from(model.to_string())), model);
        }
        assert_eq!(Model::from(OsString::from(Model::BuiltIn.to_string())), Model::BuiltIn);
    }

    #[test]
    fn what_is_given_wins_over_what_is_recorded() {
        let given = Model::Folder("given".into());
        assert_eq!(Model::choose(Some(&given), Some("mini")), given);
        assert_eq!(Model::choose(None, Some("mini")), Model::BuiltIn);
    }
}
