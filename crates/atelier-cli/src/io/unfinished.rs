//! A run that is not over, as a file beside its pictures: what was asked for, the blueprints that are written and the pictures
//! that are saved. `--resume` continues from it, whatever ended the run.

use std::path::{Path, PathBuf};

use atelier::{Blueprint, QuoteRule, Request};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, one_line};
use crate::io::files;

/// The `format` of every file that this version writes.
const FORMAT: &str = "atelier-unfinished/2";
/// That of files which are read as well.
const OLD_FORMAT: &str = "atelier-unfinished/1";
/// The longest file that is read: blueprints of a thousand large pictures.
const MAX_FILE: u64 = 256 << 20;
/// Names that are tried, so that no earlier run is lost.
const MOST_NAMES: usize = 10_000;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    format: String,
    version: String,
    /// Where the run was started: the paths below are as they were typed there.
    folder: PathBuf,
    pub model: String,
    pub device: String,
    /// With nothing left to the model's defaults.
    pub request: Request,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PathBuf>,
    /// `None` for the default names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_blueprint: Option<PathBuf>,
    pub metadata: bool,
    #[serde(default)]
    pub note_paths: bool,
    /// Of the first prompts, in order.
    pub blueprints: Vec<Blueprint>,
    pub saved: Vec<SavedPicture>,
}

/// A picture that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPicture {
    /// Counted from 0.
    pub image: usize,
    pub path: PathBuf,
}

impl Unfinished {
    /// A run that begins.
    pub fn new(request: &Request, model: String, device: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            folder: here(),
            model,
            device,
            request: request.clone(),
            sources: Vec::new(),
            output: None,
            save_blueprint: None,
            metadata: true,
            note_paths: false,
            blueprints: Vec::new(),
            saved: Vec::new(),
        }
    }

    /// Reads the file of a run; the blueprints are checked against the model later.
    ///
    /// # Errors
    /// Naming the file when it is none of these, is damaged, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read_text(path, MAX_FILE)?;
        let bad = |problem: &dyn std::fmt::Display| {
            Error::input(path, one_line(&format!("expected an unfinished run: {problem}")))
        };
        // The format first: another version's fields would only confuse.
        let mut value: serde_json::Value = serde_json::from_str(&text).map_err(|error| bad(&error))?;
        match value["format"].as_str() {
            Some(FORMAT) => {}
            Some(OLD_FORMAT) => renew(&mut value),
            found => {
                let found = found.unwrap_or("none");
                return Err(bad(&format_args!("format: expected {FORMAT}, found {found}")));
            }
        }
        let mut run: Self = serde_json::from_value(value).map_err(|error| bad(&error))?;
        // As it was before there was another rule.
        run.request.quotes.get_or_insert(QuoteRule::Reference);
        let (prompts, images) = (run.request.start.len(), run.request.images());
        if run.blueprints.len() > prompts {
            let found = run.blueprints.len();
            return Err(bad(&format_args!("blueprints: expected at most {prompts}, found {found}")));
        }
        if let Some(saved) = run.saved.iter().find(|saved| saved.image >= images) {
            return Err(bad(&format_args!("saved: expected pictures below {images}, found {}", saved.image)));
        }
        run.move_to(&here());
        Ok(run)
    }

    /// Makes paths mean in `folder` what they mean in the run's own.
    fn move_to(&mut self, folder: &Path) {
        if self.folder == folder {
            return;
        }
        let then = std::mem::replace(&mut self.folder, folder.to_owned());
        let paths = self.sources.iter_mut().chain(&mut self.output).chain(&mut self.save_blueprint);
        for path in paths.chain(self.saved.iter_mut().map(|saved| &mut saved.path)) {
            *path = then.join(&path);
        }
        let model = then.join(&self.model);
        // The built-in model has no place.
        if model.is_dir() && self.model != atelier_mini::NAME {
            self.model = model.display().to_string();
        }
    }

    /// Whether a picture is saved and still there.
    pub fn is_saved(&self, image: usize) -> bool {
        self.saved.iter().any(|saved| saved.image == image && saved.path.is_file())
    }
}

/// The file of a run in progress.
#[derive(Debug)]
pub struct Journal {
    run: Unfinished,
    /// Once it is written.
    path: Option<PathBuf>,
    /// Names for it, the best first.
    folder: PathBuf,
    stem: String,
    /// The first failure to write it.
    failure: Option<Error>,
}

impl Journal {
    /// Nothing is written yet: there is nothing to lose.
    pub fn new(run: Unfinished, folder: &Path, stem: &str) -> Self {
        let stem = if stem.is_empty() { "atelier" } else { stem };
        Self { run, path: None, folder: folder.to_owned(), stem: stem.to_owned(), failure: None }
    }

    /// Goes on with the file at `path`.
    pub fn resumed(run: Unfinished, path: &Path) -> Self {
        Self { path: Some(path.to_owned()), ..Self::new(run, Path::new(""), "") }
    }

    /// A blueprint is written that took long.
    pub fn add_blueprint(&mut self, blueprint: &Blueprint) {
        self.run.blueprints.push(blueprint.clone());
        self.write();
    }

