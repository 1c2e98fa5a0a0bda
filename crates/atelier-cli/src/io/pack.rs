//! Writes a pack: shard after shard in one pass each, so that memory does not grow with the model; the manifest last.
//!
//! `pack.json.partial` lists what is finished, so that the same command resumes after an interruption.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use atelier_weights::{Layout, MANIFEST, Manifest, Packed, Scheme, Search, TensorEntry, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::io::files;

/// The file of an unfinished pack.
const PARTIAL: &str = "pack.json.partial";

/// Whether `folder` is a pack that [`PackWriter`] has begun and not finished.
pub fn is_unfinished(folder: &Path) -> bool {
    folder.join(PARTIAL).exists() && !folder.join(MANIFEST).exists()
}

/// The longest such file that is read.
const MAX_PARTIAL: u64 = 256 << 20;
/// Weights that are worked on at a time.
const CHUNK: usize = 4 << 20;

/// What an interrupted run left: the manifest as it will be but for hashes, and the hashes of the shards that are done.
///
/// The manifest is text: two runs write the same text for the same model, whereas a number of 17 digits in a
/// configuration, such as 0.090494076670778435, comes back from that text with another last bit.
#[derive(Serialize, Deserialize)]
struct Partial {
    manifest: String,
    done: Vec<String>,
}

/// A pack on its way to disk.
pub struct PackWriter {
    folder: PathBuf,
    manifest: Manifest,
    layout: Layout,
    partial: Partial,
}

/// Gives weights: of a tensor the rows of a range, flat; of a scalar its one number.
pub type Weights<'a> = dyn FnMut(&TensorEntry, Range<usize>) -> Result<Vec<f32>> + 'a;

impl PackWriter {
    /// Begins or resumes the pack that `manifest` and `layout` describe. Hashes in them are ignored.
    ///
    /// # Errors
    /// There is a finished pack, an unfinished one of other settings, or anything else in the folder.
    pub fn new(folder: &Path, manifest: Manifest, layout: Layout) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
        let text = serde_json::to_string(&manifest).map_err(|error| Error::Crash(error.to_string()))?;
        let mut partial = Partial { manifest: text, done: Vec::new() };
        let path = folder.join(PARTIAL);
        // Both are there only where a run was stopped between writing the one and removing the other.
        if folder.join(MANIFEST).exists() && !path.exists() {
            return Err(Error::input(folder, "expected a new or empty folder, found a finished pack"));
        }
        if path.exists() {
            let found: Option<Partial> = serde_json::from_str(&files::read_text(&path, MAX_PARTIAL)?).ok();
            match found {
                Some(found) if found.manifest == partial.manifest => partial.done = found.done,
                _ => {
                    let problem = "expected a new or empty folder, found an unfinished pack of another model or other \
                                   settings: choose another folder, or delete this one";
                    return Err(Error::input(folder, problem));
                }
            }
        } else if fs::read_dir(folder).map_err(|error| Error::read(folder, error))?.next().is_some() {
            return Err(Error::input(folder, "expected a new or empty folder, found files in it"));
        }
        let mut writer = Self { folder: folder.to_owned(), manifest, layout, partial };
        writer.forget_what_is_gone();
        writer.save()?;
        Ok(writer)
    }

    /// Shards that are listed as done and are not there in full are made again.
    fn forget_what_is_gone(&mut self) {
        let shards = self.layout.shards.iter().zip(&self.partial.done);
        let whole = shards.take_while(|(shard, _)| {
            let found = fs::metadata(self.folder.join(&shard.file.path));
            found.is_ok_and(|found| found.len() == shard.file.bytes)
        });
        let count = whole.count();
        self.partial.done.truncate(count);
    }

    /// Bytes in shards that an earlier run finished.
    pub fn done(&self) -> u64 {
        let shards = self.layout.shards.iter().take(self.partial.done.len());
        shards.map(|shard| shard.file.bytes).sum()
    }

    /// Writes another file of the pack, as it is.
    pub fn copy(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
        }
        files::write(&path, bytes)
    }

    fn save(&self) -> Result<()> {
        let text = serde_json::to_vec(&self.partial).map_err(|error| Error::Crash(error.to_string()))?;
        files::write(&self.folder.join(PARTIAL), &text)
    }

    /// Writes what is missing, and the manifest. `progress` gets bytes written.
    ///
    /// `importance` says of a tensor how much an error in each of its columns counts; empty is all alike.
    pub fn write(
        mut self,
        weights: &mut Weights<'_>,
        importance: &dyn Fn(&TensorEntry) -> Vec<f32>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Manifest> {
        while self.partial.done.len() < self.layout.shards.len() {
            let hash = self.write_shard(self.partial.done.len(), weights, importance, progress)?;
            self.partial.done.push(hash);
            self.save()?;
        }
        let mut manifest = self.manifest;
        for (shard, hash) in manifest.shards.iter_mut().zip(self.partial.done) {
            shard.file.sha256 = hash;
        }
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Crash(error.to_string()))?;
        files::write(&self.folder.join(MANIFEST), &text)?;
        let partial = self.folder.join(PARTIAL);
        fs::remove_file(&partial).map_err(|error| Error::write(&partial, error))?;
        Ok(manifest)
    }

    /// Writes a shard under another name, then renames it; returns its hash.
    fn write_shard(
        &self,
        index: usize,
        weights: &mut Weights<'_>,
        importance: &dyn Fn(&TensorEntry) -> Vec<f32>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<String> {
        let inconsistent = || Error::Crash("the plan of the pack contradicts itself".into());
        let (Some(shard), Some(header), Some(contents)) =
            (self.layout.shards.get(index), self.layout.headers.get(index), self.layout.contents.get(index))
        else {
            return Err(inconsistent());
        };
        let path = self.folder.join(&shard.file.path);
        let partial = path.with_extension("partial");
        let failed = |error| Error::write(&partial, error);
        let file = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(failed)?);
        let mut file = Hashed { file, hash: Sha256::new(), bytes: 0 };
        file.add(header).map_err(failed)?;
        progress(header.len() as u64);
        for &(tensor, piece) in contents {
            let tensor = self.layout.tensors.get(tensor).ok_or_else(inconsistent)?;
            let rows: usize = tensor.pieces.iter().take(piece).map(|piece| piece.rows).sum();
            let count = tensor.pieces.get(piece).ok_or_else(inconsistent)?.rows;
            let importance = importance(tensor);
            let each = (CHUNK / tensor.columns().max(1)).max(1);
            // A sixteenth of the codes: small enough to wait in memory until all codes are written.
            let mut scales = Vec::new();
            for start in (rows..rows + count).step_by(each) {
                let end = (start + each).min(rows + count);
                let values = weights(tensor, start..end)?;
                let search = self.manifest.search;
                let packed = pack(tensor, search, &values, &importance)?;
                file.add(&packed.0).map_err(failed)?;
                progress(packed.0.len() as u64);
                scales.extend(packed.1);
            }
            file.add(&scales).map_err(failed)?;
            progress(scales.len() as u64);
        }
        let Hashed { file, hash, bytes } = file;
        if bytes != shard.file.bytes {
            let expected = shard.file.bytes;
            return Err(Error::Crash(format!(
                "{}: expected {expected} bytes by the plan, wrote {bytes}",
                path.display()
            )));
        }
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        // On the disk before it is called finished.
        file.sync_all().map_err(failed)?;
        fs::rename(&partial, &path).map_err(|error| Error::write(&path, error))?;
        Ok(hex(&hash.finalize()))
    }
}

