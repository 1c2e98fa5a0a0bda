//! Packs by hand, so that a test can get any part of them wrong.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atelier_weights::{
    ByteSource, Component, E4M3, FileEntry, MANIFEST, Manifest, MemorySource, PACK_FORMAT, PieceEntry,
    Result, Scheme, Search, Shard, TensorEntry,
};
use futures_lite::future::block_on;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::file;

pub const SHARDS: [&str; 2] = ["architect-00001.safetensors", "painter-00001.safetensors"];
pub const EXTRA: &str = "processor/tokenizer.json";

/// A pack that can be got wrong: the manifest, the files beside it.
#[derive(Clone)]
pub struct Pack {
    pub manifest: Value,
    pub files: BTreeMap<String, Vec<u8>>,
    /// What the tensors of the sound pack stand for, by component and name.
    pub values: BTreeMap<(String, String), Vec<f32>>,
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Numbers that every scheme keeps about right, and no two rows alike.
pub fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 16.0).collect()
}

/// The bytes of a piece's parts, in order, and what they stand for.
pub fn parts(scheme: Scheme, columns: usize, weights: &[f32]) -> (Vec<Vec<u8>>, Vec<f32>) {
    let packed = scheme.pack(Search::Nearest, columns, weights, &[]);
    if scheme.is_quantized() {
        (vec![words(&packed.codes), words(&packed.scales)], scheme.unpack(columns, &packed))
    } else if scheme == Scheme::F8 {
        let codes = scheme.float_bytes(weights);
        let stands_for = codes.iter().map(|&code| E4M3[usize::from(code)]).collect();
        (vec![codes], stands_for)
    } else {
        (vec![scheme.float_bytes(weights)], weights.to_vec())
    }
}

/// Component, name, shape, scheme, and for each piece shard and rows.
pub type Tensor<'a> = (&'a str, &'a str, &'a [usize], Scheme, &'a [(usize, usize)]);

pub const TENSORS: &[Tensor<'_>] = &[
    ("part", "table", &[5, 3], Scheme::Bf16, &[(0, 3), (1, 2)]),
    ("part", "q4", &[6, 96], Scheme::Q4, &[(0, 4), (0, 2)]),
    ("part", "q8", &[3, 32], Scheme::Q8, &[(0, 3)]),
    ("part", "offset", &[2, 64], Scheme::Q4Offset, &[(1, 2)]),
    ("part", "bias", &[5], Scheme::F16, &[(1, 5)]),
    ("part", "eight", &[3, 5], Scheme::F8, &[(0, 1), (1, 2)]),
    ("other", "scalar", &[], Scheme::F32, &[(1, 1)]),
    ("other", "kernel", &[2, 1, 3, 3], Scheme::F32, &[(1, 2)]),
];

