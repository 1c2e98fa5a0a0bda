//! A checkpoint folder or a pack, checked as a whole before a single weight is read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atelier_weights::checkpoint::TOKENIZER;
use atelier_weights::{
    ByteSource, Component, ComponentName, FLOATS, MANIFEST, Manifest, PackSource, Scheme, Shard, Stored,
    TensorEntry, hex, read_all,
};
use sha2::{Digest, Sha256};

use crate::calibration::Calibration;
use crate::card::Card;
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::inventory::{InventoryEntry, TensorRole, inventory};
use crate::progress::Stage;
use crate::prompt::{PromptTokenizer, SpecialTokens};
use crate::scheduler;

/// The largest `tokenizer.json` that is read: the public one has 20 MB.
const MAX_TOKENIZER: u64 = 256 << 20;

/// A model that is ready to be loaded, stage by stage.
pub struct Checkpoint {
    config: ModelConfig,
    card: Option<Card>,
    tokenizer: PromptTokenizer,
    components: Vec<Opened>,
    fingerprint: String,
    pack: Option<Pack>,
    calibration: Option<Calibration>,
}

/// A component whose tensors have been checked.
struct Opened {
    name: ComponentName,
    component: Component,
    /// For names that the files lack, the ones under which they have the same tensors.
    aliases: BTreeMap<String, String>,
}

/// What is particular about a pack.
struct Pack {
    source: Arc<dyn ByteSource>,
    manifest: Manifest,
    /// Stages whose files were compared with their hashes.
    verified: RefCell<Vec<Stage>>,
}

impl Checkpoint {
    /// Reads configurations, tokenizer and headers, and checks every tensor's name and shape.
    ///
    /// # Errors
    /// A missing, malformed or contradictory file; a tensor that is missing, superfluous or of another shape.
    pub async fn open(source: Arc<dyn ByteSource>) -> Result<Self> {
        let pack = Manifest::read(&*source).await?;
        let headers = match &pack {
            Some(manifest) => {
                let headers = manifest.headers(&*source).await?;
                // Small, and everything depends on them.
                for file in &manifest.files {
                    if !file.is_verified(&*source).await? {
                        file.verify(&*source, |_| Ok::<_, Error>(())).await?;
                    }
                }
                headers
            }
            None => Vec::new(),
        };
        let packed = pack.as_ref().map(|manifest| PackSource::new(&*source, manifest));
        let files: &dyn ByteSource = packed.as_ref().map_or(&*source, |packed| packed);
        let config = ModelConfig::read(files).await?;
        scheduler::check(&config.scheduler, files)?;
        if let Some(manifest) = &pack {
            check_stages(manifest, &config, &source.locate(MANIFEST))?;
        }
        let card = Card::read(files).await?;
        let tokenizer = read_tokenizer(files).await?;
        let mut components = Vec::new();
        let mut hash = Sha256::new();
        hash.update(format!("{config:?}"));
        for name in ComponentName::ALL {
            let component = match &pack {
                Some(manifest) => manifest.component(source.clone(), &headers, name.folder())?,
                None => Component::open(source.clone(), name.folder(), name.stem()).await?,
            };
            let inventory = inventory(&config, name);
            check_inventory(&component, &inventory)?;
            if pack.is_none() {
                hash.update(component.fingerprint().await?);
            }
            let aliases = aliases_of(&component, &inventory);
            components.push(Opened { name, component, aliases });
        }
        if let Some(manifest) = &pack {
            hash.update(manifest.fingerprint());
        }
        let fingerprint = match &pack {
            // Another form of the same model: blueprints and pictures are exchanged freely.
            Some(manifest) if manifest.is_lossless() => manifest.source.clone(),
            _ => hex(&hash.finalize()),
        };
        let pack = pack.map(|manifest| Pack { source, manifest, verified: RefCell::default() });
        Ok(Self { config, card, tokenizer, components, fingerprint, pack, calibration: None })
    }

    /// Has every model that is loaded from now on measure its inputs.
    pub(crate) fn calibrate(&mut self) -> Calibration {
        self.calibration.get_or_insert_default().clone()
    }

    pub(crate) fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// Whether it is a pack: then weights stay as they are stored.
    pub fn is_pack(&self) -> bool {
        self.pack.is_some()
    }

