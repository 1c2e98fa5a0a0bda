//! The browser build: wasm, the npm package, the page.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Outcome, cargo, failed, missing, program, remapped_home, root, run, succeeds};

const WASM: &str = "wasm32-unknown-unknown";
/// The engines of the package, each a module of its own: the feature of `crates/atelier-web`, and the module's name.
const ENGINES: [(&str, &str); 2] = [("gpu", "atelier_web"), ("cpu", "atelier_web_cpu")];
/// The oldest Node.js that the page's build runs with.
const NODE: [u32; 2] = [20, 19];

/// Builds everything into `web/dist` and, if asked, serves it.
pub fn web(serve: bool) -> Outcome {
    build()?;
    if serve {
        run(&mut npm(&["run", "serve"]))?;
    }
    Ok(())
}

/// Builds everything, and of it the one file that opens by double click: `web/single/atelier.html`.
pub fn single_file() -> Outcome {
    build()?;
    run(&mut npm(&["run", "--silent", "single"]))
}

/// A cargo command on the browser's crate, as it is built for the [`ENGINES`].
fn wasm_cargo(command: &str, engines: &str) -> Command {
    // Every browser with WebGPU has vector instructions, and the others have had them since 2023.
    let flags = format!("target.{WASM}.rustflags=[{:?}, \"-Ctarget-feature=+simd128\"]", remapped_home());
    let mut cargo =
        cargo(&[command, "--profile", "web", "--target", WASM, "-p", "atelier-web", "--config", &flags]);
    cargo.args(["--no-default-features", "--features", engines]);
    cargo
}

/// The lints of the browser's crate, which is empty for any other target. Both engines at once: what each has of its own is a few
/// lines, and each alone would have all of burn checked for it.
pub fn lints() -> Outcome<Command> {
    wasm_target()?;
    let mut clippy = wasm_cargo("clippy", "gpu,cpu");
    clippy.args(["--", "-D", "warnings"]);
    Ok(clippy)
}

/// Builds everything into `web/dist`.
pub fn build() -> Outcome {
    check_node()?;
    wasm_target()?;
    let web = root().join("web");
    install(&web)?;
    let modules = web.join("src/wasm");
    let mut bound = Vec::new();
    for (engine, name) in ENGINES {
        run(&mut wasm_cargo("build", engine))?;
        let built = target_folder()?.join(WASM).join("web");
        // The next engine's module has the same name.
        let module = built.join("engines").join(format!("{name}.wasm"));
        std::fs::create_dir_all(built.join("engines"))
            .map_err(|error| failed(format!("{}: {error}", built.display())))?;
        copy(&built.join("atelier_web.wasm"), &module)?;
        if engine == "gpu" {
            bind(&module, &modules)?
        } else {
            bind_cpu(&module, &modules)?
        }
        bound.push((modules.join(format!("{name}_bg.wasm")), module));
    }
    // Each takes minutes on one core.
    std::thread::scope(|scope| {
        let optimising: Vec<_> =
            bound.iter().map(|(bound, built)| scope.spawn(|| optimise(bound, built))).collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, Outcome>| {
            thread.join().unwrap_or_else(|_| Err(failed("wasm-opt: its thread ended")))
        };
        optimising.into_iter().try_for_each(ended)
    })?;
    model(&web.join("dist/models/mini"))?;
    // The page is built from the package as others get it.
    run(&mut npm(&["run", "types"]))?;
    run(&mut npm(&["run", "package"]))?;
    run(&mut npm(&["run", "app"]))?;
    run(&mut npm(&["run", "sizes"]))
}

/// What the native program makes on software Vulkan, for the page to be compared with, in the folder that is returned:
/// `keep/picture.png` and `keep/blueprint.json` of the pack in `web/dist`; in `q4` the same of a pack of four bits, which is
/// `q4/pack`.
pub fn native() -> Outcome<PathBuf> {
    let folder = target_folder()?.join("web-native");
    let pack = folder.join("q4/pack");
    let cleared = match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(folder.join("keep")),
    };
    cleared.map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    let atelier = |args: &[&str]| cargo(&[&["run", "--quiet", "--release", "--"], args].concat());
    run(atelier(&["quantize", "mini", "-q", "-o"]).arg(&pack))?;
    let adapter = std::env::var("ATELIER_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
    let prompt = "A red card with 'CANDY' at the center in white, large.";
    for (name, model) in [("keep", Path::new("web/dist/models/mini")), ("q4", &pack)] {
        let mut generate =
            atelier(&["generate", prompt, "--device", "gpu", "--adapter", &adapter, "--model"]);
        generate.arg(model).args(["-W", "128", "-H", "128", "-s", "1", "--steps", "4", "-q"]);
        generate.arg("--save-blueprint").arg(folder.join(name).join("blueprint.json"));
        run(generate.arg("-o").arg(folder.join(name).join("picture.png")))?;
    }
    Ok(folder)
}

/// A script of `web/package.json`.
pub fn npm(args: &[&str]) -> Command {
    let mut command = program("npm", args);
    command.current_dir(root().join("web"));
    command
}

/// Whether there is a Node.js at all.
pub fn has_node() -> bool {
    succeeds(&mut program("node", &["--version"])) && succeeds(&mut npm(&["--version"]))
}

