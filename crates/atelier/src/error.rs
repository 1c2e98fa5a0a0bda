//! What can go wrong, in words that name the place, what was expected and what was found.

use serde::Serialize;

/// An error of the model crate.
///
/// [`Error::is_user_error`] tells bad input (the caller can mend it) from a failure of the machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of a request is out of its range.
    #[error("{}: expected {expected}, found {found}", location(*.field, *.prompt))]
    Request {
        /// The field.
        field: Field,
        /// Of which prompt, counted from 0, where there are several.
        prompt: Option<usize>,
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
    /// A number came up that is none, or infinite.
    #[error(
        "{place}: expected finite numbers, found NaN or infinite ones: a weight of the model, the device or an extreme setting is at fault"
    )]
    NotFinite {
        /// Stage, step and block.
        place: String,
    },
    /// The caller stopped the run.
    #[error("cancelled")]
    Cancelled,
    /// Bytes could not be read or are malformed.
    #[error(transparent)]
    Source(#[from] atelier_weights::Error),
}

macro_rules! fields {
    ($(#[doc = $doc:literal] $field:ident = $name:literal,)*) => {
        /// A field of a request, or of what else a caller sets.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = $doc] $field,)*
        }

        impl Field {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$field,)*];

            /// The name, as requests and the arguments of the command line have it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }
        }
    };
}

fields! {
    /// The text of a prompt.
    Prompt = "prompt",
    /// Width of the picture.
    Width = "width",
    /// Height of the picture.
    Height = "height",
    /// Steps of the painter.
    Steps = "steps",
    /// Guidance scale.
    Guidance = "guidance",
    /// Sampling temperature.
    Temperature = "temperature",
    /// Nucleus sampling.
    TopP = "top_p",
    /// Top-k sampling.
    TopK = "top_k",
    /// Pictures of each prompt.
    ImagesPerPrompt = "images_per_prompt",
    /// What glyph embeddings are padded to.
    GlyphTokens = "glyph_tokens",
    /// Initial noise, or a painted picture before decoding.
    Latents = "latents",
    /// A source image, or a picture of the run.
    Image = "image",
    /// The number of source images.
    Images = "images",
    /// The model's folder.
    Checkpoint = "checkpoint",
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A number as it is typed; a large one without all its zeros.
pub(crate) fn shown(number: f32) -> String {
    if number.is_finite() && number.abs() >= 1e9 { format!("{number:e}") } else { number.to_string() }
}

/// In words, where a trace has a tensor from: `dit_cond.block3_image` is "block 3 (dit_cond.block3_image)".
fn block_of(name: &str) -> String {
    let local = name.rsplit('.').next().unwrap_or(name);
    let whose = if name.contains("glyph.") { "the glyph encoder's " } else { "" };
    for (prefix, word) in [("block", "block"), ("layer", "layer"), ("up", "up block")] {
        let digits: String = local
            .strip_prefix(prefix)
            .into_iter()
            .flat_map(|rest| rest.chars().take_while(char::is_ascii_digit))
            .collect();
        if !digits.is_empty() {
            return format!("{whose}{word} {digits} ({name})");
        }
    }
    name.to_owned()
}

/// Where in a request an error is.
fn location(field: Field, prompt: Option<usize>) -> String {
    match prompt {
        None => field.to_string(),
        Some(prompt) if field == Field::Prompt => format!("prompt {}", prompt + 1),
        Some(prompt) => format!("prompt {}: {field}", prompt + 1),
    }
}

/// What an error is about, for programs that choose what to do or to say by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS, documented::DocumentedFields))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// A field of the request is out of range.
    BadRequest,
    /// A source image cannot be used, or a PNG notes no run.
    BadImage,
    /// A blueprint does not belong to this model or size.
    BadBlueprint,
    /// A file of the model is missing, damaged, or not what it should be.
    BadFile,
    /// There is no graphics adapter, or none as asked for.
    NoAdapter,
    /// The device, or the host, has not enough memory.
    OutOfMemory,
    /// The device failed while computing.
    Compute,
    /// The caller stopped the run.
    Cancelled,
}

impl Error {
    /// What it is about.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Request { .. } => ErrorCode::BadRequest,
            Self::SourceImage { .. } | Self::Png(_) => ErrorCode::BadImage,
            Self::Blueprint { .. } => ErrorCode::BadBlueprint,
            Self::Device(_) => ErrorCode::NoAdapter,
            Self::Buffer { .. } | Self::Source(atelier_weights::Error::NoMemory { .. }) => {
                ErrorCode::OutOfMemory
            }
            Self::Config { .. } | Self::Weights { .. } | Self::Tokenizer { .. } | Self::Source(_) => {
                ErrorCode::BadFile
            }
            Self::Compute(_) | Self::NotFinite { .. } => ErrorCode::Compute,
            Self::Cancelled => ErrorCode::Cancelled,
        }
    }

    /// True when the input is at fault rather than the machine.
    pub fn is_user_error(&self) -> bool {
        !matches!(self, Self::Compute(_) | Self::NotFinite { .. } | Self::Cancelled)
    }

    /// A request field out of range.
    pub(crate) fn request(field: Field, expected: impl Into<String>, found: impl std::fmt::Display) -> Self {
        Self::Request { field, prompt: None, expected: expected.into(), found: found.to_string() }
    }

    /// Numbers of `stage` that are not finite, first in what a trace calls `name`.
    pub(crate) fn not_finite(stage: impl std::fmt::Display, name: Option<&str>) -> Self {
        let place = match name {
            Some(name) => format!("{stage}, {}", block_of(name)),
            None => stage.to_string(),
        };
        Self::NotFinite { place }
    }

    /// The same error of a request's field, with the prompt that it is about, if it is one of several.
    pub(crate) fn of_prompt(mut self, index: usize, prompts: usize) -> Self {
        if let Self::Request { prompt, .. } = &mut self {
            *prompt = (prompts > 1).then_some(index);
        }
        self
    }
}

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
