//! What a release holds, with the commit's time, so that it can be made again.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Outcome, cargo, failed, program, remapped_home, root, run};
use crate::web::{self, copy, copy_folder};

/// What is made of a release: the program is made on each system, the rest on one of them.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    All,
    Program,
    Web,
}

/// Files of the repository that go with everything.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The shells with a completion script, and the name under which each looks for it.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "atelier.bash"),
    ("elvish", "atelier.elv"),
    ("fish", "atelier.fish"),
    ("powershell", "_atelier.ps1"),
    ("zsh", "_atelier"),
];

/// Writes the notices of what is linked into the program and into the browser's build: both are committed, and a test says
/// when they are old.
pub fn licences() -> Outcome {
    web::tools()?;
    run(tool()?.arg("notices"))
}

/// Makes the archives of a release in `dist`, with their hashes.
pub fn dist(part: Part) -> Outcome {
    let out = root().join("dist");
    clear(&out)?;
    let time = time()?;
    if part != Part::Web {
        pack_program(&out, &time)?;
    }
    if part != Part::Program {
        pack_web(&out, &time)?;
        run(tool()?.arg("bom").arg(out.join(format!("atelier-{}.cdx.json", version()?))))?;
    }
    run(tool()?.arg("sums").arg(&out))?;
    println!("\nThe release is in {}.", out.canonicalize().unwrap_or(out).display());
    Ok(())
}

/// The program with its papers, completion scripts and manual pages.
fn pack_program(out: &Path, time: &str) -> Outcome {
    let host = host()?;
    // Panics name source files: not those of whoever built this, or two builds of one commit would differ.
    let here = root().canonicalize().map_err(|error| failed(error.to_string()))?;
    let remap = [remapped_home(), format!("--remap-path-prefix={}=atelier", here.display())];
    let flags = format!("target.{host}.rustflags=[{:?}, {:?}, \"-Cstrip=symbols\"]", remap[0], remap[1]);
    // In a folder of its own: other flags are other builds of everything.
    let built = web::target_folder()?.join("dist");
    let mut build =
        cargo(&["build", "--release", "--locked", "--workspace", "--bin", "atelier", "--config", &flags]);
    // The C compiler writes this time where it would write that of the build.
    run(build.arg("--target-dir").arg(&built).env("SOURCE_DATE_EPOCH", time))?;

    let name = format!("atelier{}", std::env::consts::EXE_SUFFIX);
    let folder = built.join(format!("atelier-{}-{host}", version()?));
    clear(&folder)?;
    let binary = folder.join(&name);
    copy(&built.join("release").join(&name), &binary)?;
    papers(&folder, &root().join("crates/atelier-cli/THIRD-PARTY.txt"))?;
    let completions = folder.join("completions");
    create(&completions)?;
    for (shell, file) in SHELLS {
        let script = Command::new(&binary).args(["completions", shell]).output();
        let script = script.ok().filter(|output| output.status.success());
        let script = script.ok_or_else(|| failed(format!("`{name} completions {shell}` failed")))?;
        write(&completions.join(file), &script.stdout)?;
    }
    run(Command::new(&binary).arg("man").arg("-o").arg(folder.join("man/man1")))?;
    archive(out, &folder, time)
}

/// The page for any static file server, the page as one file, and the npm packages.
fn pack_web(out: &Path, time: &str) -> Outcome {
    web::single_file()?;
    let (web, folder) = (root().join("web"), web::target_folder()?.join("dist/web-dist"));
    clear(&folder)?;
    copy_folder(&web.join("dist"), &folder)?;
    copy_folder(&web.join("hosting"), &folder)?;
    papers(&folder, &web.join("THIRD-PARTY.txt"))?;
    archive(out, &folder, time)?;
    copy(&web.join("single/atelier.html"), &out.join("atelier.html"))?;
    let into = out.canonicalize().map_err(|error| failed(error.to_string()))?;
    for package in [&web, &web.join("mini")] {
        let mut pack = web::npm(&["pack", "--pack-destination"]);
        run(pack.arg(&into).current_dir(package))?;
    }
    Ok(())
}

fn papers(folder: &Path, notices: &Path) -> Outcome {
    for name in PAPERS {
        copy(&root().join(name), &folder.join(name))?;
    }
    copy(notices, &folder.join("THIRD-PARTY.txt"))
}

fn archive(out: &Path, folder: &Path, time: &str) -> Outcome {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    run(tool()?.arg("archive").arg(out.join(format!("{name}.tar.gz"))).arg(folder).arg(time))
}

/// The program of `xtask/release`.
fn tool() -> Outcome<Command> {
    let mut tool = cargo(&["run", "--quiet", "--release", "--manifest-path", "xtask/release/Cargo.toml"]);
    tool.arg("--target-dir").arg(web::target_folder()?.join("release-tool")).arg("--");
    Ok(tool)
}

/// The time of every file: that of the commit, unless `SOURCE_DATE_EPOCH` says another.
fn time() -> Outcome<String> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => Ok(seconds),
        Err(_) => said(&mut program("git", &["log", "-1", "--format=%ct"])),
    }
}

/// The system that this one is.
fn host() -> Outcome<String> {
    let about = said(&mut program("rustc", &["-vV"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| failed("`rustc -vV` names no host"))
}

fn version() -> Outcome<String> {
    let id = said(&mut cargo(&["pkgid", "-p", "atelier-cli"]))?;
    id.rsplit(['#', '@']).next().map(str::to_owned).ok_or_else(|| failed("`cargo pkgid` names no version"))
}

/// What a program prints.
fn said(command: &mut Command) -> Outcome<String> {
    let output = command.output().ok().filter(|output| output.status.success());
    let output = output.ok_or_else(|| failed(format!("`{command:?}` failed")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn clear(folder: &Path) -> Outcome {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(problem(folder, &error)),
        _ => create(folder),
    }
}

fn create(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder).map_err(|error| problem(folder, &error))
}

fn write(file: &PathBuf, bytes: &[u8]) -> Outcome {
    std::fs::write(file, bytes).map_err(|error| problem(file, &error))
}

fn problem(path: &Path, error: &std::io::Error) -> crate::command::Failure {
    failed(format!("{}: {error}", path.display()))
}
