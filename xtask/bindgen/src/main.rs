//! `atelier-bindgen IN.wasm OUT_DIR`: what the program `wasm-bindgen --target web` does, built with the repository, so that
//! its version is pinned and nothing has to be installed.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = &args[..] else {
        eprintln!("error: expected IN.wasm and OUT_DIR, found {} arguments", args.len());
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).typescript(true).remove_name_section(true).remove_producers_section(true);
    let made = bindgen.web(true).and_then(|bindgen| bindgen.generate(output));
    let made = made.map_err(|error| format!("{input}: {error:#}"));
    match made.and_then(|()| keep_api(Path::new(input), Path::new(output))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Leaves the raw exports out of the declarations: nobody calls them, and their names differ from build to build.
fn keep_api(input: &Path, output: &Path) -> Result<(), String> {
    let name = input.file_stem().unwrap_or_default().to_string_lossy();
    let file = output.join(format!("{name}.d.ts"));
    let problem = |what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| problem(&error))?;
    let start = "export interface InitOutput {\n    readonly memory: WebAssembly.Memory;\n";
    let parts =
        text.split_once(start).and_then(|(before, exports)| Some((before, exports.split_once("}\n")?.1)));
    let (before, after) =
        parts.ok_or_else(|| problem(&"expected the interface InitOutput with the memory first"))?;
    std::fs::write(&file, format!("{before}{start}}}\n{after}")).map_err(|error| problem(&error))
}