impl Pack {
    /// A pack as it should be, its headers written by hand.
    pub fn sound() -> Self {
        let (mut entries, mut values) = (Vec::new(), BTreeMap::new());
        let mut shards = [(); 2].map(|()| (serde_json::Map::new(), Vec::<u8>::new()));
        for &(component, name, shape, scheme, pieces) in TENSORS {
            let entry = TensorEntry {
                component: component.to_owned(),
                name: name.to_owned(),
                shape: shape.to_vec(),
                scheme,
                pieces: pieces.iter().map(|&(shard, rows)| PieceEntry { shard, rows }).collect(),
            };
            let columns = entry.columns();
            let mut weights = numbers(shape.iter().product());
            let mut all = Vec::new();
            for (index, &(shard, rows)) in pieces.iter().enumerate() {
                let rest = weights.split_off(rows * columns);
                let (bytes, stands_for) = parts(scheme, columns, &weights);
                weights = rest;
                all.extend(stands_for);
                let number = if pieces.len() == 1 { String::new() } else { format!(".{index}") };
                let suffixes: &[&str] = if scheme.is_quantized() { &[".codes", ".scales"] } else { &[""] };
                for (suffix, bytes) in suffixes.iter().zip(bytes) {
                    let (dtype, size) = match scheme {
                        Scheme::F32 => ("F32", 4),
                        Scheme::F16 => ("F16", 2),
                        Scheme::Bf16 => ("BF16", 2),
                        Scheme::F8 => ("F8_E4M3", 1),
                        _ => ("U32", 4),
                    };
                    let shape = match (scheme.is_quantized(), shape.split_first()) {
                        (true, _) => vec![rows, bytes.len() / size / rows],
                        (_, Some((_, rest))) => [&[rows], rest].concat(),
                        _ => vec![],
                    };
                    let (header, data) = &mut shards[shard];
                    let offsets = [data.len(), data.len() + bytes.len()];
                    let name = format!("{component}/{name}{number}{suffix}");
                    header.insert(name, json!({"dtype": dtype, "shape": shape, "data_offsets": offsets}));
                    data.extend(bytes);
                }
            }
            values.insert((component.to_owned(), name.to_owned()), all);
            entries.push(entry);
        }
        let mut files = BTreeMap::from([(EXTRA.to_owned(), b"{}".to_vec())]);
        for (name, (header, data)) in SHARDS.iter().zip(shards) {
            files.insert((*name).to_owned(), file(&Value::Object(header).to_string(), &data));
        }
        let entry = |path: &str| {
            let bytes = &files[path];
            FileEntry { path: path.to_owned(), bytes: bytes.len() as u64, sha256: hex(bytes) }
        };
        let shards = ["architect", "painter"]
            .iter()
            .zip(SHARDS)
            .map(|(stage, path)| Shard { stage: (*stage).to_owned(), file: entry(path) });
        let manifest = Manifest {
            format: PACK_FORMAT.to_owned(),
            source: "0123".to_owned(),
            policy: "mine".to_owned(),
            search: Search::Nearest,
            calibrated: Some("ab".repeat(32)),
            configs: BTreeMap::from([("part/config.json".to_owned(), json!({"width": 3}))]),
            files: vec![entry(EXTRA)],
            shards: shards.collect(),
            tensors: entries,
        };
        Self { manifest: serde_json::to_value(manifest).unwrap(), files, values }
    }

    /// The tensor called `name` in the manifest.
    pub fn tensor(&mut self, name: &str) -> &mut Value {
        let tensors = self.manifest["tensors"].as_array_mut().unwrap();
        tensors.iter_mut().find(|tensor| tensor["name"] == name).unwrap()
    }

    /// Changes the header of a shard, keeps its data, and notes the new size and hash.
    pub fn reshard(&mut self, shard: usize, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
        let bytes = &self.files[SHARDS[shard]];
        let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut header = serde_json::from_slice(&bytes[8..start]).unwrap();
        let mut data = bytes[start..].to_vec();
        change(&mut header, &mut data);
        let bytes = file(&header.to_string(), &data);
        self.manifest["shards"][shard]["file"]["bytes"] = json!(bytes.len());
        self.manifest["shards"][shard]["file"]["sha256"] = json!(hex(&bytes));
        self.files.insert(SHARDS[shard].to_owned(), bytes);
    }

    pub fn source(&self) -> MemorySource {
        self.source_with(self.manifest.to_string().into_bytes())
    }

    pub fn source_with(&self, manifest: Vec<u8>) -> MemorySource {
        self.files.clone().into_iter().chain([(MANIFEST.to_owned(), manifest)]).collect()
    }

    /// Opens it from a source that lends nothing but headers.
    pub fn open(&self) -> Result<Opened> {
        open(Arc::new(HeadersOnly(self.source())))
    }
}

#[derive(Debug)]
pub struct Opened {
    pub manifest: Manifest,
    pub components: Vec<Component>,
}

pub fn open(source: Arc<dyn ByteSource>) -> Result<Opened> {
    block_on(async {
        let manifest = Manifest::read(&*source).await?.expect("a manifest");
        let headers = manifest.headers(&*source).await?;
        let component = |folder| manifest.component(source.clone(), &headers, folder);
        let components = ["part", "other"].map(component).into_iter().collect::<Result<_>>()?;
        Ok(Opened { manifest, components })
    })
}

/// Files of which nobody may read more than the manifest and the headers.
pub struct HeadersOnly(MemorySource);

#[async_trait(?Send)]
impl ByteSource for HeadersOnly {
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        self.0.size(path).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        if path != MANIFEST && range.end > 8 {
            let length = self.0.read(path, 0..8).await?;
            let start = 8 + u64::from_le_bytes((*length).try_into().unwrap());
            assert!(range.end <= start, "{path}: {range:?} was read, but the header ends at {start}");
        }
        self.0.read(path, range).await
    }

    fn locate(&self, path: &str) -> String {
        self.0.locate(path)
    }
}
