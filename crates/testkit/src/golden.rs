//! Golden files and the one table of tolerances: the manifest's.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use atelier_weights::{Component, Dtype, FolderSource};
use serde_json::Value;

use crate::{block_on, reference};

/// A JSON file below the reference's folder.
pub fn json(path: &str) -> Value {
    let path = reference().join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One entry of `golden/manifest.json`.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    value: Value,
}

/// All entries whose names start with `prefix`; there must be one.
pub fn entries(prefix: &str) -> Vec<Entry> {
    let manifest = json("golden/manifest.json");
    let entries = manifest["entries"].as_array().expect("the manifest has entries").iter();
    let entries = entries.map(|value| Entry {
        name: value["name"].as_str().expect("a name").to_owned(),
        value: value.clone(),
    });
    let entries: Vec<Entry> = entries.filter(|entry| entry.name.starts_with(prefix)).collect();
    assert!(!entries.is_empty(), "no golden file starts with {prefix}");
    entries
}

/// The entry of that name.
pub fn entry(name: &str) -> Entry {
    let entry = entries(name).into_iter().find(|entry| entry.name == name);
    entry.unwrap_or_else(|| panic!("no golden file {name}"))
}

impl Entry {
    /// Absolute and relative tolerance: a value passes when `|a - b| <= atol + rtol·|b|`.
    pub fn tolerance(&self) -> (f32, f32) {
        let number = |key: &str| self.value["tolerance"][key].as_f64().expect("a tolerance") as f32;
        (number("atol"), number("rtol"))
    }

    pub fn param(&self, key: &str) -> &Value {
        &self.value["params"][key]
    }

    pub fn number(&self, key: &str) -> usize {
        self.param(key).as_u64().expect("a whole number") as usize
    }

    pub fn prompt(&self) -> &str {
        self.param("prompt").as_str().expect("a prompt")
    }

    /// A list of texts; empty where there is none.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let texts = self.param(key).as_array().into_iter().flatten();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    /// The names of the tensors, and whether the reference computed them or was given them.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, bool)> {
        let tensors = self.value["tensors"].as_object().expect("tensors");
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor["role"] == "output"))
    }

    /// Names of the tensors that the reference computed.
    pub fn outputs(&self) -> Vec<String> {
        self.tensors().filter(|&(_, output)| output).map(|(name, _)| name.to_owned()).collect()
    }
}

/// One safetensors file.
#[derive(Debug)]
pub struct Tensors(Component);

impl Tensors {
    pub fn open(path: &Path) -> Self {
        let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a file"));
        let source = Arc::new(FolderSource::open(folder).expect("the folder of a tensor file"));
        let file = block_on(Component::open_file(source, name.to_str().expect("a name in UTF-8")));
        Self(file.unwrap_or_else(|error| panic!("{error}")))
    }

    pub fn has(&self, tensor: &str) -> bool {
        self.0.get(tensor).is_some()
    }

    pub fn shape(&self, tensor: &str) -> Vec<usize> {
        self.0.get(tensor).unwrap_or_else(|| panic!("no tensor {tensor}")).shape.clone()
    }

    pub fn is_float(&self, tensor: &str) -> bool {
        self.0.get(tensor).unwrap_or_else(|| panic!("no tensor {tensor}")).dtype == Dtype::F32
    }

    pub fn f32(&self, tensor: &str) -> Vec<f32> {
        block_on(self.0.read_f32(tensor)).expect("f32 tensor")
    }

    pub fn i32(&self, tensor: &str) -> Vec<i32> {
        block_on(self.0.read_i32(tensor)).expect("i32 tensor")
    }

    /// Token ids, which the reference wrote as signed numbers.
    pub fn ids(&self, tensor: &str) -> Vec<u32> {
        self.i32(tensor).into_iter().map(|id| u32::try_from(id).expect("no negative id")).collect()
    }

    pub fn u8(&self, tensor: &str) -> Vec<u8> {
        block_on(self.0.read_u8(tensor)).expect("u8 tensor")
    }

    pub fn bytes(&self, tensor: &str) -> Vec<u8> {
        block_on(self.0.read_bytes(tensor)).expect("a tensor").into_owned()
    }
}

/// One entry of `golden/manifest.json` with its tensors.
#[derive(Debug)]
pub struct Golden {
    pub entry: Entry,
    file: Tensors,
}

impl Golden {
    pub fn open(name: &str) -> Self {
        let path = reference().join(format!("golden/{name}.safetensors"));
        Self { entry: entry(name), file: Tensors::open(&path) }
    }
}

impl Deref for Golden {
    type Target = Tensors;

    fn deref(&self) -> &Tensors {
        &self.file
    }
}

/// Every value within tolerance; says which is worst.
#[track_caller]
pub fn assert_close(what: &str, got: &[f32], want: &[f32], (atol, rtol): (f32, f32)) {
    assert_eq!(got.len(), want.len(), "{what}: number of values");
    let excess = |(g, w): (&f32, &f32)| (g - w).abs() - (atol + rtol * w.abs());
    // Not a number is out of tolerance, too.
    let out = |pair| !excess(pair).le(&0.0);
    let bad = got.iter().zip(want).filter(|&pair| out(pair)).count();
    if bad > 0 {
        let pairs = got.iter().zip(want).enumerate();
        let worst = pairs.max_by(|a, b| excess(a.1).total_cmp(&excess(b.1)));
        panic!(
            "{what}: {bad} of {} values out of tolerance; worst (index, (got, want)): {worst:?}",
            got.len()
        );
    }
}

/// Grey levels within `levels`.
#[track_caller]
pub fn assert_levels(what: &str, got: &[u8], want: &[u8], levels: u8) {
    assert_eq!(got.len(), want.len(), "{what}: number of values");
    let worst = got.iter().zip(want).map(|(g, w)| g.abs_diff(*w)).max().unwrap_or(0);
    assert!(worst <= levels, "{what}: a value differs by {worst} grey levels");
}
