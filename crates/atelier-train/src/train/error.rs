//! What can go wrong in training.

use std::path::PathBuf;

use thiserror::Error;

use crate::data::{DataError, LayoutError};

/// Why a training stops.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The data generator.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data generator.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The model.
    #[error(transparent)]
    Model(#[from] atelier::Error),
    /// The gradients are no numbers any more.
    #[error("the gradients of step {step} are not finite: resume from the last checkpoint with a lower rate")]
    Diverged {
        /// Steps taken before.
        step: u64,
    },
    /// A file cannot be read or written.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A stage needs what another one makes.
    #[error("{path}: not found; run the {stage} training first")]
    Missing {
        /// The missing file.
        path: PathBuf,
        /// Which training makes it.
        stage: &'static str,
    },
    /// A tensor could not be read back.
    #[error("the device failed: {0}")]
    Device(String),
}

/// The result of training.
pub type Result<T> = std::result::Result<T, TrainError>;

impl TrainError {
    /// An error about a file.
    pub fn file(path: impl Into<PathBuf>, problem: impl ToString) -> Self {
        Self::File { path: path.into(), problem: problem.to_string() }
    }
}
