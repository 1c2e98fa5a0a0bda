//! Which packages are linked into what.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{MetadataCommand, Package};
use cyclonedx_bom::external_models::spdx::SpdxExpression;
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::external_reference::{
    ExternalReference, ExternalReferenceType, ExternalReferences,
};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata as BomMetadata;
use cyclonedx_bom::prelude::{Bom, Purl, SpecVersion, Uri, Validate};

use crate::Outcome;

/// A build that is released.
pub struct Product {
    /// The package that is built.
    pub package: &'static str,
    /// What it is built for.
    pub targets: &'static [&'static str],
    /// Its features, each a build of its own; none are the package's defaults.
    pub features: &'static [&'static str],
}

/// The program, for the systems that a release is made for.
pub const PROGRAM: Product = Product {
    package: "atelier-cli",
    targets: &[
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    ],
    features: &[],
};

/// The modules of the browser's build.
pub const BROWSER: Product =
    Product { package: "atelier-web", targets: &["wasm32-unknown-unknown"], features: &["gpu", "cpu"] };

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Product {
    /// The packages of others that are linked into it, by name and version.
    ///
    /// # Errors
    /// If cargo cannot say.
    pub fn packages(&self) -> Outcome<BTreeMap<(String, String), Package>> {
        let mut found = BTreeMap::new();
        for target in self.targets {
            let about = self.about(target)?;
            let features: Vec<Option<&str>> = if self.features.is_empty() {
                vec![None]
            } else {
                self.features.iter().copied().map(Some).collect()
            };
            for feature in features {
                for key in self.linked(target, feature)? {
                    // What metadata does not know lies in the repository itself.
                    if let Some(package) = about.get(&key) {
                        found.insert(key, package.clone());
                    }
                }
            }
        }
        Ok(found)
    }

    /// All that may be linked, with its licences and where it lies. Too much: features of the whole workspace count here.
    fn about(&self, target: &str) -> Outcome<HashMap<(String, String), Package>> {
        let mut command = MetadataCommand::new();
        command.manifest_path(root().join("Cargo.toml"));
        command.other_options(vec!["--locked".into(), format!("--filter-platform={target}")]);
        let others = command.exec()?.packages.into_iter().filter(|package| package.source.is_some());
        Ok(others.map(|package| ((package.name.to_string(), package.version.to_string()), package)).collect())
    }

    /// Name and version of all that is linked: not of what only builds or tests it, nor of what only writes its code.
    fn linked(&self, target: &str, feature: Option<&str>) -> Outcome<Vec<(String, String)>> {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        cargo.current_dir(root()).args(["tree", "--locked", "--quiet", "--edges", "normal,no-proc-macro"]);
        cargo.args(["--prefix", "none", "--format", "{p}", "-p", self.package, "--target", target]);
        if let Some(feature) = feature {
            cargo.args(["--no-default-features", "--features", feature]);
        }
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let read = |line: &str| {
            // "burn v0.22.1", and after it where it lies or that it stood there before.
            let mut parts = line.split(' ');
            let (name, version) = (parts.next()?, parts.next()?.strip_prefix('v')?);
            Some((name.to_owned(), version.to_owned()))
        };
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(|line| read(line).ok_or_else(|| format!("cargo tree prints '{line}'").into())).collect()
    }
}

/// Writes the list of the program's packages in the format of CycloneDX. The same every time: it has neither time nor number.
///
/// # Errors
/// If cargo cannot say, or the file cannot be written.
pub fn bom(out: &Path) -> Outcome {
    let mut components = Vec::new();
    for ((name, version), package) in PROGRAM.packages()? {
        let mut component =
            Component::new(Classification::Library, &name, &version, Some(format!("{name}@{version}")));
        component.purl = Some(Purl::new("cargo", &name, &version)?);
        let licence = crate::licence::expression(&package)?;
        component.licenses = Some(Licenses(vec![LicenseChoice::Expression(SpdxExpression::new(&licence))]));
        component.external_references = package.repository.as_ref().map(|address| {
            let external_reference_type = ExternalReferenceType::Vcs;
            let url = cyclonedx_bom::models::external_reference::Uri::Url(Uri::new(address));
            ExternalReferences(vec![ExternalReference {
                external_reference_type,
                url,
                comment: None,
                hashes: None,
            }])
        });
        components.push(component);
    }
    let mut metadata = BomMetadata { timestamp: None, ..BomMetadata::default() };
    let version = version()?;
    metadata.component =
        Some(Component::new(Classification::Application, "atelier", &version, Some("atelier".to_owned())));
    let bom = Bom {
        serial_number: None,
        components: Some(Components(components)),
        metadata: Some(metadata),
        ..Bom::default()
    };
    let checked = bom.validate_version(SpecVersion::V1_5);
    if !checked.passed() {
        return Err(format!("the list is not as CycloneDX 1.5 wants it: {checked:?}").into());
    }
    let mut file = std::fs::File::create(out)?;
    bom.output_as_json_v1_5(&mut file)?;
    Ok(())
}

/// The version of the release.
fn version() -> Outcome<String> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec()?;
    let program = metadata.packages.iter().find(|package| package.name.as_str() == PROGRAM.package);
    Ok(program.ok_or("there is no program")?.version.to_string())
}
