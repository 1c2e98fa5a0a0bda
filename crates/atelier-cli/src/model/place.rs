//! What a path that somebody gives as a model is, and what to do where it is none.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use atelier_weights::checkpoint::{MODEL_INDEX, TOKENIZER};
use atelier_weights::{ComponentName, MANIFEST};

use crate::io::pack;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Checkpoint,
    Pack,
    UnfinishedPack,
    /// Of one model, as Hugging Face's tools keep it.
    Cache,
    /// The folder of all of these.
    AllCaches,
    Component,
    Gguf,
    Safetensors,
    Pickle,
    OtherFile,
    EmptyFolder,
    OtherFolder,
    Pipe,
    Socket,
    Device,
    /// The folder, or one that it is in, may not be read.
    Locked,
    /// A link whose target is not there.
    BrokenLink,
    Missing,
}

/// What a path is, as a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub kind: Kind,
    /// The folder that the model's files are in, if it is a model.
    pub folder: Option<PathBuf>,
    /// What to do where it is none.
    pub advice: Option<String>,
}

impl Kind {
    /// In a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Checkpoint => "a checkpoint",
            Self::Pack => "a pack",
            Self::UnfinishedPack => "an unfinished pack",
            Self::Cache => "a download cache of Hugging Face",
            Self::AllCaches => "the folder of all download caches of Hugging Face",
            Self::Component => "one component of a checkpoint",
            Self::Gguf => "a GGUF file",
            Self::Safetensors => "a single safetensors file",
            Self::Pickle => "a file of pickled weights",
            Self::OtherFile => "a file",
            Self::EmptyFolder => "an empty folder",
            Self::OtherFolder => "a folder without a model",
            Self::Pipe => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Locked => "what this user may not read",
            Self::BrokenLink => "a link to nothing",
            Self::Missing => "nothing",
        }
    }
}

impl Place {
    /// Looks at names, and at the first bytes of a file.
    pub fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => return Self::of_file(path),
            Ok(found) if found.is_dir() => {}
            Ok(found) => return Self::unusable(special(found.file_type()), ANOTHER_FOLDER),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Self::locked(),
            Err(_) => return Self::nothing(path),
        }
        // Its names, and what is behind them.
        if fs::read_dir(path).is_err() || fs::metadata(path.join(".")).is_err() {
            return Self::locked();
        }
        if pack::is_unfinished(path) {
            let advice = "rerun the same `atelier quantize` command to resume it";
            return Self::unusable(Kind::UnfinishedPack, advice);
        }
        if path.join(MANIFEST).is_file() {
            return Self::model(Kind::Pack, path);
        }
        if is_checkpoint(path) {
            return Self::model(Kind::Checkpoint, path);
        }
        if path.join("snapshots").is_dir() {
            return Self::of_cache(path);
        }
        let names = names(path);
        let caches: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| name.starts_with("models--")).collect();
        if !caches.is_empty() {
            return Self::unusable(Kind::AllCaches, one_of(path, &caches));
        }
        if let Some(whole) = path.parent().filter(|parent| is_component(path) && is_checkpoint(parent)) {
            return Self::unusable(Kind::Component, give(whole));
        }
        let models: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| is_model(&path.join(name))).collect();
        let gguf = names.iter().any(|name| Path::new(name).extension().is_some_and(|end| end == "gguf"));
        match (models.is_empty(), gguf) {
            (false, _) => Self::unusable(Kind::OtherFolder, one_of(path, &models)),
            (true, true) => Self::unusable(Kind::OtherFolder, format!("it has GGUF files; {OTHER_FORMAT}")),
            (true, false) if names.is_empty() => Self::unusable(Kind::EmptyFolder, ANOTHER_FOLDER),
            (true, false) => Self::unusable(Kind::OtherFolder, ANOTHER_FOLDER),
        }
    }

    fn of_file(path: &Path) -> Self {
        let whole = path.ancestors().skip(1).take(2).find(|folder| is_model(folder));
        let advice = |otherwise: &str| whole.map_or_else(|| otherwise.to_owned(), give);
        let mut magic = Vec::new();
        // What cannot be read is told by its name.
        let _ = File::open(path).and_then(|file| file.take(8).read_to_end(&mut magic));
        let end = path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default();
        match end.as_str() {
            _ if magic.starts_with(b"GGUF") => Self::unusable(Kind::Gguf, OTHER_FORMAT),
            "gguf" => Self::unusable(Kind::Gguf, OTHER_FORMAT),
            "safetensors" => Self::unusable(Kind::Safetensors, advice(ANOTHER_FOLDER)),
            "ckpt" | "pt" | "pth" | "bin" | "pkl" => Self::unusable(Kind::Pickle, OTHER_FORMAT),
            _ => Self::unusable(Kind::OtherFile, advice(ANOTHER_FOLDER)),
        }
    }

    /// The model itself is in the snapshot that `refs/main` names, or in the only one.
    fn of_cache(path: &Path) -> Self {
        let snapshots = path.join("snapshots");
        let main = fs::read_to_string(path.join("refs/main")).unwrap_or_default();
        let named = Path::new(main.trim()).file_name().map(|name| snapshots.join(name));
        if let Some(named) = named.filter(|named| named.is_dir()) {
            return Self::model(Kind::Cache, &named);
        }
        let all = names(&snapshots);
        let all: Vec<&str> =
            all.iter().map(String::as_str).filter(|name| snapshots.join(name).is_dir()).collect();
        match all.as_slice() {
            [] => Self::unusable(Kind::Cache, "it has no snapshot: run the download again"),
            [only] => Self::model(Kind::Cache, &snapshots.join(only)),
            several => Self::unusable(Kind::Cache, one_of(&snapshots, several)),
        }
    }

    fn locked() -> Self {
        Self::unusable(Kind::Locked, "check the permissions of the folder, and of those that it is in")
    }

    fn nothing(path: &Path) -> Self {
        match fs::read_link(path) {
            Ok(target) => Self::unusable(
                Kind::BrokenLink,
                format!("it leads to {}: check that, or copy the folder with cp -RL", target.display()),
            ),
            Err(_) => Self::unusable(Kind::Missing, "check the path"),
        }
    }

    fn model(kind: Kind, folder: &Path) -> Self {
        Self { kind, folder: Some(folder.to_owned()), advice: None }
    }

    fn unusable(kind: Kind, advice: impl Into<String>) -> Self {
        Self { kind, folder: None, advice: Some(advice.into()) }
    }

    /// Why it is no model.
    pub fn problem(&self) -> String {
        let advice = self.advice.as_deref().unwrap_or(ANOTHER_FOLDER);
        format!("expected the folder of a model, found {}; {advice}", self.kind.words())
    }
}

