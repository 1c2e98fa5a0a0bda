//! One part of a model: its files, its tensors, and how they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::checkpoint::{VARIANTS, WEIGHTS, WEIGHTS_INDEX, WeightNames, weight_names};
use crate::convert::{FLOATS, find_non_finite, to_f32, to_i32, to_u32};
use crate::index::Index;
use crate::pack::{Manifest, PieceEntry, Shard};
use crate::source::read_exact;
use crate::{ByteSource, Dtype, Error, Header, Packed, Result, Scheme};

/// Bytes at each end of a file's data that go into the fingerprint.
const SAMPLE: u64 = 64 << 10;

/// One model component: a folder with `<stem>.safetensors`, or `<stem>.safetensors.index.json` and its shards, or its part
/// of a pack.
///
/// All headers are read and checked; data is read when asked for.
#[derive(Clone)]
pub struct Component {
    source: Arc<dyn ByteSource>,
    folder: String,
    /// What `place` shows: the folder, or the file when there is no component around it.
    shown: String,
    files: Vec<WeightFile>,
    tensors: BTreeMap<String, Stored>,
    metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct WeightFile {
    path: String,
    size: u64,
    data_start: u64,
}

/// How a tensor is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Dimensions, row-major, empty for a scalar.
    pub shape: Vec<usize>,
    /// Type of the elements; of the codes where the tensor is quantized.
    pub dtype: Dtype,
    /// What the codes mean; `None` for a dtype that weights do not have.
    pub scheme: Option<Scheme>,
    /// Consecutive rows, each in one place. There is at least one.
    pieces: Vec<StoredPiece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredPiece {
    /// A position in `files`.
    file: usize,
    rows: usize,
    /// In bytes from the start of the file.
    codes: Range<u64>,
    /// The same; empty where there are no scales.
    scales: Range<u64>,
}

impl Stored {
    /// Bytes in the files.
    pub fn bytes(&self) -> u64 {
        let length = |range: &Range<u64>| range.end - range.start;
        self.pieces.iter().map(|piece| length(&piece.codes) + length(&piece.scales)).sum()
    }

    /// Numbers of one row: all dimensions but the first.
    pub fn columns(&self) -> usize {
        self.shape.iter().skip(1).fold(1, |columns, &dim| columns.saturating_mul(dim))
    }

    /// The rows of each piece.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = usize> {
        self.pieces.iter().map(|piece| piece.rows)
    }

    fn is_quantized(&self) -> bool {
        self.scheme.is_some_and(Scheme::is_quantized)
    }
}

/// Consecutive rows of a matrix as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which rows.
    pub rows: Range<usize>,
    /// Their codes and scales.
    pub packed: Packed,
}

impl Component {
    /// Opens the component `stem` in `folder`. An index wins over a single file, and plain names over those of
    /// [`VARIANTS`].
    ///
    /// Reads every header and checks everything before a single weight is read: each file's own consistency, and
    /// that index and shards hold the same tensors.
    pub async fn open(source: Arc<dyn ByteSource>, folder: &str, stem: &str) -> Result<Self> {
        let folder = folder.trim_end_matches('/');
        let path = |end: &str| join(folder, &format!("{stem}{end}"));
        let mut component = Self::empty(source, folder, folder);
        for WeightNames { indexes, single } in weight_names() {
            for index in indexes.iter().map(|end| path(end)) {
                if component.source.size(&index).await?.is_some() {
                    component.add_shards(&index).await?;
                    return Ok(component);
                }
            }
            let single = path(&single);
            if component.source.size(&single).await?.is_some() {
                let header = Header::read(&*component.source, &single).await?;
                component.add_file(single, header).await?;
                return Ok(component);
            }
        }
        let [index, single] = [WEIGHTS_INDEX, WEIGHTS].map(|end| component.source.locate(&path(end)));
        Err(Error::MissingWeights { index, single })
    }

