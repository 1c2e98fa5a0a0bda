//! A checkpoint folder, checked as a whole before a single weight is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use atelier_weights::{ByteSource, Component, Dtype, read_all};
use sha2::{Digest, Sha256};

use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::prompt::{PromptTokenizer, SpecialTokens};
use crate::weight_mapping::{ComponentName, InventoryEntry, TensorRole, inventory};

/// The largest `tokenizer.json` that is read: the public one has 20 MB.
const MAX_TOKENIZER: u64 = 256 << 20;

/// A model that is ready to be loaded, stage by stage.
pub struct Checkpoint {
    config: ModelConfig,
    tokenizer: PromptTokenizer,
    components: Vec<(ComponentName, Component)>,
    fingerprint: String,
}

impl Checkpoint {
    /// Reads configurations, tokenizer and headers, and checks every tensor's name and shape.
    ///
    /// # Errors
    /// A missing, malformed or contradictory file; a tensor that is missing, superfluous or of another shape.
    pub async fn open(source: Arc<dyn ByteSource>) -> Result<Self> {
        let config = ModelConfig::read(&*source).await?;
        let tokenizer = read_tokenizer(&*source).await?;
        let mut components = Vec::new();
        let mut hash = Sha256::new();
        hash.update(format!("{config:?}"));
        for name in ComponentName::ALL {
            let component = Component::open(source.clone(), name.folder(), name.stem()).await?;
            check_inventory(&component, &inventory(&config, name).await?)?;
            hash.update(component.fingerprint().await?);
            components.push((name, component));
        }
        let fingerprint = hex(&hash.finalize());
        Ok(Self { config, tokenizer, components, fingerprint })
    }

    /// The checkpoint's configurations.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The architect's tokenizer.
    pub fn tokenizer(&self) -> &PromptTokenizer {
        &self.tokenizer
    }

    /// The ids around images.
    pub fn special_tokens(&self) -> SpecialTokens {
        SpecialTokens {
            image_start: self.config.prior.image_start_token_id,
            image_end: self.config.prior.image_end_token_id,
            image_token: self.config.prior.image_token_id,
        }
    }

    /// The model's identity, in hexadecimal: SHA-256 over the configurations and, of every weight file, its name, size,
    /// header and both ends of its data.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Files and bytes of each component.
    pub fn components(&self) -> impl Iterator<Item = (ComponentName, &Component)> {
        self.components.iter().map(|(name, component)| (*name, component))
    }

    /// The component `name`; every one is opened.
    pub(crate) fn component(&self, name: ComponentName) -> Result<&Component> {
        let found = self.components.iter().find_map(|(n, component)| (*n == name).then_some(component));
        found.ok_or_else(|| Error::Compute(format!("component {} was not opened", name.folder())))
    }
}

async fn read_tokenizer(source: &dyn ByteSource) -> Result<PromptTokenizer> {
    let path = "processor/tokenizer.json";
    let file = source.locate(path);
    match read_all(source, path, MAX_TOKENIZER).await? {
        Some(bytes) => PromptTokenizer::from_bytes(&bytes, &file),
        None => Err(Error::Tokenizer { file, problem: "expected the tokenizer, found no such file".into() }),
    }
}

/// Compares what the files hold with what the configuration calls for.
fn check_inventory(component: &Component, inventory: &[InventoryEntry]) -> Result<()> {
    let problem = |problem: String| Error::Weights { place: component.place(), problem };
    let present = |name: &str| component.get(name).is_some();
    let mut known = BTreeSet::new();
    for entry in inventory {
        known.insert(entry.name.as_str());
        let Some(info) = component.get(&entry.name) else {
            let elsewhere = inventory.iter().any(|other| {
                matches!(&other.role, TensorRole::AliasOf(name) if *name == entry.name)
                    && present(&other.name)
            });
            if entry.role == TensorRole::Used && !elsewhere {
                return Err(problem(format!(
                    "tensor {}: expected shape {:?}, found no such tensor",
                    entry.name, entry.shape
                )));
            }
            continue;
        };
        if info.shape != entry.shape {
            return Err(problem(format!(
                "tensor {}: expected shape {:?}, found {:?}",
                entry.name, entry.shape, info.shape
            )));
        }
        if entry.role != TensorRole::Unused && !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::Bf16) {
            return Err(problem(format!(
                "tensor {}: expected dtype F32, F16 or BF16, found {}",
                entry.name, info.dtype
            )));
        }
    }
    match component.tensors().find(|(name, _)| !known.contains(name)) {
        Some((name, info)) => Err(problem(format!(
            "tensor {name}: the configuration has no place for it, found shape {:?}",
            info.shape
        ))),
        None => Ok(()),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
