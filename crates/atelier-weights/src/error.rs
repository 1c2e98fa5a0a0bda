//! What can go wrong, in words that name the file, the tensor, what was expected and what was found.

use crate::Dtype;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a weight file is refused or cannot be read.
///
/// Every message is one line. `file` fields hold what [`ByteSource::locate`](crate::ByteSource::locate) says; names
/// that come from a file are quoted and shortened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are what the message says they are.
pub enum Error {
    // The source.
    /// A file that has to be there is not.
    #[error("{file}: no such file")]
    MissingFile { file: String },
    /// A component has neither an index nor a single file.
    #[error("no weights found: neither {index} nor {single} exists, nor a variant of theirs (fp16, bf16)")]
    MissingWeights { index: String, single: String },
    /// The folder of a `FolderSource` is missing, or is not a folder.
    #[error("{folder}: {reason}")]
    Folder { folder: String, reason: String },
    /// The source failed: the system's own words are in `reason`.
    #[error("{file}: cannot read: {}", clip(.reason))]
    Read { file: String, reason: String },
    /// A path that could leave the source.
    #[error("path {} is refused: expected a relative path without \"..\" or backslashes", quote(.path))]
    UnsafePath { path: String },
    /// Fewer bytes than asked for.
    #[error("{file}: expected bytes {start} to {end}, found {found} bytes")]
    ShortRead { file: String, start: u64, end: u64, found: u64 },
    /// A file that is read whole is longer than a file of its kind can be.
    #[error("{file}: expected at most {limit} bytes, found {size}")]
    TooLong { file: String, size: u64, limit: u64 },
    /// Not the JSON that was expected; `reason` ends with the line and column.
    #[error("{file}: {}", clip(.reason))]
    Json { file: String, reason: String },
    /// Text that is not UTF-8.
    #[error("{file}: expected UTF-8 text, found an invalid byte at offset {offset}")]
    NotUtf8 { file: String, offset: usize },

    // One safetensors file.
    /// Too short for the header length.
    #[error("{file}: expected a safetensors file of at least 8 bytes, found {size}")]
    TooShort { file: String, size: u64 },
    /// A header length over [`MAX_HEADER`](crate::MAX_HEADER).
    #[error("{file}: expected a header of at most {limit} bytes, found a header length of {length}")]
    HeaderTooLong { file: String, length: u64, limit: u64 },
    /// A header length that runs past the end.
    #[error("{file}: expected a header of {length} bytes, found a file of {size} bytes in all")]
    HeaderBeyondEnd { file: String, length: u64, size: u64 },
    /// The header is not UTF-8.
    #[error("{file}: expected a UTF-8 header, found an invalid byte at header offset {offset}")]
    HeaderNotUtf8 { file: String, offset: usize },
    /// The header is not the JSON that was expected; `reason` ends with the line and column.
    #[error("{file}: bad header: {}", clip(.reason))]
    HeaderJson { file: String, reason: String },
    /// A name that is in the header twice.
    #[error("{file}: tensor {}: found twice in the header", quote(.tensor))]
    DuplicateTensor { file: String, tensor: String },
    /// A dtype that the format does not have.
    #[error("{file}: tensor {}: unknown dtype {}", quote(.tensor), quote(.dtype))]
    UnknownDtype { file: String, tensor: String, dtype: String },
    /// The end offset is before the start offset.
    #[error("{file}: tensor {}: data offsets are reversed: [{start}, {end}]", quote(.tensor))]
    OffsetsReversed { file: String, tensor: String, start: u64, end: u64 },
    /// The data ends after the file.
    #[error("{file}: tensor {}: data ends at offset {end}, but the file has {found} bytes of data", quote(.tensor))]
    OffsetsOutside { file: String, tensor: String, end: u64, found: u64 },
    /// Two tensors share bytes.
    #[error("{file}: tensor {}: overlaps the tensor before it: expected start offset {expected}, found {found}", quote(.tensor))]
    Overlap { file: String, tensor: String, expected: u64, found: u64 },
    /// Bytes that belong to no tensor, before this one.
    #[error("{file}: tensor {}: there is a gap before it: expected start offset {expected}, found {found}", quote(.tensor))]
    Gap { file: String, tensor: String, expected: u64, found: u64 },
    /// The shape has more elements than can be counted.
    #[error("{file}: tensor {}: {dtype} of shape {} is too large to address", quote(.tensor), dims(.shape))]
    ShapeOverflow { file: String, tensor: String, dtype: Dtype, shape: Vec<usize> },
    /// A dtype of less than a byte, and elements that do not fill whole bytes.
    #[error("{file}: tensor {}: {dtype} of shape {} does not fill whole bytes", quote(.tensor), dims(.shape))]
    PartialByte { file: String, tensor: String, dtype: Dtype, shape: Vec<usize> },
    /// Shape and dtype disagree with the offsets.
    #[error("{file}: tensor {}: {dtype} of shape {} takes {expected} bytes, found {found}", quote(.tensor), dims(.shape))]
    SizeMismatch { file: String, tensor: String, dtype: Dtype, shape: Vec<usize>, expected: u64, found: u64 },
    /// The header accounts for another number of bytes than the file has.
    #[error("{file}: expected {expected} bytes by its header, found {found}")]
    FileSize { file: String, expected: u64, found: u64 },

