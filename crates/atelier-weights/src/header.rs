//! The header of a safetensors file: 8 bytes of length, JSON, data.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::json::Entries;
use crate::source::read_exact;
use crate::{ByteSource, Dtype, Error, Result};

/// The longest header that is read, in bytes.
pub const MAX_HEADER: u64 = 100_000_000;

/// Bytes of the header length at the start of a file.
const PREFIX: u64 = 8;

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Dimensions, row-major, empty for a scalar.
    pub shape: Vec<usize>,
    /// Where the data is, in bytes from the start of the file.
    pub range: Range<u64>,
}

/// What a safetensors file says it holds, checked against its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorInfo>,
    /// The free text of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
    /// Where the data starts, in bytes from the start of the file.
    pub data_start: u64,
}

impl Header {
    /// Parses the JSON bytes, without the 8-byte length, for a file of `file_size` bytes. `file` is its name in
    /// messages.
    ///
    /// The tensors must cover the data exactly, without gap or overlap, each with the bytes that its shape and
    /// dtype take. The error names the first tensor that does not.
    pub fn parse(file: &str, json: &[u8], file_size: u64) -> Result<Self> {
        let length = json.len() as u64;
        let data_start = PREFIX.saturating_add(length);
        let Some(data_size) = file_size.checked_sub(data_start) else {
            return Err(Error::HeaderBeyondEnd { file: file.to_owned(), length, size: file_size });
        };
        let text = std::str::from_utf8(json)
            .map_err(|error| Error::HeaderNotUtf8 { file: file.to_owned(), offset: error.valid_up_to() })?;
        let raw: RawHeader = serde_json::from_str(text)
            .map_err(|error| Error::HeaderJson { file: file.to_owned(), reason: error.to_string() })?;

        let mut tensors = BTreeMap::new();
        for (name, raw) in raw.tensors {
            let info = raw.check(file, &name, data_size)?;
            if tensors.contains_key(&name) {
                return Err(Error::DuplicateTensor { file: file.to_owned(), tensor: name });
            }
            tensors.insert(name, info);
        }
        let end = check_cover(file, &tensors)?;
        if end != data_size {
            let expected = data_start.saturating_add(end);
            return Err(Error::FileSize { file: file.to_owned(), expected, found: file_size });
        }
        for info in tensors.values_mut() {
            // No overflow: both ends are within the file.
            info.range = data_start + info.range.start..data_start + info.range.end;
        }
        Ok(Self { tensors, metadata: raw.metadata, data_start })
    }

    /// Reads and parses the header of the file at `path`.
    pub async fn read(source: &dyn ByteSource, path: &str) -> Result<Self> {
        let file = source.locate(path);
        let Some(size) = source.size(path).await? else {
            return Err(Error::MissingFile { file });
        };
        if size < PREFIX {
            return Err(Error::TooShort { file, size });
        }
        let prefix = read_exact(source, path, 0..PREFIX).await?;
        let length = prefix.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        if length > MAX_HEADER {
            return Err(Error::HeaderTooLong { file, length, limit: MAX_HEADER });
        }
        if length > size - PREFIX {
            return Err(Error::HeaderBeyondEnd { file, length, size });
        }
        let json = read_exact(source, path, PREFIX..PREFIX + length).await?;
        Self::parse(&file, &json, size)
    }
}

/// Checks that the tensors follow each other from offset 0; where the last one ends.
fn check_cover(file: &str, tensors: &BTreeMap<String, TensorInfo>) -> Result<u64> {
    let mut order: Vec<(&String, &Range<u64>)> = tensors.iter().map(|(n, info)| (n, &info.range)).collect();
    order.sort_by_key(|(_, range)| (range.start, range.end));
    let mut expected = 0;
    for (name, range) in order {
        let (file, tensor, found) = (file.to_owned(), name.clone(), range.start);
        if found < expected {
            return Err(Error::Overlap { file, tensor, expected, found });
        }
        if found > expected {
            return Err(Error::Gap { file, tensor, expected, found });
        }
        expected = range.end;
    }
    Ok(expected)
}

/// A tensor as the header has it: offsets count from the start of the data.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object with dtype, shape and data_offsets")]
struct RawTensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl RawTensor {
    /// Everything about one tensor that can be checked without the others. `range` still counts from the data.
    fn check(self, file: &str, tensor: &str, data_size: u64) -> Result<TensorInfo> {
        let Self { dtype, shape, data_offsets: (start, end) } = self;
        let (file, tensor) = (file.to_owned(), tensor.to_owned());
        let Some(dtype) = Dtype::from_name(&dtype) else {
            return Err(Error::UnknownDtype { file, tensor, dtype });
        };
        let Some(found) = end.checked_sub(start) else {
            return Err(Error::OffsetsReversed { file, tensor, start, end });
        };
        let bits = shape
            .iter()
            .try_fold(1_u64, |count, &dim| count.checked_mul(dim as u64))
            .and_then(|count| count.checked_mul(dtype.bits() as u64));
        let Some(bits) = bits else {
            return Err(Error::ShapeOverflow { file, tensor, dtype, shape });
        };
        if bits % 8 != 0 {
            return Err(Error::PartialByte { file, tensor, dtype, shape });
        }
        if bits / 8 != found {
            return Err(Error::SizeMismatch { file, tensor, dtype, shape, expected: bits / 8, found });
        }
        if end > data_size {
            return Err(Error::OffsetsOutside { file, tensor, end, found: data_size });
        }
        Ok(TensorInfo { dtype, shape, range: start..end })
    }
}

#[derive(Default)]
struct RawHeader {
    tensors: Vec<(String, RawTensor)>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawHeaderVisitor)
    }
}

struct RawHeaderVisitor;

impl<'de> Visitor<'de> for RawHeaderVisitor {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let mut header = RawHeader::default();
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            // serde_json keeps the line and column at the end of the message.
            if key != "__metadata__" {
                let named = |error| A::Error::custom(format!("tensor {key:?}: {error}"));
                let value = map.next_value().map_err(named)?;
                header.tensors.push((key, value));
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(A::Error::custom("__metadata__ is found twice"));
            }
            let named = |error| A::Error::custom(format!("__metadata__: {error}"));
            let Entries::<String>(entries) = map.next_value().map_err(named)?;
            for (key, value) in entries {
                if header.metadata.insert(key.clone(), value).is_some() {
                    return Err(A::Error::custom(format!("__metadata__: {key:?} is found twice")));
                }
            }
        }
        Ok(header)
    }
}
