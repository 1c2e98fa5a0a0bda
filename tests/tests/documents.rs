//! What the documents say of the repository: files that are named exist, recipes name files of their examples, and notices are
//! of what is linked.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::repository;

fn text(path: &str) -> String {
    let path = repository(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Texts in backticks, outside blocks of code.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// Targets of links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn paths_in_the_documents_exist() {
    for document in ["ARCHITECTURE.md", "docs/RECIPES.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = text(document);
        let paths: Vec<&str> = quoted(&text)
            .into_iter()
            .filter(|path| path.contains('/') && path.contains('.') && !path.contains([' ', '*', '<', '$']))
            .collect();
        for path in paths {
            assert!(repository(path).exists(), "{document}: there is no {path}");
        }
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    for document in [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        "docs/GLM-IMAGE.md",
        "docs/MINI.md",
        "docs/PERFORMANCE.md",
        "docs/RECIPES.md",
        "web/README.md",
    ] {
        let folder = repository(document).parent().unwrap().to_owned();
        let text = text(document);
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let path = link.split('#').next().unwrap();
            assert!(folder.join(path).exists(), "{document}: the link to {link} leads nowhere");
        }
    }
}

#[test]
fn recipes_name_the_files_of_their_examples() {
    let recipes = text("docs/RECIPES.md");
    let mut files = 0;
    for recipe in recipes.split("\n## ").skip(1) {
        let (title, body) = recipe.split_once('\n').unwrap();
        let (_, rest) = body.split_once("Example: `").unwrap_or_else(|| panic!("{title}: no example"));
        let (example, rest) = rest.split_once('`').unwrap();
        // A type is written without underscores, and a flag without either.
        let names = [example.to_owned(), example.replace('_', "")];
        for line in rest.lines().filter(|line| line.starts_with("| `")) {
            let path = quoted(line)[0];
            let content = text(path).to_lowercase();
            let mentioned = path.contains(example) || names.iter().any(|name| content.contains(name));
            assert!(mentioned, "{title}: {path} does not mention {example}");
            files += 1;
        }
    }
    // So that a change of the tables is no way around the test.
    assert!(files > 30, "{files}");
}

/// `cargo xtask licences` writes under its notices which lock file it saw.
#[test]
fn notices_are_those_of_the_lock_files() {
    let hash: String = Sha256::digest(text("Cargo.lock")).iter().map(|byte| format!("{byte:02x}")).collect();
    for file in ["crates/atelier-cli/THIRD-PARTY.txt", "web/THIRD-PARTY.txt"] {
        let made = text(file).trim_end().ends_with(&format!("with the SHA-256 {hash}."));
        assert!(made, "{file} is of another Cargo.lock: run `cargo xtask licences`");
    }
    let lock: Value = serde_json::from_str(&text("web/package-lock.json")).unwrap();
    let version = lock["packages"]["node_modules/idb"]["version"].as_str().unwrap();
    assert!(text("web/THIRD-PARTY.txt").contains(&format!("idb {version} (")), "run `cargo xtask licences`");
}
