//! Packs: a model whose matrices are packed, in shards of one stage each.
//!
//! A pack is a folder with `pack.json`, the [`Manifest`], which is written last; safetensors shards; and whatever other
//! files the model needs, byte for byte. The configurations are in the manifest itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::index::is_plain_name;
use crate::source::{read_exact, slice};
use crate::{ByteSource, Component, Dtype, Error, Header, Result, Scheme, Search, read_json};

/// The manifest's file.
pub const MANIFEST: &str = "pack.json";
/// The format that this version writes and reads.
pub const PACK_FORMAT: &str = "atelier-pack-1";
/// The most bytes of a shard's data.
pub const MAX_SHARD: u64 = 256 << 20;
/// The most bytes of one buffer: what WebGPU binds at least.
pub const MAX_BUFFER: u64 = 128 << 20;
/// Bytes read at a time where a file is hashed.
const HASHED: u64 = 4 << 20;

/// What a pack holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields))]
pub struct Manifest {
    /// [`PACK_FORMAT`].
    #[cfg_attr(test, ts(type = "typeof PACK_FORMAT"))]
    pub format: String,
    /// The fingerprint of the checkpoint that it was made from.
    pub source: String,
    /// The name of the policy.
    pub policy: String,
    /// How scales were found.
    pub search: Search,
    /// SHA-256 of the prompts that a calibration drew to weigh errors, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<String>,
    /// The model's configurations, by their paths in the checkpoint.
    #[cfg_attr(test, ts(type = "Readonly<Record<string, unknown>>"))]
    pub configs: BTreeMap<String, serde_json::Value>,
    /// Other files, with their paths in the checkpoint and the pack alike.
    pub files: Vec<FileEntry>,
    /// The shards, those of a stage together.
    pub shards: Vec<Shard>,
    /// The tensors, in the order of the shards.
    pub tensors: Vec<TensorEntry>,
}

/// A file and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileEntry {
    /// Relative and '/'-separated.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// In lower-case hexadecimal.
    pub sha256: String,
}

/// A safetensors file of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Shard {
    /// The stage that reads it.
    pub stage: String,
    /// The file.
    pub file: FileEntry,
}

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TensorEntry {
    /// The component's folder in the checkpoint.
    pub component: String,
    /// The name in the component.
    pub name: String,
    /// As the checkpoint has it.
    pub shape: Vec<usize>,
    /// How it is stored.
    pub scheme: Scheme,
    /// Where: consecutive rows of a matrix, or all of it.
    pub pieces: Vec<PieceEntry>,
}

/// Consecutive rows in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PieceEntry {
    /// Index in [`Manifest::shards`].
    pub shard: usize,
    /// Rows of the leading dimension.
    pub rows: usize,
}

impl TensorEntry {
    /// Numbers of one row: all dimensions but the first.
    pub fn columns(&self) -> usize {
        self.shape.iter().skip(1).fold(1, |columns, &dim| columns.saturating_mul(dim))
    }

    /// The name of a piece in its shard; quantized pieces have `.codes` and `.scales` after it.
    pub fn piece_name(&self, piece: usize) -> String {
        let number = if self.pieces.len() == 1 { String::new() } else { format!(".{piece}") };
        format!("{}/{}{number}", self.component, self.name)
    }

    /// What a piece is in its shard: names, dtypes and shapes, in order.
    pub fn parts(&self, piece: usize) -> Vec<(String, Dtype, Vec<usize>)> {
        let name = self.piece_name(piece);
        let rows = self.pieces.get(piece).map_or(0, |piece| piece.rows);
        let dtype = match self.scheme {
            Scheme::F32 => Dtype::F32,
            Scheme::F16 => Dtype::F16,
            Scheme::Bf16 => Dtype::Bf16,
            Scheme::F8 => Dtype::F8E4m3,
            Scheme::Q8 | Scheme::Q4 | Scheme::Q4Offset => {
                let columns = self.columns();
                let words = |part, words| (format!("{name}.{part}"), Dtype::U32, vec![rows, words]);
                return vec![
                    words("codes", self.scheme.code_words(columns)),
                    words("scales", self.scheme.scale_words(columns)),
                ];
            }
        };
        // A scalar has no rows.
        let shape = self.shape.split_first().map_or(vec![], |(_, rest)| [&[rows], rest].concat());
        vec![(name, dtype, shape)]
    }
}

impl Manifest {
    /// Reads the manifest of a pack; `None` where there is none, so where the source is not a pack.
    ///
    /// # Errors
    /// It cannot be read, is of another format, or contradicts itself.
    pub async fn read(source: &dyn ByteSource) -> Result<Option<Self>> {
        if source.size(MANIFEST).await?.is_none() {
            return Ok(None);
        }
        /// Another format has other fields: its name is looked at first.
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let file = source.locate(MANIFEST);
        let Format { format } = read_json(source, MANIFEST).await?;
        if format != PACK_FORMAT {
            let reason = format!("expected the format {PACK_FORMAT:?}, found {format:?}");
            return Err(Error::Pack { file, reason });
        }
        let manifest: Self = read_json(source, MANIFEST).await?;
        manifest.check().map_err(|reason| Error::Pack { file, reason })?;
        Ok(Some(manifest))
    }