/// Bytes of codes and of scales, little-endian, on all threads.
fn pack(
    tensor: &TensorEntry,
    search: Search,
    values: &[f32],
    importance: &[f32],
) -> Result<(Vec<u8>, Vec<u8>)> {
    if !tensor.scheme.is_quantized() {
        return Ok((tensor.scheme.float_bytes(values), Vec::new()));
    }
    let columns = tensor.columns().max(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = (values.len() / columns).div_ceil(threads).max(1);
    let parts: Option<Vec<Packed>> = std::thread::scope(|scope| {
        let tasks: Vec<_> = values
            .chunks(rows * columns)
            .map(|values| scope.spawn(move || tensor.scheme.pack(search, columns, values, importance)))
            .collect();
        tasks.into_iter().map(|task| task.join().ok()).collect()
    });
    let parts = parts.ok_or_else(|| Error::Crash(format!("tensor {}: a thread gave up", tensor.name)))?;
    let bytes = |words: &mut dyn Iterator<Item = u32>| words.flat_map(u32::to_le_bytes).collect();
    Ok((
        bytes(&mut parts.iter().flat_map(|part| part.codes.iter().copied())),
        bytes(&mut parts.iter().flat_map(|part| part.scales.iter().copied())),
    ))
}

/// A file whose hash is known when it is written.
struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    fn add(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// Bits per weight, for the summary.
pub fn bits_per_weight(layout: &Layout) -> f64 {
    let weights: f64 =
        layout.tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>() as f64).sum();
    8.0 * layout.bytes() as f64 / weights.max(1.0)
}

/// For the summary: weights of each scheme, in percent.
pub fn shares(layout: &Layout) -> Vec<(Scheme, f64)> {
    let weights = |tensor: &TensorEntry| tensor.shape.iter().product::<usize>() as f64;
    let all: f64 = layout.tensors.iter().map(weights).sum();
    let of = |scheme: Scheme| {
        layout.tensors.iter().filter(|tensor| tensor.scheme == scheme).map(weights).sum::<f64>()
    };
    let shares = Scheme::ALL.iter().map(|&scheme| (scheme, 100.0 * of(scheme) / all.max(1.0)));
    shares.filter(|(_, share)| *share > 0.0).collect()
}
