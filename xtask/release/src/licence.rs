//! Under which licence a package comes, and the words of it.

use std::path::{Path, PathBuf};

use cargo_metadata::Package;
use spdx::{Expression, Licensee, ParseMode};

use crate::Outcome;

/// The licences that we take where there is a choice, the ones with the fewest conditions first.
const TAKEN: [&str; 12] = [
    "MIT",
    "Zlib",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "Unicode-3.0",
    "Apache-2.0 WITH LLVM-exception",
    "Apache-2.0",
    "0BSD",
    "CC0-1.0",
    "MPL-2.0",
];

/// Packages that name a file in place of a licence, and what stands in it.
const NAMED_BY_FILE: [(&str, &str); 1] = [("cfg_block", "Apache-2.0")];

/// The licence that a package names, as an SPDX expression.
///
/// # Errors
/// If it names none, or something else.
pub fn expression(package: &Package) -> Outcome<String> {
    let by_file =
        NAMED_BY_FILE.iter().find(|(name, _)| *name == package.name.as_str()).map(|(_, licence)| *licence);
    let named = package.license.as_deref().or(by_file);
    let named = named.ok_or_else(|| format!("{} names no licence", package.name))?;
    // Older packages write "MIT/Apache-2.0".
    Ok(Expression::canonicalize(named)?.unwrap_or_else(|| named.to_owned()))
}

/// The licences that are taken of a package's, and the words that have to come along.
///
/// # Errors
/// If none of its licences is one that we take.
pub fn words(package: &Package) -> Outcome<(String, Vec<String>)> {
    let problem = |what: String| format!("{} {}: {what}", package.name, package.version);
    let expression = Expression::parse_mode(&expression(package)?, ParseMode::LAX)?;
    let taken = TAKEN.iter().map(|name| Licensee::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let needed = expression.minimized_requirements(&taken).map_err(|error| problem(error.to_string()))?;
    let folder = package.manifest_path.parent().ok_or_else(|| problem("no folder".to_owned()))?;
    let files = files(folder.as_std_path())?;
    let mut words = Vec::new();
    for requirement in &needed {
        let name = requirement.to_string();
        match file_of(&files, &name) {
            Some(file) => words.push(read(file)?),
            None => words.push(standard(package, &name).map_err(problem)?),
        }
    }
    for notice in files.iter().filter(|file| starts(file, "notice")) {
        words.push(read(notice)?);
    }
    let names: Vec<String> = needed.iter().map(ToString::to_string).collect();
    Ok((names.join(" AND "), words))
}

/// The files of a package that speak of rights.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let speaks =
            ["licen", "copying", "copyright", "notice", "unlicense"].iter().any(|start| starts(&path, start));
        if speaks && path.is_file() {
            found.push(path);
        } else if speaks && path.is_dir() {
            found.extend(std::fs::read_dir(&path)?.filter_map(|entry| Some(entry.ok()?.path())));
        }
    }
    found.sort();
    Ok(found)
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn starts(file: &Path, start: &str) -> bool {
    name(file).starts_with(start)
}

/// The file with the words of a licence: the one that has its name, or the only one that has no licence's name.
fn file_of<'a>(files: &'a [PathBuf], licence: &str) -> Option<&'a PathBuf> {
    let short = licence.split([' ', '-']).next().unwrap_or(licence).to_lowercase();
    let known = ["mit", "apache", "bsd", "zlib", "isc", "bsl", "boost", "mpl", "unicode", "cc0", "unlicense"];
    let named = |file: &&PathBuf| {
        name(file).split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(&short))
    };
    let plain = |file: &&PathBuf| {
        !starts(file, "notice")
            && !known.iter().any(|other| name(file).trim_start_matches("unlicen").contains(other))
    };
    let mut plain_files = files.iter().filter(plain);
    files.iter().find(named).or_else(|| plain_files.next().filter(|_| plain_files.next().is_none()))
}

fn read(file: &Path) -> Outcome<String> {
    let bytes = std::fs::read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}

/// The licence's own words, where a package comes without them.
fn standard(package: &Package, licence: &str) -> Result<String, String> {
    let id = licence.split(" WITH ").next().unwrap_or(licence);
    let text = spdx::license_id(id).map(|id| id.text()).ok_or_else(|| format!("{id} has no words"))?;
    let by = if package.authors.is_empty() {
        format!("the authors of {}", package.name)
    } else {
        package.authors.join(", ")
    };
    let text = text.replace("<year>", "").replace("<copyright holders>", &by);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}
