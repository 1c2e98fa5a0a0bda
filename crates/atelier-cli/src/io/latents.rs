//! Initial noise from a file.

use std::path::Path;
use std::sync::Arc;

use atelier::Noise;
use atelier::record::LatentsRecord;
use atelier_weights::{Component, Dtype, FolderSource, hex};
use futures_lite::future::block_on;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The tensor's name.
const NOISE: &str = "noise";

/// Noise as given.
#[derive(Debug, Clone)]
pub struct Latents {
    pub noise: Noise,
    /// Which picture of the file `noise` starts with.
    pub first: usize,
    pub sha256: String,
}

impl Latents {
    /// Reads the tensor `noise` of a safetensors file.
    ///
    /// # Errors
    /// Naming the file when it is damaged or the tensor is missing, not F32, not four-dimensional or not finite.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| path.is_file()) else {
            return Err(Error::flag("--latents", "a safetensors file", format!("'{}'", path.display())));
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let source = Arc::new(FolderSource::open(folder.unwrap_or(Path::new(".")))?);
        let file = block_on(Component::open_file(source, name))?;
        let Some(info) = file.get(NOISE) else {
            let names: Vec<&str> = file.tensors().map(|(name, _)| name).take(5).collect();
            return Err(Error::input(path, format!("expected a tensor {NOISE}, found {names:?}")));
        };
        if info.dtype != Dtype::F32 || info.shape.len() != 4 {
            let found = format!("{} {:?}", info.dtype, info.shape);
            let expected = "F32 [images, 16, height / 8, width / 8]";
            return Err(Error::input(path, format!("tensor {NOISE}: expected {expected}, found {found}")));
        }
        let sha256 = Sha256::digest(block_on(file.read_bytes(NOISE))?);
        let sha256 = hex(&sha256);
        let noise = Noise { shape: info.shape.clone(), values: block_on(file.read_f32(NOISE))? };
        Ok(Self { noise, first: 0, sha256 })
    }

    /// The one picture that `record` names.
    ///
    /// # Errors
    /// When these are other values than the recorded ones.
    pub fn recorded(self, record: &LatentsRecord, path: &Path) -> Result<Self> {
        if self.sha256 != record.sha256 {
            let (expected, found) = (&record.sha256, &self.sha256);
            return Err(Error::input(
                path,
                format!("tensor {NOISE}: expected sha256 {expected}, found {found}"),
            ));
        }
        let Noise { mut shape, values } = self.noise;
        let images = shape[0];
        let length = values.len() / images.max(1);
        let range =
            record.index.saturating_mul(length)..record.index.saturating_add(1).saturating_mul(length);
        let Some(values) = values.get(range).filter(|values| !values.is_empty()) else {
            let problem =
                format!("tensor {NOISE}: expected a picture {}, found {images} pictures", record.index);
            return Err(Error::input(path, problem));
        };
        shape[0] = 1;
        let noise = Noise { shape, values: values.to_vec() };
        Ok(Self { noise, first: record.index, sha256: self.sha256 })
    }

    /// What picture `image` of this run notes.
    pub fn record(&self, image: usize) -> LatentsRecord {
        LatentsRecord { sha256: self.sha256.clone(), index: self.first + image }
    }
}