    /// Everything that can be wrong without looking at another file.
    fn check(&self) -> Result<(), String> {
        let mut paths = BTreeSet::new();
        for file in self.entries() {
            let hexadecimal = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            if file.sha256.len() != 64 || !file.sha256.chars().all(hexadecimal) {
                return Err(format!("file {:?}: expected a SHA-256 of 64 digits 0-9 and a-f", file.path));
            }
            if !is_plain_path(&file.path) {
                return Err(format!("file {:?}: expected a relative path without \"..\"", file.path));
            }
            if !paths.insert(&file.path) {
                return Err(format!("file {:?}: expected once, found twice", file.path));
            }
        }
        let mut names = BTreeSet::new();
        for tensor in &self.tensors {
            let name = format!("tensor {:?} of {:?}", tensor.name, tensor.component);
            if !names.insert((&tensor.component, &tensor.name)) {
                return Err(format!("{name}: expected once, found twice"));
            }
            // The numbers of all of it can be counted, and a piece as f32 can be addressed: in a browser 2 GiB, which the
            // largest matrices are beyond as a whole.
            let fits = |size: usize, dims: &[usize]| {
                // A dimension of zero must not hide others that are too large to be multiplied.
                let size = dims.iter().try_fold(size, |size, &dim| size.checked_mul(dim.max(1)));
                size.is_some_and(|size| isize::try_from(size).is_ok())
            };
            let row = tensor.shape.get(1..).unwrap_or_default();
            // More rows than the matrix has are refused below.
            let most = tensor.shape.first().copied().unwrap_or(1).max(1);
            let mut rows = tensor.pieces.iter().map(|piece| piece.rows.clamp(1, most));
            if !fits(1, &tensor.shape)
                || !rows.all(|rows| rows.checked_mul(4).is_some_and(|bytes| fits(bytes, row)))
            {
                let shape = &tensor.shape;
                return Err(format!("{name}: expected a shape that can be addressed, found {shape:?}"));
            }
            if tensor.scheme.is_quantized()
                && (tensor.shape.len() != 2 || !tensor.columns().is_multiple_of(tensor.scheme.multiple()))
            {
                let (scheme, multiple, shape) =
                    (tensor.scheme.name(), tensor.scheme.multiple(), &tensor.shape);
                return Err(format!(
                    "{name}: expected for {scheme} a matrix whose columns are a multiple of {multiple}, found shape {shape:?}"
                ));
            }
            let pieces = &tensor.pieces;
            let expected = tensor.shape.first().copied().unwrap_or(1);
            let rows = pieces.iter().try_fold(0_usize, |sum, piece| sum.checked_add(piece.rows));
            if rows != Some(expected) || pieces.is_empty() {
                let found = rows.map_or("more than can be counted".to_owned(), |rows| rows.to_string());
                let pieces = pieces.len();
                return Err(format!(
                    "{name}: expected pieces of {expected} rows in all, found {found} in {pieces}"
                ));
            }
            // Layers take pieces as they are: one without rows would be a buffer without bytes.
            if pieces.len() > 1 && (tensor.shape.len() != 2 || pieces.iter().any(|piece| piece.rows == 0)) {
                let (count, shape) = (pieces.len(), &tensor.shape);
                return Err(format!(
                    "{name}: expected one piece, or for a matrix pieces that all have rows, found {count} of shape {shape:?}"
                ));
            }
            let shards = self.shards.len();
            if let Some(PieceEntry { shard, .. }) = pieces.iter().find(|piece| piece.shard >= shards) {
                return Err(format!("{name}: expected one of {shards} shards, found shard {shard}"));
            }
        }
        Ok(())
    }

    /// Every file beside the manifest.
    pub fn entries(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().chain(self.shards.iter().map(|shard| &shard.file))
    }

