//! What a model is, or why what was given is none, and what to do next.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atelier::memory::{PlanRequest, plan};
use atelier::{Checkpoint, DeviceReport, Settings, packing};
use atelier_weights::checkpoint::{CONFIGS, MODEL_INDEX, TOKENIZER};
use atelier_weights::{ByteSource, Component, ComponentName, FolderSource, read_json};
use serde::Serialize;

use crate::error::{Result, one_line};
use crate::model::{Kind, Model, Place};
use crate::session::memory::{GB, free_memory};
use crate::ui::format::{counted, size};

/// The class of the checkpoints that can be run.
const CLASS: &str = "GlmImagePipeline";

/// What a model is.
#[derive(Debug, Serialize)]
pub struct ModelReport {
    name: String,
    /// Only of a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    kind: &'static str,
    /// Where its files are, if that is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
    /// Whether it opens: every name and shape is as it should be.
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    components: Vec<Part>,
    /// Files that are not there, other than weights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Links that lead nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    broken_links: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What to do, if there is anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Part {
    name: &'static str,
    files: usize,
    bytes: u64,
    tensors: usize,
    /// How its tensors are stored.
    dtypes: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'static str>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Whether there are no files of it at all, or only some.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

/// What a picture of the model's own size needs.
#[derive(Debug, Serialize)]
struct Memory {
    width: usize,
    height: usize,
    /// Bytes at once.
    needed: u64,
    /// Bytes of the machine, where the device computes in those and the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
}

impl ModelReport {
    /// Of a model, for the device that would be used. Whatever is wrong is part of the report.
    pub async fn of(model: &Model, device: Option<&DeviceReport>) -> Self {
        let mut report = Self {
            name: model.name(),
            path: None,
            kind: "built in",
            folder: None,
            usable: false,
            fingerprint: None,
            components: Vec::new(),
            missing: Vec::new(),
            broken_links: Vec::new(),
            memory: None,
            error: None,
            next: None,
        };
        let mut files = None;
        if let Model::Folder(path) = model {
            let place = Place::of(path);
            report.kind = place.kind.words();
            report.path = Some(path.clone());
            report.next = place.advice;
            report.folder = place.folder.clone().filter(|folder| folder != path);
            files = place.folder.filter(|_| place.kind != Kind::Pack);
        }
        match open(model).await {
            Ok(checkpoint) => report.opened(&checkpoint, model, device),
            Err(error) => {
                // What to do is said for itself.
                let place = report.next.as_ref().map(|_| report.kind);
                report.error = Some(match place {
                    Some(kind) => format!("expected the folder of a model, found {kind}"),
                    None => error.to_string(),
                });
                if let Some(folder) = files {
                    report.look_at_parts(&folder).await;
                }
            }
        }
        report
    }

    fn opened(&mut self, checkpoint: &Checkpoint, model: &Model, device: Option<&DeviceReport>) {
        self.usable = true;
        self.fingerprint = Some(checkpoint.fingerprint().to_owned());
        self.components =
            checkpoint.components().map(|(name, component)| Part::of(name, component)).collect();
        let Settings { width, height, .. } = Settings::default_of(checkpoint);
        let request = PlanRequest::new(width, height, checkpoint.is_pack());
        let Ok(plan) = plan(checkpoint.config(), &packing::loaded(checkpoint), &request) else { return };
        let free = device.and_then(free_memory).map(|free| free.bytes);
        let fits = free.map(|free| plan.fits(free));
        if fits == Some(false) {
            self.next = Some(if checkpoint.is_pack() {
                format!("see what fits: atelier plan --model {model} --vram-budget GB")
            } else {
                format!("make it smaller: atelier quantize {model} -o PACK")
            });
        }
        self.memory = Some(Memory { width, height, needed: plan.peak(), free, fits });
    }

    /// What there is of a checkpoint that does not open.
    async fn look_at_parts(&mut self, folder: &Path) {
        let Ok(source) = FolderSource::open(folder) else { return };
        let source: Arc<dyn ByteSource> = Arc::new(source);
        for name in ComponentName::ALL {
            self.components.push(match Component::open(source.clone(), name.folder(), name.stem()).await {
                Ok(component) => Part::of(name, &component),
                Err(error) => Part::unusable(name, &error),
            });
        }
        for path in CONFIGS.into_iter().chain([TOKENIZER]).filter(|path| *path != MODEL_INDEX) {
            if !matches!(source.size(path).await, Ok(Some(_))) {
                self.missing.push(path.to_owned());
            }
        }
        self.broken_links = broken_links(folder);
        let index: Option<serde_json::Value> = read_json(&*source, MODEL_INDEX).await.ok();
        let class = index.as_ref().and_then(|index| index["_class_name"].as_str()).unwrap_or(CLASS);
        self.next = Some(if class != CLASS {
            format!("it is a checkpoint of {class}: only {CLASS} can be run")
        } else if !self.broken_links.is_empty() {
            "links lead nowhere: run the download again, or copy the folder with cp -RL".to_owned()
        } else if !self.missing.is_empty() || self.components.iter().any(|part| part.problem.is_some()) {
            "files are missing or damaged: run the download again".to_owned()
        } else {
            "mend the file that is named, or run the download again".to_owned()
        });
    }