/// What is neither a file nor a folder.
#[cfg(unix)]
fn special(found: fs::FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt;
    if found.is_fifo() {
        Kind::Pipe
    } else if found.is_socket() {
        Kind::Socket
    } else {
        Kind::Device
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> Kind {
    Kind::Device
}

const ANOTHER_FOLDER: &str = "give the folder that has model_index.json, or pack.json, in it";
const OTHER_FORMAT: &str =
    "only safetensors can be read: download GLM-Image itself, and make it smaller with `atelier quantize`";
/// How many folders are named.
const MOST_NAMED: usize = 3;

fn give(folder: &Path) -> String {
    format!("give the folder {}", folder.display())
}

/// Says which folders in `folder` are meant.
fn one_of(folder: &Path, names: &[&str]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_NAMED).map(|name| folder.join(name).display().to_string()).collect();
    let more = if names.len() > MOST_NAMED { " or another" } else { "" };
    format!("give {}{more}", shown.join(" or "))
}

/// Sorted; none where it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn is_model(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file() || is_checkpoint(folder)
}

/// `model_index.json` is for others: the parts are enough.
fn is_checkpoint(folder: &Path) -> bool {
    folder.join(MODEL_INDEX).is_file()
        || folder.join(TOKENIZER).is_file()
        || ComponentName::ALL.iter().any(|component| folder.join(component.config()).is_file())
}

