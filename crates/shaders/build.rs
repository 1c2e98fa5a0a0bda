//! Reads the kernels in `wgsl/`: their sizes and tile constants are said there, and Rust gets them from here.
//!
//! Of a kernel's own text that is every `const NAME: u32 = 16u;` whose value is written out, `struct Sizes` and each
//! `#import`. The unit tests compare all of it with what naga reads.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=wgsl");
    let mut rust = String::new();
    for path in files("wgsl")? {
        write_kernel(&mut rust, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let kernels = files("wgsl")?.iter().map(|path| format!("&{}::SOURCE", stem(path))).collect::<Vec<_>>();
    writeln!(rust, "/// All kernels.\npub static KERNELS: &[&Source] = &[{}];", kernels.join(", "))?;

    writeln!(rust, "/// What they import.\npub static MODULES: &[Module] = &[")?;
    for path in files("wgsl/common")? {
        write_module(&mut rust, &stem(&path), "", &path)?;
    }
    for folder in folders("wgsl/common")? {
        for path in files(&folder)? {
            write_module(&mut rust, &stem(&folder), &stem(&path), &path)?;
        }
    }
    writeln!(rust, "];")?;
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("wgsl.rs"), rust)?)
}

/// A Rust module for a kernel, by its file's name.
fn write_kernel(rust: &mut String, path: &Path) -> Result<(), Box<dyn Error>> {
    let (name, text) = (stem(path), fs::read_to_string(path)?);
    let constants: Vec<(&str, u32)> = text.lines().filter_map(constant).collect();
    let sizes = sizes(&text)?;
    let each = |f: fn(&Field) -> String| sizes.iter().map(f).collect::<Vec<_>>().join(", ");
    writeln!(rust, "/// `{}`.\npub mod {name} {{ use super::{{Size, Source}};", path.display())?;
    writeln!(rust, "pub static SOURCE: Source = Source {{ name: {name:?}, text: {},", included(path))?;
    writeln!(rust, "imports: &{:?}, constants: &{constants:?},", imports(&text))?;
    let words = each(|Field { name, kind, .. }| format!("({name:?}, <{kind}>::WORDS)"));
    writeln!(rust, "sizes: &[{words}] }};")?;
    for (name, value) in &constants {
        writeln!(rust, "pub const {name}: usize = {value};")?;
    }
    let fields = each(|Field { name, kind, doc }| format!("{doc}\npub {name}: {kind}"));
    writeln!(rust, "#[derive(Debug, Clone)] pub struct Sizes {{{fields}}}")?;
    let words = each(|Field { name, .. }| format!("sizes.{name}.words()"));
    writeln!(
        rust,
        "impl From<Sizes> for Vec<u32> {{ fn from(sizes: Sizes) -> Self {{ [{words}].concat() }} }} }}"
    )?;
    Ok(())
}

fn write_module(rust: &mut String, name: &str, choice: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let (text, imports) = (included(path), imports(&fs::read_to_string(path)?));
    writeln!(rust, "Module {{ name: {name:?}, choice: {choice:?}, text: {text}, imports: &{imports:?} }},")?;
    Ok(())
}

fn included(path: &Path) -> String {
    format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{}\"))", path.display())
}

fn imports(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("#import ")).map(|name| name.trim().to_owned()).collect()
}

/// Name and value of `const NAME: u32 = 16u;`.
fn constant(line: &str) -> Option<(&str, u32)> {
    let (name, value) = line.strip_prefix("const ")?.split_once(": u32 = ")?;
    Some((name, value.split_once("u;")?.0.parse().ok()?))
}

/// A field of `struct Sizes` in Rust.
struct Field {
    name: String,
    kind: &'static str,
    /// The comment behind it.
    doc: String,
}

fn sizes(text: &str) -> Result<Vec<Field>, Box<dyn Error>> {
    let (_, rest) = text.split_once("struct Sizes {\n").ok_or("expected `struct Sizes`, found none")?;
    let (fields, _) = rest.split_once("\n}").ok_or("expected the end of `struct Sizes`, found none")?;
    let field = |line: &str| {
        let (field, comment) = line.split_once("//").unwrap_or((line, ""));
        let field = field.trim().trim_end_matches(',').split_once(": ");
        let (name, kind) = field.ok_or_else(|| format!("expected a field of Sizes, found '{line}'"))?;
        let kind = match kind {
            "u32" => "usize",
            "f32" => "f32",
            "array<u32, 4>" => "[usize; 4]",
            _ => return Err(format!("{name}: expected u32, f32 or array<u32, 4>, found {kind}").into()),
        };
        let doc = if comment.is_empty() { String::new() } else { format!("///{comment}") };
        Ok(Field { name: name.into(), kind, doc })
    };
    fields.lines().map(field).collect()
}

/// The WGSL files in a folder, by name.
fn files(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    entries(folder.as_ref(), |path| path.extension().is_some_and(|end| end == "wgsl"))
}

fn folders(folder: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    entries(Path::new(folder), Path::is_dir)
}

fn entries(folder: &Path, keep: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.retain(|path| keep(path));
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