fn check_node() -> Outcome {
    let [major, minor] = NODE;
    let wanted = format!("Node.js from {major}.{minor} on, with npm");
    let elsewhere = "from nodejs.org or your system's packages";
    let version = program("node", &["--version"]).output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let Ok(version) = version else {
        return Err(missing(format!("the page needs {wanted}: install it {elsewhere}")));
    };
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    let found = [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
    if found < NODE || !succeeds(&mut npm(&["--version"])) {
        return Err(missing(format!(
            "the page needs {wanted}, found Node.js {version}: install it {elsewhere}"
        )));
    }
    Ok(())
}

/// rustup brings the standard library for browsers.
fn wasm_target() -> Outcome {
    let sysroot = program("rustc", &["--print", "sysroot"]).output();
    let installed = sysroot.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Path::new(&sysroot).join("lib/rustlib").join(WASM).exists()
    });
    if installed {
        return Ok(());
    }
    run(&mut program("rustup", &["target", "add", WASM])).map_err(|failure| {
        missing(format!("{WASM} is missing, and rustup did not help: {}", failure.message))
    })
}

/// Where cargo puts what it builds.
pub fn target_folder() -> Outcome<PathBuf> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]).output();
    let metadata = metadata.map_err(|error| failed(format!("`cargo metadata`: {error}")))?;
    let text = String::from_utf8_lossy(&metadata.stdout);
    // One string of a long line: no reason for a parser.
    let folder = text.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    match folder {
        Some((folder, _)) => Ok(PathBuf::from(folder.replace("\\\\", "\\"))),
        None => Err(failed("`cargo metadata` names no target directory")),
    }
}

/// Makes the JavaScript side of a module. Its declarations are committed: those of another module are no good.
fn bind(module: &Path, folder: &Path) -> Outcome {
    let declarations = folder.join(module.with_extension("d.ts").file_name().unwrap_or_default());
    let committed = std::fs::read(&declarations).ok();
    run(bindgen(&target_folder()?).arg("--").arg(module).arg(folder))?;
    if std::fs::read(&declarations).ok() == committed {
        return Ok(());
    }
    let file = declarations.display();
    Err(failed(format!("{file} was not what crates/atelier-web declares, and is now: commit it and repeat")))
}

/// The JavaScript side of the CPU's engine. Whoever runs one engine can run the other, so that its declarations are the other's.
fn bind_cpu(module: &Path, folder: &Path) -> Outcome {
    let bound = module.with_extension("bound");
    run(bindgen(&target_folder()?).arg("--").arg(module).arg(&bound))?;
    let read =
        |file: PathBuf| std::fs::read(&file).map_err(|error| failed(format!("{}: {error}", file.display())));
    if read(bound.join("atelier_web_cpu.d.ts"))? != read(folder.join("atelier_web.d.ts"))? {
        return Err(failed(
            "the engines declare different things: compare what is bound with web/src/wasm/atelier_web.d.ts",
        ));
    }
    for name in ["atelier_web_cpu.js", "atelier_web_cpu_bg.wasm"] {
        copy(&bound.join(name), &folder.join(name))?;
    }
    Ok(())
}

/// The program that does it. Cargo would put what it builds of another workspace into a folder of its own, beside the sources.
fn bindgen(target: &Path) -> Command {
    let mut bindgen = cargo(&["run", "--quiet", "--release", "--manifest-path", "xtask/bindgen/Cargo.toml"]);
    bindgen.arg("--target-dir").arg(target.join("bindgen"));
    bindgen
}

/// What the page is built and checked with.
pub fn tools() -> Outcome {
    check_node()?;
    install(&root().join("web"))
}

/// The page's own tools, in the versions of the lock file.
fn install(web: &Path) -> Outcome {
    let (lock, installed) = (web.join("package-lock.json"), web.join("node_modules/.package-lock.json"));
    let time = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    if time(&installed).is_some_and(|installed| time(&lock).is_some_and(|lock| lock <= installed)) {
        return Ok(());
    }
    run(&mut npm(&["ci"]))
}

/// Makes the module smaller; minutes, so what was made is kept beside what it was `built` from.
fn optimise(module: &Path, built: &Path) -> Outcome {
    let (before, after) = (built.with_extension("before-opt.wasm"), built.with_extension("after-opt.wasm"));
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display())));
    if !after.is_file() || std::fs::read(&before).ok() != Some(read(module)?) {
        copy(module, &before)?;
        let features = ["--enable-simd", "--enable-bulk-memory", "--enable-nontrapping-float-to-int"];
        let more = [
            "--enable-sign-ext",
            "--enable-mutable-globals",
            "--enable-reference-types",
            "--enable-multivalue",
        ];
        let options = [&["exec", "--", "wasm-opt", "-Os"], &features[..], &more].concat();
        run(npm(&options).arg(&before).arg("-o").arg(&after))?;
    }
    copy(&after, module)
}

/// The built-in model, with hashes, for browsers to fetch.
fn model(folder: &Path) -> Outcome {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    }
    let mut quantize =
        cargo(&["run", "--quiet", "--release", "--", "quantize", "mini", "--scheme", "keep", "-q", "-o"]);
    run(quantize.arg(folder))
}

/// With the folders in it.
pub fn copy_folder(from: &Path, to: &Path) -> Outcome {
    let problem = |error: std::io::Error| failed(format!("{}: {error}", from.display()));
    std::fs::create_dir_all(to).map_err(problem)?;
    for entry in std::fs::read_dir(from).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy_folder(&path, &target)? } else { copy(&path, &target)? }
    }
    Ok(())
}

/// A file.
pub fn copy(from: &Path, to: &Path) -> Outcome {
    match std::fs::copy(from, to) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(format!("{} to {}: {error}", from.display(), to.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_built_beside_the_sources() {
        let command = bindgen(Path::new("/elsewhere"));
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(args[args.len() - 2..], ["--target-dir", "/elsewhere/bindgen"]);
    }
}
