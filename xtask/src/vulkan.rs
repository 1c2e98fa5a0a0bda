//! Software Vulkan (Mesa's lavapipe): what the GPU tests run on, so that every machine can run them.

use std::path::{Path, PathBuf};

use crate::command::{Outcome, missing, program, run, succeeds};

/// Debian's and Ubuntu's names.
const PACKAGES: [&str; 2] = ["mesa-vulkan-drivers", "libvulkan1"];

/// Installs software Vulkan where that is possible without a question, and names the command where it is not.
pub fn ensure() -> Outcome {
    if let Ok(adapter) = std::env::var("ATELIER_TEST_ADAPTER") {
        eprintln!("ATELIER_TEST_ADAPTER is set: the GPU tests run on '{adapter}'");
        return Ok(());
    }
    let found = absent();
    if found.is_empty() {
        return Ok(());
    }
    let problem = format!("the GPU tests need software Vulkan, and there is no {}", found.join(" and no "));
    if !succeeds(&mut program("apt-get", &["--version"])) {
        return Err(missing(format!(
            "{problem}.\nInstall Mesa's lavapipe driver and the Vulkan loader (Fedora: dnf install mesa-vulkan-drivers \
             vulkan-loader; Arch: pacman -S vulkan-swrast vulkan-icd-loader),\nor name an adapter of this machine in \
             ATELIER_TEST_ADAPTER."
        )));
    }
    let install = [&["install", "-y"], &PACKAGES[..]].concat();
    if !is_root() {
        let packages = PACKAGES.join(" ");
        return Err(missing(format!(
            "{problem}. Run\n\n    sudo apt-get update && sudo apt-get install -y {packages}\n\nand start again."
        )));
    }
    eprintln!("{problem}: installing it");
    run(&mut program("apt-get", &["update"]))?;
    run(program("apt-get", &install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    match absent().as_slice() {
        [] => Ok(()),
        still => {
            Err(missing(format!("{} installed, and still no {}", PACKAGES.join(" "), still.join(" and no "))))
        }
    }
}

/// What is missing.
fn absent() -> Vec<&'static str> {
    let driver = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].iter().any(|folder| {
        holds(Path::new(folder), |name| name.starts_with("lvp_icd") && name.ends_with(".json"))
    });
    let loader = library_folders().iter().any(|folder| folder.join("libvulkan.so.1").exists());
    let mut absent = Vec::new();
    if !driver {
        absent.push("lavapipe driver (/usr/share/vulkan/icd.d/lvp_icd*.json)");
    }
    if !loader {
        absent.push("Vulkan loader (libvulkan.so.1)");
    }
    absent
}

/// The usual places, and those one level below `/usr/lib`, named after the architecture.
fn library_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths).collect();
    folders.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders.extend(std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path()));
    folders
}

fn holds(folder: &Path, wanted: impl Fn(&str) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_str().is_some_and(&wanted))
}

fn is_root() -> bool {
    program("id", &["-u"]).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