    // An index and its shards.
    /// An index that lists nothing.
    #[error("{file}: weight_map is empty")]
    EmptyIndex { file: String },
    /// A shard name that is not a plain file name.
    #[error("{file}: tensor {}: expected a plain shard file name, found {}", quote(.tensor), quote(.shard))]
    ShardName { file: String, tensor: String, shard: String },
    /// A shard that the index names is not there.
    #[error("{file}: shard {} is missing: no such file: {location}", quote(.shard))]
    MissingShard { file: String, shard: String, location: String },
    /// The index puts a tensor in a shard that does not hold it.
    #[error("{file}: tensor {}: expected in shard {}, not found there", quote(.tensor), quote(.shard))]
    NotInShard { file: String, tensor: String, shard: String },
    /// A shard holds a tensor that the index does not list.
    #[error("{file}: tensor {}: found in shard {}, but the index does not list it", quote(.tensor), quote(.shard))]
    NotInIndex { file: String, tensor: String, shard: String },
    /// Two shards hold a tensor of one name.
    #[error("{file}: tensor {}: expected in shard {} only, found in {} too", quote(.tensor), quote(.shard), quote(.other))]
    TwoShards { file: String, tensor: String, shard: String, other: String },

    // A pack.
    /// The manifest contradicts itself, a shard, or this program.
    #[error("{file}: {}", clip(.reason))]
    Pack { file: String, reason: String },
    /// Other bytes than those that were packed.
    #[error("{file}: expected SHA-256 {expected}, found {found}: the file is damaged; download it again")]
    Hash { file: String, expected: String, found: String },

    // Reading a tensor.
    /// No tensor of that name.
    #[error("{file}: tensor {}: not found", quote(.tensor))]
    NoTensor { file: String, tensor: String },
    /// The tensor's dtype is not one that this read converts.
    #[error("{file}: tensor {}: expected {expected}, found {found}", quote(.tensor))]
    WrongDtype { file: String, tensor: String, expected: &'static str, found: Dtype },
    /// NaN or infinity among the weights, at a flat row-major index.
    #[error("{file}: tensor {}: expected finite numbers, found {value} at flat index {index}", quote(.tensor))]
    NotFinite { file: String, tensor: String, index: usize, value: f32 },
    /// Rows that the tensor does not have.
    #[error("{file}: tensor {}: rows {start} to {end} asked for, found shape {}", quote(.tensor), dims(.shape))]
    NoRows { file: String, tensor: String, start: usize, end: usize, shape: Vec<usize> },
    /// More elements than fit in this machine's memory.
    #[error("{file}: tensor {}: {bytes} bytes do not fit in memory", quote(.tensor))]
    NoMemory { file: String, tensor: String, bytes: u64 },
}

impl Error {
    /// The file that is at fault, as the source locates it, if it is one file.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::MissingFile { file }
            | Self::Read { file, .. }
            | Self::ShortRead { file, .. }
            | Self::TooLong { file, .. }
            | Self::Json { file, .. }
            | Self::NotUtf8 { file, .. }
            | Self::TooShort { file, .. }
            | Self::HeaderTooLong { file, .. }
            | Self::HeaderBeyondEnd { file, .. }
            | Self::HeaderNotUtf8 { file, .. }
            | Self::HeaderJson { file, .. }
            | Self::DuplicateTensor { file, .. }
            | Self::UnknownDtype { file, .. }
            | Self::OffsetsReversed { file, .. }
            | Self::OffsetsOutside { file, .. }
            | Self::Overlap { file, .. }
            | Self::Gap { file, .. }
            | Self::ShapeOverflow { file, .. }
            | Self::PartialByte { file, .. }
            | Self::SizeMismatch { file, .. }
            | Self::FileSize { file, .. }
            | Self::EmptyIndex { file }
            | Self::ShardName { file, .. }
            | Self::MissingShard { file, .. }
            | Self::NotInShard { file, .. }
            | Self::NotInIndex { file, .. }
            | Self::TwoShards { file, .. }
            | Self::Pack { file, .. }
            | Self::Hash { file, .. }
            | Self::NoTensor { file, .. }
            | Self::WrongDtype { file, .. }
            | Self::NotFinite { file, .. }
            | Self::NoRows { file, .. }
            | Self::NoMemory { file, .. } => Some(file),
            Self::MissingWeights { single: file, .. } => Some(file),
            Self::Folder { .. } | Self::UnsafePath { .. } => None,
        }
    }
}

/// Shortens text that a file chose: a hostile header must not write pages into a terminal or break the line.
fn clip(text: &str) -> String {
    const HEAD: usize = 200;
    const TAIL: usize = 60;
    let clean: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match (clean.first_chunk::<HEAD>(), clean.last_chunk::<TAIL>()) {
        (Some(head), Some(tail)) if clean.len() > HEAD + TAIL => {
            head.iter().chain(&['…']).chain(tail).collect()
        }
        _ => clean.into_iter().collect(),
    }
}

fn quote(name: &str) -> String {
    clip(&format!("{name:?}"))
}

fn dims(shape: &[usize]) -> String {
    clip(&format!("{shape:?}"))
}
