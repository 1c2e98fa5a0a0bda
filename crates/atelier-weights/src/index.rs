//! `<stem>.safetensors.index.json`: which shard holds which tensor.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::json::Entries;
use crate::{ByteSource, Error, Header, Result, read_json};

/// The shard of every tensor.
pub(crate) struct Index {
    /// The index file, for messages.
    file: String,
    shard_of: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawIndex {
    weight_map: Entries<String>,
}

impl Index {
    /// Reads the index at `path` and checks its names; no shard is looked at.
    pub(crate) async fn read(source: &dyn ByteSource, path: &str) -> Result<Self> {
        let file = source.locate(path);
        let RawIndex { weight_map: Entries(entries) } = read_json(source, path).await?;
        if entries.is_empty() {
            return Err(Error::EmptyIndex { file });
        }
        let mut shard_of = BTreeMap::new();
        for (tensor, shard) in entries {
            if !is_plain_name(&shard) {
                return Err(Error::ShardName { file, tensor, shard });
            }
            if let Some(other) = shard_of.insert(tensor.clone(), shard.clone()) {
                return Err(Error::TwoShards { file, tensor, shard: other, other: shard });
            }
        }
        Ok(Self { file, shard_of })
    }

    /// The shard names, sorted, each once.
    pub(crate) fn shards(&self) -> BTreeSet<&str> {
        self.shard_of.values().map(String::as_str).collect()
    }

    pub(crate) fn missing_shard(&self, shard: &str, location: String) -> Error {
        Error::MissingShard { file: self.file.clone(), shard: shard.to_owned(), location }
    }

    /// Checks that index and shards hold the same tensors, each once. `headers` has one entry a shard.
    pub(crate) fn check(&self, headers: &BTreeMap<&str, Header>) -> Result<()> {
        let file = || self.file.clone();
        for (tensor, shard) in &self.shard_of {
            if !headers.get(shard.as_str()).is_some_and(|header| header.tensors.contains_key(tensor)) {
                return Err(Error::NotInShard { file: file(), tensor: tensor.clone(), shard: shard.clone() });
            }
        }
        for (&found, header) in headers {
            for tensor in header.tensors.keys() {
                let (tensor, found) = (tensor.clone(), found.to_owned());
                match self.shard_of.get(&tensor) {
                    None => return Err(Error::NotInIndex { file: file(), tensor, shard: found }),
                    Some(shard) if *shard != found => {
                        let shard = shard.clone();
                        return Err(Error::TwoShards { file: file(), tensor, shard, other: found });
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// A file name that stays in its folder on every system and prints on one line.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.chars().any(|c| matches!(c, '/' | '\\' | ':') || c.is_control())
}