    /// Looks at every shard's header: sizes, counts, names, dtypes and shapes.
    ///
    /// # Errors
    /// A file is missing, of another size, or holds something else than the manifest says.
    pub async fn headers(&self, source: &dyn ByteSource) -> Result<Vec<Header>> {
        for entry in self.entries() {
            let file = source.locate(&entry.path);
            match source.size(&entry.path).await? {
                None => return Err(Error::MissingFile { file }),
                Some(size) if size != entry.bytes => {
                    return Err(Error::FileSize { file, expected: entry.bytes, found: size });
                }
                Some(_) => {}
            }
        }
        let mut headers = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            headers.push(Header::read(source, &shard.file.path).await?);
        }
        // The tensors of each shard that have been asked for.
        let mut asked = vec![BTreeSet::new(); self.shards.len()];
        for tensor in &self.tensors {
            for (index, piece) in tensor.pieces.iter().enumerate() {
                let (Some(shard), Some(header)) = (self.shards.get(piece.shard), headers.get(piece.shard))
                else {
                    continue;
                };
                let wrong = |reason| Error::Pack { file: source.locate(&shard.file.path), reason };
                for (name, dtype, shape) in tensor.parts(index) {
                    let Some((name, info)) = header.tensors.get_key_value(&name) else {
                        return Err(wrong(format!("tensor {name:?}: expected in this shard, not found")));
                    };
                    if (info.dtype, &info.shape) != (dtype, &shape) {
                        let (found, as_shape) = (info.dtype, &info.shape);
                        return Err(wrong(format!(
                            "tensor {name:?}: expected {dtype} of shape {shape:?}, found {found} of {as_shape:?}"
                        )));
                    }
                    if !asked.get_mut(piece.shard).is_some_and(|asked| asked.insert(name.as_str())) {
                        return Err(wrong(format!(
                            "tensor {name:?}: expected once in {MANIFEST}, found for two tensors"
                        )));
                    }
                }
            }
        }
        for ((shard, header), asked) in self.shards.iter().zip(&headers).zip(&asked) {
            if let Some(name) = header.tensors.keys().find(|name| !asked.contains(name.as_str())) {
                let reason = format!("tensor {name:?}: expected in {MANIFEST}, not found there");
                return Err(Error::Pack { file: source.locate(&shard.file.path), reason });
            }
        }
        Ok(headers)
    }

    /// The component `folder` of the pack, with [`Manifest::headers`].
    ///
    /// # Errors
    /// The headers are not this pack's.
    pub fn component(
        &self,
        source: Arc<dyn ByteSource>,
        headers: &[Header],
        folder: &str,
    ) -> Result<Component> {
        Component::of_pack(source, self, headers, folder)
    }

    /// Whether every weight is the checkpoint's own, to the last bit.
    pub fn is_lossless(&self) -> bool {
        !self.tensors.iter().any(|tensor| tensor.scheme.is_quantized())
    }

    /// The pack's identity: of everything in it, down to the last weight.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(self).unwrap_or_default());
        hash.finalize().into()
    }
}

impl FileEntry {
    /// Whether the source knows that the file is the right one, so that [`FileEntry::verify`] would be in vain.
    ///
    /// # Errors
    /// The source cannot tell.
    pub async fn is_verified(&self, source: &dyn ByteSource) -> Result<bool> {
        source.has_hash(&self.path, &self.sha256).await
    }

    /// Hashes the file and compares, and tells the source that it is the right one. `progress` gets the bytes read since it was last called, and may stop.
    ///
    /// # Errors
    /// The file cannot be read or is another one; `progress` fails.
    pub async fn verify<E: From<Error>>(
        &self,
        source: &dyn ByteSource,
        mut progress: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < self.bytes {
            let end = self.bytes.min(at.saturating_add(HASHED));
            hash.update(read_exact(source, &self.path, at..end).await?);
            progress(end - at)?;
            at = end;
        }
        let found = hex(&hash.finalize());
        if found == self.sha256 {
            return Ok(source.note_hash(&self.path, &self.sha256).await?);
        }
        let file = source.locate(&self.path);
        Err(Error::Hash { file, expected: self.sha256.clone(), found }.into())
    }
}

/// A path that stays in the pack on every system and prints on one line.
fn is_plain_path(path: &str) -> bool {
    path.split('/').all(is_plain_name)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A pack's files as a checkpoint's: the configurations come from the manifest.
pub struct PackSource<'a> {
    inner: &'a dyn ByteSource,
    configs: BTreeMap<String, Vec<u8>>,
}

impl<'a> PackSource<'a> {
    /// The files of a pack.
    pub fn new(inner: &'a dyn ByteSource, manifest: &Manifest) -> Self {
        let text =
            |(path, json): (&String, &serde_json::Value)| (path.clone(), json.to_string().into_bytes());
        Self { inner, configs: manifest.configs.iter().map(text).collect() }
    }
}

#[async_trait(?Send)]
impl ByteSource for PackSource<'_> {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        match self.configs.get(path) {
            Some(text) => Ok(Some(text.len() as u64)),
            None => self.inner.size(path).await,
        }
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        match self.configs.get(path) {
            Some(text) => slice(text, range, || self.locate(path)).map(Cow::Borrowed),
            None => self.inner.read(path, range).await,
        }
    }

    fn locate(&self, path: &str) -> String {
        if self.configs.contains_key(path) {
            format!("{}, {path}", self.inner.locate(MANIFEST))
        } else {
            self.inner.locate(path)
        }
    }
}