    /// Opens one loose safetensors file.
    pub async fn open_file(source: Arc<dyn ByteSource>, path: &str) -> Result<Self> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut component = Self::empty(source, folder, path);
        let header = Header::read(&*component.source, path).await?;
        component.add_file(path.to_owned(), header).await?;
        Ok(component)
    }

    /// The component `folder` of a pack whose headers have been looked at.
    pub(crate) fn of_pack(
        source: Arc<dyn ByteSource>,
        manifest: &Manifest,
        headers: &[Header],
        folder: &str,
    ) -> Result<Self> {
        let mut component = Self::empty(source, folder, folder);
        // Only where the headers are those of another pack.
        let wrong = |name: &str, shard: usize| Error::Pack {
            file: folder.to_owned(),
            reason: format!("tensor {name:?}: expected in shard {shard} of the pack, not found there"),
        };
        // Where a shard is in `files`: shards of other components are none of this one's.
        let mut file_of = BTreeMap::new();
        for tensor in manifest.tensors.iter().filter(|tensor| tensor.component == folder) {
            let mut pieces = Vec::with_capacity(tensor.pieces.len());
            let mut dtype = Dtype::U32;
            for (index, &PieceEntry { shard, rows }) in tensor.pieces.iter().enumerate() {
                let (Some(Shard { file, .. }), Some(header)) =
                    (manifest.shards.get(shard), headers.get(shard))
                else {
                    return Err(wrong(&tensor.name, shard));
                };
                let file = *file_of.entry(shard).or_insert_with(|| {
                    let (path, size) = (file.path.clone(), file.bytes);
                    component.files.push(WeightFile { path, size, data_start: header.data_start });
                    component.files.len() - 1
                });
                let mut ranges = [0..0, 0..0];
                for (range, (name, part_dtype, _)) in ranges.iter_mut().zip(tensor.parts(index)) {
                    let info = header.tensors.get(&name);
                    *range = info.ok_or_else(|| wrong(&name, shard))?.range.clone();
                    dtype = part_dtype;
                }
                let [codes, scales] = ranges;
                pieces.push(StoredPiece { file, rows, codes, scales });
            }
            let stored = Stored { shape: tensor.shape.clone(), dtype, scheme: Some(tensor.scheme), pieces };
            component.tensors.insert(tensor.name.clone(), stored);
        }
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
        // A missing shard is reported before any header is read: it is the usual damage of a broken download.
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
        self.tensors.extend(header.tensors.into_iter().map(|(name, info)| {
            let scheme = Scheme::of_dtype(info.dtype);
            let rows = info.shape.first().copied().unwrap_or(1);
            let pieces = vec![StoredPiece { file, rows, codes: info.range, scales: 0..0 }];
            (name, Stored { shape: info.shape, dtype: info.dtype, scheme, pieces })
        }));
        self.metadata.extend(header.metadata);
        self.files.push(WeightFile { path, size, data_start: header.data_start });
        Ok(())
    }

    /// The tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored))
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Stored> {
        self.tensors.get(name)
    }

    /// The folder, relative to the source; empty for its root.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The folder, or the loose file, as a person would look for it.
    pub fn location(&self) -> String {
        self.source.locate(&self.shown)
    }

    /// The safetensors files, sorted: path relative to the source, size in bytes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|file| (file.path.as_str(), file.size))
    }

    /// The variant whose files these are, if they are not the plain ones.
    pub fn variant(&self) -> Option<&'static str> {
        let in_name = |variant: &&str| {
            let part = format!(".{variant}");
            self.files.iter().any(|file| file.path.contains(&part))
        };
        VARIANTS.into_iter().find(in_name)
    }

    /// The free text of the files; where two files have one key, the later file wins.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The raw little-endian bytes of a tensor, or of the codes where it is quantized; of several pieces, all.
    pub async fn read_bytes(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let stored = self.find(name)?;
        match stored.pieces.as_slice() {
            [piece] => self.read_range(name, piece, &piece.codes).await,
            pieces => {
                let mut bytes = Vec::new();
                for piece in pieces {
                    bytes.extend_from_slice(&self.read_range(name, piece, &piece.codes).await?);
                }
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// A tensor of floats as `f32`, flat and row-major, quantized or not. Another dtype is refused, and so is NaN or
    /// infinity, with its flat index.
    pub async fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let stored = self.find(name)?;
        if let ([piece], false) = (stored.pieces.as_slice(), stored.is_quantized()) {
            return self.read_floats(name, stored, piece, piece.codes.clone(), 0).await;
        }
        let mut numbers = Vec::new();
        for index in 0..stored.pieces.len() {
            let (scheme, Piece { rows, packed }) = self.read_piece(name, index).await?;
            let mut values = scheme.unpack(stored.columns(), &packed);
            // An odd number of halves, or of bytes, does not fill the last word.
            values.truncate(rows.len().saturating_mul(stored.columns()));
            numbers.extend(values);
        }
        Ok(numbers)
    }

    /// As [`read_f32`](Self::read_f32), but only the rows `rows` of the leading dimension of a tensor that is in one piece
    /// and not quantized.
    pub async fn read_rows_f32(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let stored = self.find(name)?;
        let Range { start, end } = rows;
        let in_reach = start <= end && stored.shape.first().is_some_and(|count| end <= *count);
        let [piece] = stored.pieces.as_slice() else { return Err(self.no_rows(name, stored, start, end)) };
        if !in_reach || stored.is_quantized() {
            return Err(self.no_rows(name, stored, start, end));
        }
        // No overflow where there is a row: a row is not larger than the tensor, whose size the header has checked.
        let row = stored.shape.iter().skip(1).fold(1, |size: u64, &dim| size.saturating_mul(dim as u64));
        let Range { start: first, end: last } = piece.codes;
        let byte = |row_at: usize| {
            let elements = (row_at as u64).saturating_mul(row);
            first.saturating_add(elements.saturating_mul(stored.dtype.size() as u64)).min(last)
        };
        let index = usize::try_from(row.saturating_mul(start as u64)).unwrap_or(usize::MAX);
        self.read_floats(name, stored, piece, byte(start)..byte(end), index).await
    }

    /// A piece of a matrix of floats as it is stored, and what its codes mean. NaN and infinity are refused, among scales
    /// as among weights.
    pub async fn read_piece(&self, name: &str, index: usize) -> Result<(Scheme, Piece)> {
        let stored = self.find(name)?;
        let no_piece = || Error::NoTensor { file: self.location(), tensor: format!("{name}, piece {index}") };
        let piece = stored.pieces.get(index).ok_or_else(no_piece)?;
        let Some(scheme) = stored.scheme else {
            return Err(self.wrong_dtype(name, piece, FLOATS, stored.dtype));
        };
        let codes = to_u32(&self.read_range(name, piece, &piece.codes).await?);
        let scales = to_u32(&self.read_range(name, piece, &piece.scales).await?);
        let packed = Packed { codes, scales };
        let first: usize = stored.pieces.iter().take(index).map(|piece| piece.rows).sum();
        if let Some((at, value)) = scheme.find_non_finite(stored.columns(), &packed) {
            let (file, tensor) = (self.locate(piece), name.to_owned());
            // The number of the weight, or of a quantized one the first that its scale belongs to.
            return Err(Error::NotFinite {
                file,
                tensor,
                index: first.saturating_mul(stored.columns()).saturating_add(at),
                value,
            });
        }
        Ok((scheme, Piece { rows: first..first + piece.rows, packed }))
    }

    /// A tensor of I32, flat and row-major. Another dtype is refused.
    pub async fn read_i32(&self, name: &str) -> Result<Vec<i32>> {
        self.expect_dtype(name, Dtype::I32)?;
        Ok(to_i32(&self.read_bytes(name).await?))
    }

    /// A tensor of U8, flat and row-major. Another dtype is refused.
    pub async fn read_u8(&self, name: &str) -> Result<Vec<u8>> {
        self.expect_dtype(name, Dtype::U8)?;
        Ok(self.read_bytes(name).await?.into_owned())
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

    fn find(&self, name: &str) -> Result<&Stored> {
        let missing = || Error::NoTensor { file: self.location(), tensor: name.to_owned() };
        self.tensors.get(name).ok_or_else(missing)
    }

    fn path(&self, piece: &StoredPiece) -> &str {
        self.files.get(piece.file).map_or("", |file| &file.path)
    }

    fn locate(&self, piece: &StoredPiece) -> String {
        self.source.locate(self.path(piece))
    }

    fn expect_dtype(&self, name: &str, expected: Dtype) -> Result<()> {
        let stored = self.find(name)?;
        match stored.pieces.first() {
            Some(piece) if stored.dtype != expected => {
                Err(self.wrong_dtype(name, piece, expected.name(), stored.dtype))
            }
            _ => Ok(()),
        }
    }

    fn wrong_dtype(&self, name: &str, piece: &StoredPiece, expected: &'static str, found: Dtype) -> Error {
        Error::WrongDtype { file: self.locate(piece), tensor: name.to_owned(), expected, found }
    }

    fn no_rows(&self, name: &str, stored: &Stored, start: usize, end: usize) -> Error {
        let file = stored.pieces.first().map_or_else(|| self.location(), |piece| self.locate(piece));
        Error::NoRows { file, tensor: name.to_owned(), start, end, shape: stored.shape.clone() }
    }

    async fn read_range(&self, name: &str, piece: &StoredPiece, range: &Range<u64>) -> Result<Cow<'_, [u8]>> {
        let bytes = range.end.saturating_sub(range.start);
        if bytes == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        if isize::try_from(bytes).is_err() {
            return Err(Error::NoMemory { file: self.locate(piece), tensor: name.to_owned(), bytes });
        }
        read_exact(&*self.source, self.path(piece), range.clone()).await
    }

    /// `first` is the flat index of the first number, for messages.
    async fn read_floats(
        &self,
        name: &str,
        stored: &Stored,
        piece: &StoredPiece,
        range: Range<u64>,
        first: usize,
    ) -> Result<Vec<f32>> {
        let wrong = || self.wrong_dtype(name, piece, FLOATS, stored.dtype);
        if stored.scheme.is_none() {
            return Err(wrong());
        }
        let bytes = self.read_range(name, piece, &range).await?;
        let numbers = to_f32(stored.dtype, &bytes).ok_or_else(wrong)?;
        if let Some((index, value)) = find_non_finite(&numbers) {
            let (file, tensor) = (self.locate(piece), name.to_owned());
            return Err(Error::NotFinite { file, tensor, index: first.saturating_add(index), value });
        }
        Ok(numbers)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("location", &self.location())
            .field("files", &self.files)
            .field("tensors", &self.tensors.len())
            .finish()
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