    /// For a person.
    pub fn describe(&self) -> String {
        let Self {
            name,
            path,
            kind,
            folder,
            fingerprint,
            components,
            missing,
            broken_links,
            memory,
            error,
            next,
            ..
        } = self;
        let mut text = String::new();
        let mut line = |value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", one_line(value));
        };
        let place =
            path.as_ref().map_or_else(|| (*kind).to_owned(), |path| format!("{}: {kind}", path.display()));
        line(&format!("{name} ({place})"));
        if let Some(folder) = folder {
            line(&format!("its files are in {}", folder.display()));
        }
        if let Some(fingerprint) = fingerprint {
            line(&format!("fingerprint {fingerprint}"));
        }
        for Part { name, files, bytes, tensors, dtypes, variant, problem, state } in components {
            if let Some(problem) = problem {
                line(&format!("{name:<24}  {}: {problem}", state.unwrap_or_default()));
                continue;
            }
            let dtypes: Vec<&str> = dtypes.iter().map(String::as_str).collect();
            let variant = variant.map_or_else(String::new, |variant| format!(", variant {variant}"));
            let tensors = counted(*tensors, "tensor");
            let (bytes, files, dtypes) = (size(*bytes), counted(*files, "file"), dtypes.join(", "));
            line(&format!("{name:<24} {bytes:>8}, {tensors} in {files}, {dtypes}{variant}"));
        }
        for (what, paths) in [("missing", missing), ("a link to nothing", broken_links)] {
            for path in paths {
                line(&format!("{what}: {path}"));
            }
        }
        if let Some(Memory { width, height, needed, free, fits }) = memory {
            let free = free.map(|free| format!(", {:.2} GB of memory are free", free as f64 / GB));
            let verdict = match fits {
                Some(true) => ": it fits",
                Some(false) => ": it does not fit",
                None => "",
            };
            let needed = *needed as f64 / GB;
            line(&format!("needs {needed:.2} GB at {width}x{height}{}{verdict}", free.unwrap_or_default()));
        }
        if let Some(error) = error {
            let told = components.iter().find(|part| part.problem.as_ref() == Some(error));
            let brief = told.map(|part| format!("its {} is {}", part.name, part.state.unwrap_or_default()));
            line(&format!("cannot be used: {}", brief.as_ref().unwrap_or(error)));
        }
        if let Some(next) = next {
            line(&format!("next: {next}"));
        }
        text
    }
}

impl Part {
    fn of(name: ComponentName, component: &Component) -> Self {
        let stored = |stored: &atelier_weights::Stored| {
            stored.scheme.map_or_else(|| stored.dtype.to_string(), |scheme| scheme.name().to_owned())
        };
        Self {
            name: name.folder(),
            files: component.files().count(),
            bytes: component.files().map(|(_, bytes)| bytes).sum(),
            tensors: component.tensors().count(),
            dtypes: component.tensors().map(|(_, tensor)| stored(tensor)).collect(),
            variant: component.variant(),
            problem: None,
            state: None,
        }
    }

    fn unusable(name: ComponentName, error: &atelier_weights::Error) -> Self {
        use atelier_weights::Error::{MissingFile, MissingShard, MissingWeights};
        let state = match error {
            MissingFile { .. } | MissingWeights { .. } => "missing",
            MissingShard { .. } => "incomplete",
            _ => "damaged",
        };
        Self {
            name: name.folder(),
            files: 0,
            bytes: 0,
            tensors: 0,
            dtypes: BTreeSet::new(),
            variant: None,
            problem: Some(error.to_string()),
            state: Some(state),
        }
    }
}

async fn open(model: &Model) -> Result<Checkpoint> {
    Ok(Checkpoint::open(model.source()?).await?)
}

/// Links in the folder of a checkpoint, and in those of its parts, whose files are not there.
fn broken_links(folder: &Path) -> Vec<String> {
    let entries =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let parts =
        entries(folder).filter(|path| path.is_dir()).flat_map(|part| entries(&part).collect::<Vec<_>>());
    let all = entries(folder).chain(parts).filter(|path| path.is_symlink() && !path.exists());
    let mut links: Vec<String> =
        all.map(|path| path.strip_prefix(folder).unwrap_or(&path).display().to_string()).collect();
    links.sort();
    links
}
