//! `--kernels plain`: the workaround for driver bugs.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Desk;

/// A blueprint written with `kind` of kernels, and the text of every kernel that it took.
fn written(desk: &Desk, kind: &str) -> (String, String) {
    desk.write("cubecl.toml", "[compilation]\nlogger = { level = \"full\", file = \"kernels.log\" }\n");
    let adapter = common::adapter();
    let place = ["--adapter", &adapter, "--kernels", kind, "--blueprint-only", "-q", "-W", "64", "-H", "64"];
    let done = desk.run(&[&["generate", "A red sign that says 'A'.", "-s", "1"], &place[..]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let kernels = String::from_utf8(desk.read("kernels.log")).unwrap();
    std::fs::remove_file(desk.path("kernels.log")).unwrap();
    (done.stdout, kernels)
}

#[test]
fn what_not_every_device_has_is_not_used() {
    let desk = Desk::new();
    let (blueprint, kernels) = written(&desk, "fast");
    // The software adapter has subgroups.
    assert!(kernels.contains("subgroupAdd("));
    let (same, kernels) = written(&desk, "plain");
    assert!(kernels.contains("workgroup_sum("));
    assert!(!kernels.contains("subgroupAdd("));
    assert_eq!(same, blueprint);
}
