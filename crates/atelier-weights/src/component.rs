//! One part of a model: its files, its tensors, and how they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::convert::{FLOATS, find_non_finite, to_f32, to_i32};
use crate::index::Index;
use crate::source::read_exact;
use crate::{ByteSource, Dtype, Error, Header, Result, TensorInfo};

/// Bytes at each end of a file's data that go into the fingerprint.
const SAMPLE: u64 = 64 << 10;

/// One model component: a folder with `<stem>.safetensors`, or `<stem>.safetensors.index.json` and its shards.
///
/// All headers are read and checked; data is read when asked for.
#[derive(Clone)]
pub struct Component {
    source: Arc<dyn ByteSource>,
    folder: String,
    /// What `place` shows: the folder, or the file when there is no component around it.
    shown: String,
    files: Vec<WeightFile>,
    /// The file, as a position in `files`, and the place in it.
    tensors: BTreeMap<String, (usize, TensorInfo)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct WeightFile {
    path: String,
    size: u64,
    data_start: u64,
}

impl Component {
    /// Opens the component `stem` in `folder`. An index wins over a single file.
    ///
    /// Reads every header and checks everything before a single weight is read: each file's own consistency, and
    /// that index and shards hold the same tensors.
    pub async fn open(source: Arc<dyn ByteSource>, folder: &str, stem: &str) -> Result<Self> {
        let folder = folder.trim_end_matches('/');
        let single = join(folder, &format!("{stem}.safetensors"));
        let index = format!("{single}.index.json");
        let mut component = Self::empty(source, folder, folder);
        if component.source.size(&index).await?.is_some() {
            component.add_shards(&index).await?;
        } else if component.source.size(&single).await?.is_some() {
            let header = Header::read(&*component.source, &single).await?;
            component.add_file(single, header).await?;
        } else {
            let source = &component.source;
            return Err(Error::MissingWeights {
                index: source.locate(&index),
                single: source.locate(&single),
            });
        }
        Ok(component)
    }

    /// Opens one loose safetensors file.
    pub async fn open_file(source: Arc<dyn ByteSource>, path: &str) -> Result<Self> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut component = Self::empty(source, folder, path);
        let header = Header::read(&*component.source, path).await?;
        component.add_file(path.to_owned(), header).await?;
        Ok(component)
    }

    fn empty(source: Arc<dyn ByteSource>, folder: &str, shown: &str) -> Self {
        Self {
            source,
            folder: folder.to_owned(),
            shown: shown.to_owned(),
            files: Vec::new(),
            tensors: BTreeMap::new(),
            metadata: BTreeMap::new(),
        }
    }

    async fn add_shards(&mut self, path: &str) -> Result<()> {
        let index = Index::read(&*self.source, path).await?;
        // A missing shard is told before any header is read: it is the usual damage of a broken download.
        for shard in index.shards() {
            let path = join(&self.folder, shard);
            if self.source.size(&path).await?.is_none() {
                return Err(index.missing_shard(shard, self.source.locate(&path)));
            }
        }
        let mut headers = BTreeMap::new();
        for shard in index.shards() {
            headers.insert(shard, Header::read(&*self.source, &join(&self.folder, shard)).await?);
        }
        index.check(&headers)?;
        for (shard, header) in headers {
            self.add_file(join(&self.folder, shard), header).await?;
        }
        Ok(())
    }