    /// A picture is saved.
    pub fn add_picture(&mut self, image: usize, path: &Path) {
        self.run.saved.retain(|saved| saved.image != image);
        self.run.saved.push(SavedPicture { image, path: path.to_owned() });
        let images = self.run.request.images();
        // The last one ends the run.
        if self.run.saved.len() < images {
            self.write();
        }
    }

    /// Where the run can be taken up from, if it can.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Why it cannot, reported once.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// The run is over.
    pub fn remove(&mut self) {
        if let Some(path) = self.path.take() {
            let _ = std::fs::remove_file(path);
        }
    }

    /// A failure to write it is no failure of the run.
    fn write(&mut self) {
        let text = match serde_json::to_vec(&self.run) {
            Ok(text) => text,
            Err(error) => {
                self.failure = Some(Error::Crash(format!("the unfinished run cannot be noted: {error}")));
                return;
            }
        };
        let written = match &self.path {
            Some(path) => files::write(path, &text).map(|()| path.clone()),
            None => {
                let names = (1..MOST_NAMES).map(|number| {
                    let number = if number == 1 { String::new() } else { format!("-{number}") };
                    self.folder.join(format!("{}{number}.unfinished.json", self.stem))
                });
                files::write_new(names, &text)
            }
        };
        match written {
            Ok(path) => self.path = Some(path),
            Err(error) => self.failure = Some(error),
        }
    }
}

/// Makes an older file one of this version: what was asked for had no object of its own, and top-k that is off was null.
fn renew(value: &mut serde_json::Value) {
    let Some(fields) = value.as_object_mut() else { return };
    let mut request = serde_json::Map::new();
    let prompts = fields.remove("prompts").unwrap_or_default();
    let prompts = prompts.as_array().into_iter().flatten().map(|text| serde_json::json!({"text": text}));
    request.insert("start".into(), serde_json::json!({"prompts": prompts.collect::<Vec<_>>()}));
    let mut sampling = fields.remove("sampling").unwrap_or_default();
    if let Some(top_k) = sampling.get_mut("top_k").filter(|top_k| top_k.is_null()) {
        *top_k = 0.into();
    }
    request.extend(sampling.as_object().cloned().unwrap_or_default());
    for name in [
        "width",
        "height",
        "steps",
        "guidance",
        "seed",
        "blueprint_seed",
        "images_per_prompt",
        "batch_padding",
        "glyph_tokens",
    ] {
        request.extend(fields.remove(name).map(|field| (name.to_owned(), field)));
    }
    fields.insert("request".into(), request.into());
    fields.insert("format".into(), FORMAT.into());
}

/// The folder that the program runs in.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> serde_json::Value {
        serde_json::json!({
            "format": FORMAT, "version": "0", "folder": "/then", "model": "mini", "device": "CPU",
            "request": {
                "start": {"prompts": [{"text": "a"}]}, "width": 64, "height": 64, "steps": 1, "guidance": 1.0, "seed": 7,
                "temperature": 0.5, "top_p": 1.0, "top_k": 0, "images_per_prompt": 2,
            },
            "output": "a.png", "metadata": true,
            "blueprints": [], "saved": [{"image": 1, "path": "/elsewhere/a-002.png"}]
        })
    }

    #[test]
    fn a_file_of_the_first_format_says_the_same() {
        let old = serde_json::json!({
            "format": OLD_FORMAT, "version": "0", "folder": "/then", "model": "mini", "device": "CPU",
            "prompts": ["a"], "width": 64, "height": 64, "steps": 1, "guidance": 1.0, "seed": 7,
            "sampling": {"temperature": 0.5, "top_p": 1.0, "top_k": null},
            "images_per_prompt": 2, "batch_padding": true, "output": "a.png", "metadata": true,
            "blueprints": [], "saved": [{"image": 1, "path": "/elsewhere/a-002.png"}]
        });
        assert_eq!(read(&old).unwrap(), read(&run()).unwrap());
    }

    fn read(value: &serde_json::Value) -> Result<Unfinished> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.unfinished.json");
        std::fs::write(&path, value.to_string()).unwrap();
        Unfinished::read(&path)
    }

    #[test]
    fn paths_mean_what_they_meant() {
        let run = read(&run()).unwrap();
        assert_eq!(run.output, Some(PathBuf::from("/then/a.png")));
        assert_eq!(run.saved[0].path, PathBuf::from("/elsewhere/a-002.png"));
        assert_eq!(run.model, "mini");
        assert_eq!(run.request.quotes, Some(QuoteRule::Reference), "as it was when files did not say");
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_field() {
        for (field, value, word) in [
            ("format", serde_json::json!("atelier-run/1"), "format: expected atelier-unfinished/2"),
            ("saved", serde_json::json!([{"image": 2, "path": "b"}]), "expected pictures below 2, found 2"),
            ("colour", serde_json::json!(1), "colour"),
            ("request", serde_json::json!({"seed": -1}), "-1"),
        ] {
            let mut run = run();
            run[field] = value;
            let error = read(&run).unwrap_err().to_string();
            assert!(error.contains("a.unfinished.json") && error.contains(word), "{field}: {error}");
        }
    }
}
