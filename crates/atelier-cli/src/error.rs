//! What can go wrong, in one line, and the exit code that goes with it.

use std::io;
use std::path::Path;

use atelier::Field;
use clap::CommandFactory;

use crate::args::Cli;

/// An error as the user reads it after `error: `.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag's value, or what is missing from the command line.
    #[error("{flag}: expected {expected}, found {found}")]
    Flag { flag: &'static str, expected: String, found: String },
    /// A file that is there and is not what it should be.
    #[error("{location}: {problem}")]
    Input { location: String, problem: String },
    /// A file that cannot be read.
    #[error("{location}: cannot read: {error}")]
    Read { location: String, error: io::Error },
    /// A file that cannot be written: no permission, no folder, no space.
    #[error("{location}: cannot write: {error}")]
    Write { location: String, error: io::Error },
    /// The library's own, in the command line's words.
    #[error("{}", in_flags(.0))]
    Model(atelier::Error),
    /// More device memory is needed than there may be.
    #[error(
        "{stage} needs {:.3} GB but the budget is {:.3} GB; use --vram-budget {:.2} or more",
        *needed as f64 / 1e9,
        *budget as f64 / 1e9,
        (*needed as f64 / 1e7).ceil() / 1e2
    )]
    Budget { stage: &'static str, needed: u64, budget: u64 },
    /// More memory is needed than there is.
    #[error(
        "{stage} needs {:.3} GB of memory but {whose} has {:.3} GB free: {advice}",
        *needed as f64 / 1e9,
        *free as f64 / 1e9
    )]
    Memory { stage: &'static str, needed: u64, free: u64, whose: &'static str, advice: String },
    /// Part of the program, or of a driver, gave up.
    #[error("the run failed: {0}")]
    Crash(String),
    /// `atelier doctor --check` found something.
    #[error("{0}")]
    Broken(String),
    /// Ctrl-C.
    #[error("cancelled")]
    Cancelled,
}

/// The result of everything fallible in this program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn flag(flag: &'static str, expected: impl Into<String>, found: impl std::fmt::Display) -> Self {
        Self::Flag { flag, expected: expected.into(), found: found.to_string() }
    }

    pub fn input(path: impl AsRef<Path>, problem: impl std::fmt::Display) -> Self {
        Self::Input { location: path.as_ref().display().to_string(), problem: problem.to_string() }
    }

    pub fn read(path: impl AsRef<Path>, error: io::Error) -> Self {
        Self::Read { location: path.as_ref().display().to_string(), error }
    }

    pub fn write(path: impl AsRef<Path>, error: io::Error) -> Self {
        Self::Write { location: path.as_ref().display().to_string(), error }
    }

    /// 2 for what the user can mend, 1 for what the machine did, 3 for too little memory, 130 for Ctrl-C.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Cancelled => 130,
            Self::Crash(_) | Self::Broken(_) => 1,
            Self::Budget { .. } | Self::Memory { .. } | Self::Model(atelier::Error::Buffer { .. }) => 3,
            Self::Model(error) => 1 + i32::from(error.is_user_error()),
            _ => 2,
        }
    }
}

impl From<atelier::Error> for Error {
    fn from(error: atelier::Error) -> Self {
        match error {
            atelier::Error::Cancelled => Self::Cancelled,
            other => Self::Model(other),
        }
    }
}

impl From<atelier_weights::Error> for Error {
    fn from(error: atelier_weights::Error) -> Self {
        Self::Model(error.into())
    }
}

/// The library names fields; the user typed the arguments of the same names.
fn in_flags(error: &atelier::Error) -> String {
    match error {
        atelier::Error::Request { field, prompt: None, expected, found } => {
            format!("{}: expected {expected}, found {found}", argument(*field))
        }
        other => other.to_string(),
    }
}

/// How an argument is typed.
fn argument(field: Field) -> String {
    let program = Cli::command();
    let mut arguments = program.get_subcommands().flat_map(clap::Command::get_arguments);
    let long = arguments.find(|argument| argument.get_id() == field.name()).and_then(clap::Arg::get_long);
    long.map_or_else(|| field.to_string(), |long| format!("--{long}"))
}

/// Text from outside on one line of a terminal: control characters, which could steer it, become spaces.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind; the library's own are in the crate `tests`.
    #[test]
    fn messages() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let field = |field, prompt| {
            let (expected, found) = ("at least 1".into(), "0".into());
            Error::from(atelier::Error::Request { field, prompt, expected, found })
        };
        let errors = [
            Error::flag("--steps", "at least 1", 0),
            Error::input("a.png", "expected a PNG, found text"),
            Error::read("a.png", denied()),
            Error::write("a.png", denied()),
            field(Field::ImagesPerPrompt, None),
            field(Field::Prompt, Some(1)),
            Error::Budget { stage: "painter", needed: 5_400_000_000, budget: 4_000_000_000 },
            Error::Crash("lost".into()),
            Error::Cancelled,
        ];
        let text: String = errors.iter().map(|error| format!("{}: {error}\n", error.exit_code())).collect();
        testkit::assert_snapshot("messages.txt", &text);
    }

    #[test]
    fn every_field_is_an_argument() {
        let program = Cli::command();
        for field in Field::ALL {
            let mut arguments = program.get_subcommands().flat_map(clap::Command::get_arguments);
            assert!(arguments.any(|argument| argument.get_id() == field.name()), "{field}");
        }
        let typed = [Field::Prompt, Field::Images, Field::TopP, Field::Checkpoint].map(argument);
        assert_eq!(typed, ["prompt", "--images", "--top-p", "checkpoint"]);
    }

    #[test]
    fn bad_input_is_2_and_a_failing_device_is_1() {
        assert_eq!(Error::flag("--steps", "at least 1", 0).exit_code(), 2);
        assert_eq!(Error::from(atelier::Error::Device("none".into())).exit_code(), 2);
        assert_eq!(Error::from(atelier::Error::Compute("lost".into())).exit_code(), 1);
        assert_eq!(Error::Crash("lost".into()).exit_code(), 1);
        assert_eq!(Error::from(atelier::Error::Cancelled).exit_code(), 130);
    }
}
