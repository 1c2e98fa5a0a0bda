//! The notices that the licences of linked packages ask for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::inventory::{BROWSER, PROGRAM, Product, root};
use crate::{Outcome, licence};

/// Packages of npm whose code is in the page's script.
const SCRIPTS: [&str; 1] = ["idb"];

/// Writes the notices of the program and of the browser's build beside their sources. A test compares the hash at their end.
///
/// # Errors
/// If a package's licence is none that we take, or a file cannot be written.
pub fn write() -> Outcome {
    let program = root().join("crates/atelier-cli/THIRD-PARTY.txt");
    std::fs::write(&program, text("The program atelier contains", gather(&PROGRAM)?)?)?;
    let mut browser = gather(&BROWSER)?;
    for name in SCRIPTS {
        let (line, words) = script(&root().join("web/node_modules").join(name))?;
        browser.entry(words).or_default().push(line);
    }
    std::fs::write(root().join("web/THIRD-PARTY.txt"), text("Atelier in the browser contains", browser)?)?;
    Ok(())
}

/// The packages of each text.
type Gathered = BTreeMap<String, Vec<String>>;

fn gather(product: &Product) -> Outcome<Gathered> {
    let mut gathered = Gathered::new();
    for ((name, version), package) in product.packages()? {
        let (taken, words) = licence::words(&package)?;
        let place = package.repository.or(package.homepage).map(|place| format!(", {place}")).unwrap_or_default();
        for text in words {
            gathered.entry(text).or_default().push(format!("{name} {version} ({taken}){place}"));
        }
    }
    Ok(gathered)
}

/// A package of npm.
fn script(folder: &Path) -> Outcome<(String, String)> {
    let about: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("package.json"))?)?;
    let field = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
    let words = std::fs::read_to_string(folder.join("LICENSE"))?;
    let place = about["homepage"].as_str().or(about["repository"]["url"].as_str()).unwrap_or_default();
    let line = format!("{} {} ({}), {place}", field("name"), field("version"), field("license"));
    Ok((line, words.trim().to_owned()))
}

fn text(what: &str, gathered: Gathered) -> Outcome<String> {
    let mut groups: Vec<(Vec<String>, String)> =
        gathered.into_iter().map(|(text, packages)| (packages, text)).collect();
    groups.sort();
    let mut out = format!("{what} the following packages, under the licences that follow them.\n");
    for (mut packages, words) in groups {
        packages.sort();
        packages.dedup();
        let rule = "-".repeat(78);
        write!(out, "\n{rule}\n{}\n{rule}\n\n{words}\n", packages.join("\n"))?;
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?.replace('\r', "");
    let hash: String = Sha256::digest(lock).iter().map(|byte| format!("{byte:02x}")).collect();
    write!(out, "\nMade by `cargo xtask licences` from the Cargo.lock with the SHA-256 {hash}.\n")?;
    Ok(out)
}
