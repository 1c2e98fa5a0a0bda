//! Runs the program in an empty folder and reads what it wrote.

#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
pub use testkit::reference;

pub fn tiny_random() -> PathBuf {
    reference().join("tiny-random")
}

/// The adapter that GPU tests run on.
pub fn adapter() -> String {
    std::env::var("ATELIER_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into())
}

/// What a run left.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// An empty folder to run in.
pub struct Sandbox {
    folder: TempDir,
    pub model: PathBuf,
    refusals: RefCell<String>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), model: tiny_random(), refusals: RefCell::default() }
    }

    /// One whose model is a copy that can be damaged.
    pub fn with_copy() -> Self {
        let mut sandbox = Self::new();
        sandbox.model = sandbox.path("model");
        copy_folder(&tiny_random(), &sandbox.model);
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name))
            .unwrap_or_else(|error| panic!("{name}: {error}; there is {:?}", self.files()))
    }

    /// Names of the files, hidden ones too.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atelier"));
        #[cfg(unix)]
        with_default_signals(&mut command);
        command.current_dir(self.folder.path()).env_remove("ATELIER_MODEL").stdin(Stdio::null());
        // Never what the user's own checks have found.
        command.env("ATELIER_STATE_DIR", self.path("state"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        finish(self.command().args(args))
    }

    /// `atelier generate` on the CPU with a small picture and few steps, unless `args` say otherwise.
    pub fn generate(&self, args: &[&str]) -> Output {
        finish(&mut self.generate_command(args))
    }

    pub fn generate_command(&self, args: &[&str]) -> Command {
        let mut command = self.command();
        command.arg("generate").args(args).arg("--model").arg(&self.model);
        let given = |flag: &str| args.contains(&flag);
        let kept = given("--from") || given("--blueprint") || given("--resume");
        for (flag, value) in [("-W", "64"), ("-H", "64"), ("--steps", "3"), ("--device", "cpu")] {
            if !(given(flag) || (kept && flag != "--device") || (given("-i") && flag.len() == 2)) {
                command.args([flag, value]);
            }
        }
        command
    }

    /// As [`Self::generate`]; it must succeed.
    pub fn draw(&self, args: &[&str]) -> Output {
        let done = self.generate(args);
        assert_eq!(done.code, 0, "{args:?}: {done:?}");
        done
    }

    /// As [`Self::generate`]; it must fail as bad input does, say all of `words`, and write nothing.
    pub fn refused(&self, args: &[&str], words: &[&str]) {
        let before = self.files();
        self.fails(args, words);
        assert_eq!(self.files(), before, "{args:?}: something was written");
    }

    /// As [`Self::generate`]; it must fail as bad input does and say all of `words`.
    pub fn fails(&self, args: &[&str], words: &[&str]) {
        let done = self.generate(args);
        assert_eq!(done.code, 2, "{args:?}: {done:?}");
        let last = done.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        for word in words {
            assert!(last.contains(word), "{args:?}: no {word:?} in {done:?}");
        }
        // Cut after the places are named: else a longer place would leave less.
        let typed: Vec<String> =
            args.iter().map(|arg| self.portable(arg).chars().take(40).collect()).collect();
        *self.refusals.borrow_mut() += &format!("{typed:?}\n    {last}\n");
    }

    /// What [`Self::refused`] has read so far, the same on every machine.
    pub fn refusals(&self) -> String {
        self.portable(&self.refusals.borrow())
    }

    /// Text without the places of this machine.
    pub fn portable(&self, text: &str) -> String {
        let folder = self.folder.path();
        let [folder, canonical] = [folder.to_path_buf(), folder.canonicalize().unwrap()];
        let places = [(canonical, "DESK"), (folder, "DESK"), (reference(), "REFERENCE")];
        places.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path.to_str().unwrap(), name))
    }
}

pub fn finish(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    Output {
        code: output.status.code().unwrap_or_else(|| panic!("{:?}", output.status)),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A picture that is not flat, as a file.
pub fn save_picture(path: &Path, width: u32, height: u32) {
    let pixel = |x: u32, y: u32| image::Rgb([(x * 7) as u8, (y * 5) as u8, (x + y) as u8]);
    image::RgbImage::from_fn(width, height, pixel).save(path).unwrap();
}

pub fn pixels(path: &Path) -> (u32, u32, Vec<u8>) {
    let picture = image::open(path).unwrap().into_rgb8();
    (picture.width(), picture.height(), picture.into_raw())
}

/// Signals as a terminal leaves them, also where the tests run under `nohup` or in the background of a script.
#[cfg(unix)]
#[allow(unsafe_code)]
fn with_default_signals(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let default = || {
        let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            // SAFETY: the default action runs no code of ours.
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(())
    };
    // SAFETY: only system calls between fork and exec.
    unsafe { command.pre_exec(default) };
}
