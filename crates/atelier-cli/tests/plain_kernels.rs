//! `--kernels plain`: the workaround for driver bugs.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Sandbox;

/// A blueprint written with `kind` of kernels, and the text of every kernel that it took.
fn written(sandbox: &Sandbox, kind: &str) -> (String, String) {
    sandbox.write("cubecl.toml", "[compilation]\nlogger = { level = \"full\", file = \"kernels.log\" }\n");
    let adapter = common::adapter();
    let place = ["--adapter", &adapter, "--kernels", kind, "--blueprint-only", "-q", "-W", "64", "-H", "64"];
    let done = sandbox.run(&[&["generate", "A red sign that says 'A'.", "-s", "1"], &place[..]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let kernels = String::from_utf8(sandbox.read("kernels.log")).unwrap();
    std::fs::remove_file(sandbox.path("kernels.log")).unwrap();
    (done.stdout, kernels)
}

#[test]
fn what_not_every_device_has_is_not_used() {
    let sandbox = Sandbox::new();
    let (blueprint, kernels) = written(&sandbox, "fast");
    // The software adapter has subgroups.
    assert!(kernels.contains("subgroupAdd("));
    let (same, kernels) = written(&sandbox, "plain");
    assert!(kernels.contains("workgroup_sum("));
    assert!(!kernels.contains("subgroupAdd("));
    assert_eq!(same, blueprint);
}
