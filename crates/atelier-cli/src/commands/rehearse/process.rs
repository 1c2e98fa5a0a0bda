//! This program once more, with a time limit.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::guard;
use crate::ui::format::duration;

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Done,
    Failed,
    /// It was ended when its time was over.
    OutOfTime,
    /// What it needs is not there.
    Skipped,
}

/// What came of a stage.
#[derive(Debug)]
pub struct Outcome {
    pub status: Status,
    pub seconds: f64,
    /// What it printed, if that is JSON.
    pub result: Value,
    /// Why it failed, in a line.
    pub problem: Option<String>,
}

/// Runs a command of this program and reads the JSON that it prints. `folder` is for what it prints meanwhile.
///
/// # Errors
/// The program cannot be started, or Ctrl-C.
pub fn run(args: &[OsString], limit: Duration, folder: &Path) -> Result<Outcome> {
    let program = std::env::current_exe().map_err(|error| Error::read("this program", error))?;
    let [out, err] = ["out", "err"].map(|name| folder.join(name));
    let create = |path: &Path| File::create(path).map_err(|error| Error::write(path, error));
    let mut command = Command::new(&program);
    command.args(args).stdin(Stdio::null()).stdout(create(&out)?).stderr(create(&err)?);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| Error::read(&program, error))?;
    let ended = wait(&mut child, started + limit);
    let seconds = started.elapsed().as_secs_f64();
    let text = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let result = serde_json::from_str(&text(&out)).unwrap_or_default();
    let (status, problem) = match ended {
        Ended::Well => (Status::Done, None),
        Ended::Badly(code) => {
            let said = text(&err);
            let said = said.lines().rev().find(|line| !line.trim().is_empty());
            let problem = said.map_or(code, |line| line.trim_start_matches("error: ").to_owned());
            (Status::Failed, Some(problem))
        }
        Ended::Late => {
            (Status::OutOfTime, Some(format!("it was ended after {}", duration(limit.as_secs_f64()))))
        }
        Ended::Cancelled => return Err(Error::Cancelled),
    };
    Ok(Outcome { status, seconds, result, problem })
}

enum Ended {
    Well,
    /// With these words.
    Badly(String),
    Late,
    Cancelled,
}

/// Waits for a process and ends it when its time is over.
fn wait(child: &mut Child, end: Instant) -> Ended {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ended::Well,
            Ok(Some(status)) => return Ended::Badly(status.to_string()),
            Ok(None) => {}
            Err(error) => return Ended::Badly(error.to_string()),
        }
        let ended = if guard::interrupted() {
            Ended::Cancelled
        } else if Instant::now() >= end {
            Ended::Late
        } else {
            sleep(Duration::from_millis(20));
            continue;
        };
        // A driver may keep it from ending; nobody waits for that.
        let _ = child.kill();
        for _ in 0..100 {
            if !matches!(child.try_wait(), Ok(None)) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        return ended;
    }
}
