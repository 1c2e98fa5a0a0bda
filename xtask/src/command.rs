//! Other programs: started in the repository's root, shown as they are run, their failures said in words.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How a chore ends.
pub type Outcome<T = ()> = Result<T, Failure>;

/// What went wrong, and the exit code: 1 for a check that does not pass, 2 for something missing.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub code: u8,
}

/// A check that does not pass.
pub fn failed(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), code: 1 }
}

/// Something is missing on this machine; the message says how to get it.
pub fn missing(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), code: 2 }
}

/// The repository's root.
pub fn root() -> PathBuf {
    // At run time: a checkout may have moved since this program was compiled.
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(xtask).join("..")
}

/// A program with its arguments.
pub fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Has a compiler name the sources of packages without the folder of whoever builds: messages of panics have their names.
pub fn remapped_home() -> String {
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"));
    format!("--remap-path-prefix={}=cargo", home.unwrap_or_default())
}

/// The cargo that runs us.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    program(&cargo, args)
}

/// Whether a program is there and content with its arguments; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Outcome {
    eprintln!("$ {}", line(command));
    let status = command.status().map_err(|error| missing(format!("{}: {error}", line(command))))?;
    if status.success() { Ok(()) } else { Err(failed(format!("`{}`: {status}", line(command)))) }
}

/// One of a program's two outputs.
#[derive(Clone, Copy, PartialEq)]
pub enum Output {
    Stdout,
    Stderr,
}

/// Runs a program to its end, passing on what it prints, and keeps those lines of one output that contain one of
/// `wanted`, whether it succeeds or not.
pub fn run_keeping(command: &mut Command, output: Output, wanted: &[&str]) -> (Vec<String>, Outcome) {
    eprintln!("$ {}", line(command));
    match output {
        Output::Stdout => command.stdout(Stdio::piped()),
        Output::Stderr => command.stderr(Stdio::piped()),
    };
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return (Vec::new(), Err(missing(format!("{}: {error}", line(command))))),
    };
    let pipe: Option<Box<dyn Read>> = match output {
        Output::Stdout => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Output::Stderr => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    let mut kept = Vec::new();
    for text in pipe.into_iter().flat_map(|pipe| BufReader::new(pipe).split(b'\n').map_while(Result::ok)) {
        let text = String::from_utf8_lossy(&text).into_owned();
        match output {
            Output::Stdout => println!("{text}"),
            Output::Stderr => eprintln!("{text}"),
        }
        if wanted.iter().any(|wanted| text.contains(wanted)) {
            kept.push(text);
        }
    }
    let outcome = match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("`{}`: {status}", line(command)))),
        Err(error) => Err(failed(format!("{}: {error}", line(command)))),
    };
    (kept, outcome)
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}
