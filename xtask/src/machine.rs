//! What the tests need of the machine: software Vulkan (Mesa's lavapipe), so that GPU tests run everywhere; the fonts that
//! the training pictures are set in; Tesseract, which reads what the built-in model paints; Node.js, Chromium and
//! Firefox, which build and show the page.

use std::path::{Path, PathBuf};

use crate::command::{Outcome, missing, program, run, succeeds};
use crate::web;

/// Something to install, in the names of Debian and Ubuntu.
struct Need {
    what: &'static str,
    package: &'static str,
    elsewhere: &'static str,
    present: fn() -> bool,
}

const NEEDS: [Need; 7] = [
    Need {
        what: "lavapipe driver (/usr/share/vulkan/icd.d/lvp_icd*.json)",
        package: "mesa-vulkan-drivers",
        elsewhere: "Mesa's lavapipe driver (Fedora: mesa-vulkan-drivers, Arch: vulkan-swrast)",
        present: lavapipe,
    },
    Need {
        what: "Vulkan loader (libvulkan.so.1)",
        package: "libvulkan1",
        elsewhere: "the Vulkan loader (Fedora: vulkan-loader, Arch: vulkan-icd-loader)",
        present: vulkan_loader,
    },
    Need {
        what: "DejaVu fonts (DejaVuSansMono-Bold.ttf)",
        package: "fonts-dejavu-core",
        elsewhere: "the DejaVu fonts (Fedora: dejavu-sans-mono-fonts dejavu-serif-fonts, Arch: ttf-dejavu)",
        present: fonts,
    },
    Need {
        what: "Tesseract",
        package: "tesseract-ocr",
        elsewhere: "Tesseract with English (Fedora: tesseract, Arch: tesseract tesseract-data-eng)",
        present: tesseract,
    },
    Need {
        what: "Node.js with npm",
        package: "nodejs npm",
        elsewhere: "Node.js (Fedora: nodejs-npm, Arch: npm)",
        present: web::has_node,
    },
    Need {
        what: "Chromium",
        package: "chromium",
        elsewhere: "Chromium (Fedora and Arch: chromium), or name another with ATELIER_CHROMIUM",
        present: chromium,
    },
    Need {
        what: "Firefox",
        package: "firefox-esr",
        elsewhere: "Firefox (Fedora and Arch: firefox), or name another with ATELIER_FIREFOX",
        present: firefox,
    },
];

/// Installs what is missing where that is possible without a question, and names the command where it is not.
pub fn ensure() -> Outcome {
    let absent = absent();
    if absent.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = absent.iter().map(|need| need.what).collect();
    let packages: Vec<&str> = absent.iter().flat_map(|need| need.package.split(' ')).collect();
    let problem = format!("the tests need more than is here: there is no {}", names.join(" and no "));
    if !succeeds(&mut program("apt-get", &["--version"])) {
        let elsewhere: Vec<&str> = absent.iter().map(|need| need.elsewhere).collect();
        return Err(missing(format!(
            "{problem}.\nInstall {}.\n(ATELIER_TEST_ADAPTER names another adapter of this machine for the GPU tests.)",
            elsewhere.join(" and ")
        )));
    }
    if !is_root() {
        let packages = packages.join(" ");
        return Err(missing(format!(
            "{problem}. Run\n\n    sudo apt-get update && sudo apt-get install -y {packages}\n\nand start again."
        )));
    }
    eprintln!("{problem}: installing it");
    run(&mut program("apt-get", &["update"]))?;
    let install = [&["install", "-y"], &packages[..]].concat();
    run(program("apt-get", &install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    match self::absent().first() {
        None => Ok(()),
        Some(still) => Err(missing(format!("{} installed, and still no {}", packages.join(" "), still.what))),
    }
}

fn absent() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.present)()).collect()
}

fn lavapipe() -> bool {
    other_adapter()
        || ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].iter().any(|folder| {
            holds(Path::new(folder), |name| name.starts_with("lvp_icd") && name.ends_with(".json"))
        })
}

fn vulkan_loader() -> bool {
    other_adapter() || library_folders().iter().any(|folder| folder.join("libvulkan.so.1").exists())
}

/// Whether the GPU tests are to run on another adapter than the software one.
fn other_adapter() -> bool {
    std::env::var_os("ATELIER_TEST_ADAPTER").is_some()
}

fn fonts() -> bool {
    let folders = ["/usr/share/fonts", "/usr/local/share/fonts"].map(PathBuf::from);
    folders.iter().any(|folder| below(folder, "DejaVuSansMono-Bold.ttf"))
}

fn tesseract() -> bool {
    succeeds(&mut program("tesseract", &["--version"]))
}

fn chromium() -> bool {
    browser("ATELIER_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"])
}

fn firefox() -> bool {
    browser("ATELIER_FIREFOX", &["firefox-esr", "firefox"])
}

/// Whether a browser is named, or runs under one of its usual names.
fn browser(named: &str, usual: &[&str]) -> bool {
    std::env::var_os(named).is_some() || usual.iter().any(|name| succeeds(&mut program(name, &["--version"])))
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

/// Whether `file` is in `folder` or below it.
fn below(folder: &Path, file: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folder.join(file).is_file() || entries.filter(|path| path.is_dir()).any(|path| below(&path, file))
}

fn is_root() -> bool {
    program("id", &["-u"]).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
