//! Golden files and the one table of tolerances: the manifest's.

use std::sync::Arc;

use atelier::{TraceTensor, TraceValues};
use atelier_weights::{Component, FolderSource};
use serde_json::Value;

use crate::{block_on, reference};

/// One entry of `golden/manifest.json` with its tensors.
pub struct Golden {
    name: String,
    entry: Value,
    file: Component,
}

impl Golden {
    pub fn open(name: &str) -> Self {
        let folder = reference().join("golden");
        let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("the manifest");
        let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
        let entries = manifest["entries"].as_array().expect("the manifest has entries");
        let entry = entries.iter().find(|e| e["name"] == name).expect("the manifest has the entry").clone();
        let source = Arc::new(FolderSource::open(&folder).expect("the golden folder"));
        let file =
            block_on(Component::open_file(source, &format!("{name}.safetensors"))).expect("golden file");
        Self { name: name.to_owned(), entry, file }
    }

    /// Absolute and relative tolerance: a value passes when `|a - b| <= atol + rtol·|b|`.
    pub fn tolerance(&self) -> (f32, f32) {
        let number = |key: &str| self.entry["tolerance"][key].as_f64().expect("a tolerance") as f32;
        (number("atol"), number("rtol"))
    }

    pub fn param(&self, key: &str) -> &Value {
        &self.entry["params"][key]
    }

    pub fn number(&self, key: &str) -> usize {
        self.param(key).as_u64().expect("a whole number") as usize
    }

    pub fn prompt(&self) -> &str {
        self.param("prompt").as_str().expect("a prompt")
    }

    pub fn has(&self, tensor: &str) -> bool {
        self.file.get(tensor).is_some()
    }

    /// Names of the tensors that the reference computed.
    pub fn outputs(&self) -> Vec<String> {
        let tensors = self.entry["tensors"].as_object().expect("tensors");
        tensors.iter().filter(|(_, t)| t["role"] == "output").map(|(name, _)| name.clone()).collect()
    }

    pub fn shape(&self, tensor: &str) -> Vec<usize> {
        self.file.get(tensor).unwrap_or_else(|| panic!("{} has no {tensor}", self.name)).shape.clone()
    }

    pub fn f32(&self, tensor: &str) -> Vec<f32> {
        block_on(self.file.read_f32(tensor)).expect("f32 tensor")
    }

    pub fn i32(&self, tensor: &str) -> Vec<i32> {
        block_on(self.file.read_i32(tensor)).expect("i32 tensor")
    }

    pub fn ids(&self, tensor: &str) -> Vec<u32> {
        self.i32(tensor).into_iter().map(i32::cast_unsigned).collect()
    }

    pub fn u8(&self, tensor: &str) -> Vec<u8> {
        block_on(self.file.read_u8(tensor)).expect("u8 tensor")
    }

    /// A picture stored as `[height, width, 3]`.
    pub fn image(&self, tensor: &str) -> atelier::RgbImage {
        let shape = self.shape(tensor);
        atelier::RgbImage::new(shape[1], shape[0], self.u8(tensor)).expect("a picture")
    }

    /// Compares every traced tensor that this file also holds, and insists on `required`.
    pub fn assert_traced(&self, traced: &[(String, TraceTensor)], required: &[&str]) {
        let find = |name: &str| traced.iter().find(|(n, _)| n == name).map(|(_, t)| t);
        for name in required {
            assert!(find(name).is_some() && self.has(name), "{}: {name} was not compared", self.name);
        }
        for (name, tensor) in traced.iter().filter(|(name, _)| self.has(name)) {
            let what = format!("{}: {name}", self.name);
            assert_eq!(tensor.shape, self.shape(name), "{what}: shape");
            match &tensor.values {
                TraceValues::F32(values) => assert_close(&what, values, &self.f32(name), self.tolerance()),
                TraceValues::I32(values) => assert_eq!(values, &self.i32(name), "{what}"),
                TraceValues::U8(values) => assert_levels(&what, values, &self.u8(name), 1),
            }
        }
    }
}

/// Every value within tolerance; says which is worst.
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
pub fn assert_levels(what: &str, got: &[u8], want: &[u8], levels: u8) {
    assert_eq!(got.len(), want.len(), "{what}: number of values");
    let worst = got.iter().zip(want).map(|(g, w)| g.abs_diff(*w)).max().unwrap_or(0);
    assert!(worst <= levels, "{what}: a value differs by {worst} grey levels");
}
