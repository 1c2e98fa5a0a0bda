//! What a release holds beside what is compiled: the notices of what is linked into it, the list of all that, and the
//! archives, which are the same bytes wherever they are made.
//!
//! ```text
//! atelier-release notices          writes the THIRD-PARTY.txt of the program and of the browser's build
//! atelier-release bom OUT          writes the list of the program's packages in the format of CycloneDX
//! atelier-release archive OUT.tar.gz FOLDER SECONDS
//!                                  packs a folder, with this time on every file
//! atelier-release sums FOLDER      writes SHA256SUMS of the files in a folder
//! ```

mod archive;
mod inventory;
mod licence;
mod notices;

use std::path::Path;
use std::process::ExitCode;

/// What can go wrong, in words.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["notices"] => notices::write(),
        ["bom", out] => inventory::bom(Path::new(out)),
        ["archive", out, folder, seconds] => seconds
            .parse()
            .map_err(|_| format!("expected seconds since 1970, found '{seconds}'").into())
            .and_then(|seconds| archive::pack(Path::new(out), Path::new(folder), seconds)),
        ["sums", folder] => archive::sums(Path::new(folder)),
        _ => Err(format!("expected a command as its source lists them, found {args:?}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