fn is_component(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| ComponentName::of(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files in it; each says so much as its path.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.rsplit('/').next().unwrap()).unwrap();
        }
        folder
    }

    #[test]
    fn every_kind_of_place_is_known() {
        let folder = folder(&[
            "checkpoint/model_index.json",
            "checkpoint/vae/diffusion_pytorch_model.safetensors",
            "parts/transformer/config.json",
            "pack/pack.json",
            "begun/pack.json.partial",
            "hub/models--a--b/snapshots/abc/model_index.json",
            "gguf/GGUF",
            "quants/model-Q4.gguf",
            "loose/x.safetensors",
            "loose/x.ckpt",
            "loose/readme",
            "outer/inner/model_index.json",
        ]);
        fs::create_dir(folder.path().join("empty")).unwrap();
        for (path, kind, advice) in [
            ("checkpoint", Kind::Checkpoint, None),
            ("parts", Kind::Checkpoint, None),
            ("pack", Kind::Pack, None),
            ("hub/models--a--b", Kind::Cache, None),
            ("begun", Kind::UnfinishedPack, Some("atelier quantize")),
            ("hub", Kind::AllCaches, Some("give FOLDER/hub/models--a--b")),
            ("checkpoint/vae", Kind::Component, Some("give the folder FOLDER/checkpoint")),
            (
                "checkpoint/vae/diffusion_pytorch_model.safetensors",
                Kind::Safetensors,
                Some("FOLDER/checkpoint"),
            ),
            ("checkpoint/model_index.json", Kind::OtherFile, Some("give the folder FOLDER/checkpoint")),
            ("gguf/GGUF", Kind::Gguf, Some("only safetensors")),
            ("quants/model-Q4.gguf", Kind::Gguf, Some("only safetensors")),
            ("quants", Kind::OtherFolder, Some("GGUF files")),
            ("loose/x.safetensors", Kind::Safetensors, Some("model_index.json")),
            ("loose/x.ckpt", Kind::Pickle, Some("only safetensors")),
            ("loose/readme", Kind::OtherFile, Some("model_index.json")),
            ("loose", Kind::OtherFolder, Some("model_index.json")),
            ("outer", Kind::OtherFolder, Some("give FOLDER/outer/inner")),
            ("empty", Kind::EmptyFolder, Some("model_index.json")),
            ("nowhere", Kind::Missing, Some("check the path")),
        ] {
            let place = Place::of(&folder.path().join(path));
            assert_eq!(place.kind, kind, "{path}");
            assert_eq!(place.folder.is_some(), advice.is_none(), "{path}");
            let told = place.advice.unwrap_or_default().replace(folder.path().to_str().unwrap(), "FOLDER");
            assert!(told.contains(advice.unwrap_or_default()), "{path}: {told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_neither_file_nor_folder_is_named() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let folder = folder(&["locked/model_index.json"]);
        let path = |name: &str| folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        symlink("gone/model", path("link")).unwrap();
        for (place, kind) in [
            (path("pipe"), Kind::Pipe),
            (path("socket"), Kind::Socket),
            (path("link"), Kind::BrokenLink),
            ("/dev/zero".into(), Kind::Device),
            (path("nowhere"), Kind::Missing),
        ] {
            let found = Place::of(&place);
            assert_eq!((found.kind, found.folder), (kind, None), "{}", place.display());
        }
        assert!(Place::of(&path("link")).advice.unwrap().contains("gone/model"));
        for mode in [0o000, 0o400, 0o100] {
            fs::set_permissions(path("locked"), fs::Permissions::from_mode(mode)).unwrap();
            // Root reads everything.
            let root = fs::metadata(folder.path()).unwrap().uid() == 0;
            let kind = if root { Kind::Checkpoint } else { Kind::Locked };
            assert_eq!(Place::of(&path("locked")).kind, kind, "{mode:o}");
        }
        fs::set_permissions(path("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn of_a_download_cache_the_snapshot_is_used() {
        let cache = folder(&["snapshots/abc/x"]);
        let found = || Place::of(cache.path());
        let used = |name: &str| Some(cache.path().join("snapshots").join(name));
        assert_eq!(found().folder, used("abc"));
        fs::create_dir(cache.path().join("snapshots/def")).unwrap();
        assert!(found().advice.unwrap().contains("snapshots/abc or "));
        fs::create_dir(cache.path().join("refs")).unwrap();
        for (main, there) in
            [("def\n", true), ("gone", false), ("../../def", true), ("", false), ("..", false)]
        {
            fs::write(cache.path().join("refs/main"), main).unwrap();
            assert_eq!(found().folder, used("def").filter(|_| there), "{main}");
        }
        let empty = folder(&["snapshots/file"]);
        assert!(Place::of(empty.path()).advice.unwrap().contains("run the download again"));
        // A model of one's own, whatever else is in its folder.
        fs::write(cache.path().join("model_index.json"), "{}").unwrap();
        assert_eq!(found(), Place::model(Kind::Checkpoint, cache.path()));
    }
}