    async fn add_file(&mut self, path: String, header: Header) -> Result<()> {
        let Some(size) = self.source.size(&path).await? else {
            return Err(Error::MissingFile { file: self.source.locate(&path) });
        };
        let file = self.files.len();
        self.tensors.extend(header.tensors.into_iter().map(|(name, info)| (name, (file, info))));
        self.metadata.extend(header.metadata);
        self.files.push(WeightFile { path, size, data_start: header.data_start });
        Ok(())
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, (_, info))| (name.as_str(), info))
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|(_, info)| info)
    }

    /// The folder, relative to the source; empty for its root.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The folder, or the loose file, as a person would look for it.
    pub fn place(&self) -> String {
        self.source.locate(&self.shown)
    }

    /// The safetensors files, sorted: path relative to the source, size in bytes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|file| (file.path.as_str(), file.size))
    }

    /// The free text of the files; where two files have one key, the later file wins.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The raw little-endian bytes of a tensor.
    pub async fn read_bytes(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let (path, info) = self.find(name)?;
        self.read_range(name, path, info.range.clone()).await
    }

    /// A tensor of F32, F16 or BF16 as `f32`, flat and row-major. Another dtype is refused, and so is NaN or
    /// infinity, with its flat index.
    pub async fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let (path, info) = self.find(name)?;
        self.read_floats(name, path, info.dtype, info.range.clone(), 0).await
    }

    /// As [`read_f32`](Self::read_f32), but only the rows `rows` of the leading dimension.
    pub async fn read_rows_f32(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let (path, info) = self.find(name)?;
        let Range { start, end } = rows;
        let Some((_, row)) = info.shape.split_first().filter(|(count, _)| start <= end && end <= **count)
        else {
            let (file, tensor, shape) = (self.source.locate(path), name.to_owned(), info.shape.clone());
            return Err(Error::NoRows { file, tensor, start, end, shape });
        };
        // No overflow where there is a row: a row is not larger than the tensor, whose size the header has checked.
        let row = row.iter().fold(1, |size: u64, &dim| size.saturating_mul(dim as u64));
        let byte = |row_at: usize| {
            let elements = (row_at as u64).saturating_mul(row);
            info.range.start.saturating_add(elements.saturating_mul(info.dtype.size() as u64))
        };
        let range = byte(start).min(info.range.end)..byte(end).min(info.range.end);
        let first = usize::try_from(row.saturating_mul(start as u64)).unwrap_or(usize::MAX);
        self.read_floats(name, path, info.dtype, range, first).await
    }

    /// A tensor of I32, flat and row-major. Another dtype is refused.
    pub async fn read_i32(&self, name: &str) -> Result<Vec<i32>> {
        let (path, info) = self.find(name)?;
        self.expect_dtype(name, path, info.dtype, Dtype::I32)?;
        Ok(to_i32(&self.read_range(name, path, info.range.clone()).await?))
    }

    /// A tensor of U8, flat and row-major. Another dtype is refused.
    pub async fn read_u8(&self, name: &str) -> Result<Vec<u8>> {
        let (path, info) = self.find(name)?;
        self.expect_dtype(name, path, info.dtype, Dtype::U8)?;
        Ok(self.read_range(name, path, info.range.clone()).await?.into_owned())
    }

    /// The cheap identity of a model: SHA-256 over, for every file in order, the path, the size, the header, and
    /// the first and last 64 KiB of data.
    pub async fn fingerprint(&self) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        for WeightFile { path, size, data_start } in &self.files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(size.to_le_bytes());
            let first = data_start.saturating_add(SAMPLE).min(*size);
            let last = size.saturating_sub(SAMPLE).max(*data_start);
            // The header starts with its own length, so that no two models feed the hash the same bytes.
            for range in [0..*data_start, *data_start..first, last..*size] {
                hash.update(read_exact(&*self.source, path, range).await?);
            }
        }
        Ok(hash.finalize().into())
    }

    fn find(&self, name: &str) -> Result<(&str, &TensorInfo)> {
        self.tensors
            .get(name)
            .and_then(|(file, info)| Some((self.files.get(*file)?.path.as_str(), info)))
            .ok_or_else(|| Error::NoTensor { file: self.place(), tensor: name.to_owned() })
    }

    fn expect_dtype(&self, name: &str, path: &str, found: Dtype, expected: Dtype) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(self.wrong_dtype(name, path, expected.name(), found))
    }

    fn wrong_dtype(&self, name: &str, path: &str, expected: &'static str, found: Dtype) -> Error {
        Error::WrongDtype { file: self.source.locate(path), tensor: name.to_owned(), expected, found }
    }

    async fn read_range(&self, name: &str, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        let bytes = range.end.saturating_sub(range.start);
        if bytes == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        if isize::try_from(bytes).is_err() {
            return Err(Error::NoMemory { file: self.source.locate(path), tensor: name.to_owned(), bytes });
        }
        read_exact(&*self.source, path, range).await
    }

    /// `first` is the flat index of the first number, for messages.
    async fn read_floats(
        &self,
        name: &str,
        path: &str,
        dtype: Dtype,
        range: Range<u64>,
        first: usize,
    ) -> Result<Vec<f32>> {
        if !matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::Bf16) {
            return Err(self.wrong_dtype(name, path, FLOATS, dtype));
        }
        let bytes = self.read_range(name, path, range).await?;
        let numbers = to_f32(dtype, &bytes).ok_or_else(|| self.wrong_dtype(name, path, FLOATS, dtype))?;
        if let Some((index, value)) = find_non_finite(&numbers) {
            let (file, tensor) = (self.source.locate(path), name.to_owned());
            return Err(Error::NotFinite { file, tensor, index: first.saturating_add(index), value });
        }
        Ok(numbers)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("place", &self.place())
            .field("files", &self.files)
            .field("tensors", &self.tensors.len())
            .finish()
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