    /// The manifest of a pack.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.pack.as_ref().map(|pack| &pack.manifest)
    }

    /// Whether a blueprint of the model `fingerprint` can be painted: this one, or the one that a pack was made from.
    pub fn accepts(&self, fingerprint: &str) -> bool {
        self.fingerprint == fingerprint
            || self.manifest().is_some_and(|manifest| manifest.source == fingerprint)
    }

    /// Compares the shards of a stage with their hashes, but for those of which the source knows that they are right; nothing
    /// where it is not a pack. `progress` gets the bytes so far and in all, and may stop.
    ///
    /// # Errors
    /// A shard is damaged or cannot be read; `progress` fails.
    pub async fn verify(&self, stage: Stage, mut progress: impl FnMut(u64, u64) -> Result<()>) -> Result<()> {
        let Some(pack) = &self.pack else { return Ok(()) };
        if pack.verified.borrow().contains(&stage) {
            return Ok(());
        }
        let mut files = Vec::new();
        for Shard { file, .. } in pack.manifest.shards.iter().filter(|shard| shard.stage == stage.name()) {
            if !file.is_verified(&*pack.source).await? {
                files.push(file);
            }
        }
        let total = files.iter().map(|file| file.bytes).sum();
        let mut done = 0;
        for file in files {
            let on = |bytes| {
                done += bytes;
                progress(done, total)
            };
            file.verify(&*pack.source, on).await?;
        }
        pack.verified.borrow_mut().push(stage);
        Ok(())
    }

    /// The checkpoint's configurations.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What the model says it can draw, if it says so.
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
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
    /// header and both ends of its data; of a pack the whole manifest, with the hash of every file, unless nothing in it
    /// is quantized: then it is the checkpoint it was made from.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Files and bytes of each component.
    pub fn components(&self) -> impl Iterator<Item = (ComponentName, &Component)> {
        self.components.iter().map(|Opened { name, component, .. }| (*name, component))
    }

    /// The component `name`.
    ///
    /// # Errors
    /// None: every component is opened.
    pub fn component(&self, name: ComponentName) -> Result<&Component> {
        let found = self.opened(name).map(|opened| &opened.component);
        found.ok_or_else(|| Error::Compute(format!("component {} was not opened", name.folder())))
    }

    fn opened(&self, name: ComponentName) -> Option<&Opened> {
        self.components.iter().find(|opened| opened.name == name)
    }

    /// The name under which the files of a component have the tensor `name`: that one, or another for the same tensor.
    pub fn stored_name<'n>(&'n self, component: ComponentName, name: &'n str) -> &'n str {
        self.opened(component).and_then(|opened| opened.aliases.get(name)).map_or(name, String::as_str)
    }

    /// How the files have the tensor `name`.
    pub fn stored(&self, component: ComponentName, name: &str) -> Option<&Stored> {
        self.opened(component)?.component.get(self.stored_name(component, name))
    }
}

async fn read_tokenizer(source: &dyn ByteSource) -> Result<PromptTokenizer> {
    let file = source.locate(TOKENIZER);
    match read_all(source, TOKENIZER, MAX_TOKENIZER).await? {
        Some(bytes) => PromptTokenizer::from_bytes(&bytes, &file),
        None => Err(Error::Tokenizer { file, problem: "expected the tokenizer, found no such file".into() }),
    }
}

/// Checks that every tensor lies in shards of the stage that reads it: those are verified before the stage is loaded.
fn check_stages(manifest: &Manifest, config: &ModelConfig, location: &str) -> Result<()> {
    let wrong = |problem: String| Error::Weights { location: location.to_owned(), problem };
    for Shard { stage, file } in &manifest.shards {
        if !Stage::ALL.iter().any(|known| known.name() == stage) {
            let known: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
            let (path, known) = (&file.path, known.join(", "));
            return Err(wrong(format!(
                "shard {path:?}: expected one of the stages {known}, found {stage:?}"
            )));
        }
    }
    let tensors: BTreeMap<(&str, &str), &TensorEntry> = manifest
        .tensors
        .iter()
        .map(|tensor| ((tensor.component.as_str(), tensor.name.as_str()), tensor))
        .collect();
    for component in ComponentName::ALL {
        for InventoryEntry { name, stage, role, .. } in inventory(config, component) {
            let tensor = tensors.get(&(component.folder(), name.as_str()));
            let Some(tensor) = tensor.filter(|_| role != TensorRole::Unused) else { continue };
            let mut shards = tensor.pieces.iter().filter_map(|piece| manifest.shards.get(piece.shard));
            if let Some(Shard { stage: found, file }) = shards.find(|shard| shard.stage != stage.name()) {
                let (tensor, stage) = (&tensor.name, stage.name());
                return Err(wrong(format!(
                    "tensor {tensor}: expected in a shard of the stage {stage}, found in {:?} of {found}",
                    file.path
                )));
            }
        }
    }
    Ok(())
}

/// For names that a component lacks, the ones under which it has the same tensors.
fn aliases_of(component: &Component, inventory: &[InventoryEntry]) -> BTreeMap<String, String> {
    let alias = |entry: &InventoryEntry| match &entry.role {
        TensorRole::AliasOf(name) if component.get(name).is_none() => {
            Some((name.clone(), entry.name.clone()))
        }
        _ => None,
    };
    inventory.iter().filter_map(alias).collect()
}

/// Whether a tensor that some programs store follows from the configuration: it is computed anew, and never read.
fn is_recomputed(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "inv_freq" | "original_inv_freq" | "position_ids" | "cos_cached" | "sin_cached")
}

/// Compares what the files hold with what the configuration calls for.
fn check_inventory(component: &Component, inventory: &[InventoryEntry]) -> Result<()> {
    let problem = |problem: String| Error::Weights { location: component.location(), problem };
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
        if entry.role != TensorRole::Unused && info.scheme.is_none() {
            return Err(problem(format!(
                "tensor {}: expected dtype {FLOATS}, found {}",
                entry.name, info.dtype
            )));
        }
        if !entry.matrix && info.scheme.is_some_and(Scheme::is_quantized) {
            return Err(problem(format!(
                "tensor {}: expected {FLOATS}, as it is no matrix, found it quantized",
                entry.name
            )));
        }
    }
    let superfluous = |name: &str| !known.contains(name) && !is_recomputed(name);
    match component.tensors().find(|(name, _)| superfluous(name)) {
        Some((name, info)) => Err(problem(format!(
            "tensor {name}: the configuration has no place for it, found shape {:?}",
            info.shape
        ))),
        None => Ok(()),
    }
}
