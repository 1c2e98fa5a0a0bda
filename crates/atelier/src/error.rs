//! What can go wrong, in words that name the place, what was expected and what was found.

/// An error of the model crate.
///
/// [`Error::is_user_error`] tells bad input (the caller can mend it) from a failure of the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of a request is out of its range.
    #[error("{field}: expected {expected}, found {found}")]
    Request {
        /// The field, as the command line and the API call it.
        field: &'static str,
        /// The allowed range or form.
        expected: String,
        /// What the caller gave.
        found: String,
    },
    /// A source image cannot be used.
    #[error("source image {index}: expected {expected}, found {found}")]
    SourceImage {
        /// Counted from 0, in the order given.
        index: usize,
        /// The limit.
        expected: String,
        /// What the image has.
        found: String,
    },
    /// A file of the checkpoint is not what the model needs.
    #[error("{file}: {field}: expected {expected}, found {found}")]
    Config {
        /// The file, as the source locates it.
        file: String,
        /// The JSON field.
        field: String,
        /// What the model needs.
        expected: String,
        /// What the file says.
        found: String,
    },
    /// The tensors of a component are not those its configuration calls for.
    #[error("{location}: {problem}")]
    Weights {
        /// The component's folder or file, as the source locates it.
        location: String,
        /// The tensor and what is wrong with it.
        problem: String,
    },
    /// A blueprint does not belong to this model or request.
    #[error("blueprint: {field}: expected {expected}, found {found}")]
    Blueprint {
        /// The JSON field.
        field: &'static str,
        /// What this model or request needs.
        expected: String,
        /// What the blueprint says.
        found: String,
    },
    /// The tokenizer file could not be used.
    #[error("{file}: {problem}")]
    Tokenizer {
        /// The file, as the source locates it.
        file: String,
        /// What the tokenizer library said.
        problem: String,
    },
    /// A PNG cannot be written, or holds no run of ours.
    #[error("PNG: {0}")]
    Png(String),
    /// A device was asked for that this machine does not have.
    #[error("device: {0}")]
    Device(String),
    /// A run would need a buffer that is larger than the device takes.
    #[error(
        "{what} needs a buffer of {bytes} bytes; this device allows {most}: try a smaller picture or fewer source images"
    )]
    Buffer {
        /// What it would hold.
        what: String,
        /// Its bytes.
        bytes: u64,
        /// The most bytes that kernels can be given at once.
        most: u64,
    },
    /// The device failed while computing.
    #[error("the device failed: {0}")]
    Compute(String),
    /// The caller stopped the run.
    #[error("cancelled")]
    Cancelled,
    /// Bytes could not be read or are malformed.
    #[error(transparent)]
    Source(#[from] atelier_weights::Error),
}

impl Error {
    /// True when the input is at fault rather than the machine.
    pub fn is_user_error(&self) -> bool {
        !matches!(self, Self::Compute(_) | Self::Cancelled)
    }

    /// A request field out of range.
    pub(crate) fn request(
        field: &'static str,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Request { field, expected: expected.into(), found: found.to_string() }
    }
}

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
