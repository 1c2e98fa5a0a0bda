//! Training of the built-in model.

use std::process::Command;

use crate::command::{Outcome, cargo, missing, run};

/// Trains all four parts and writes the checkpoint.
pub fn train(options: &[&str]) -> Outcome {
    let device = options.iter().position(|option| *option == "--device").and_then(|at| options.get(at + 1));
    let feature = match device {
        None | Some(&"flex") => "train",
        Some(&("libtorch" | "libtorch-cuda")) => "libtorch",
        Some(&"wgpu") => "wgpu",
        Some(&"cuda") => "cuda",
        Some(other) => {
            return Err(missing(format!(
                "--device: expected flex, libtorch, libtorch-cuda, wgpu or cuda, found '{other}'"
            )));
        }
    };
    let trainer = ["run", "--release", "-p", "atelier-train", "--features", feature, "--", "train", "all"];
    run(cargo(&trainer).args(options))
}

/// The tests of the trainer, and of the derivatives: they need burn with automatic differentiation, which nothing else does.
pub fn trainer_tests() -> Command {
    let packages = ["-p", "atelier-train", "-p", "atelier-shaders", "--features", "atelier-train/train"];
    let mut tests = cargo(&["test", "--release", "--no-fail-fast"]);
    tests.args(packages);
    tests
}
