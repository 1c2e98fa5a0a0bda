//! `atelier doctor --check`, and what is done with what it finds.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Sandbox;
use serde_json::{Value, json};

fn doctor(sandbox: &Sandbox, args: &[&str]) -> Value {
    let done = sandbox.run(&[&["doctor", "--json"], args].concat());
    assert_eq!(done.code, 0, "{done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn every_kernel_is_checked_on_the_cpu_and_on_software_vulkan() {
    let (sandbox, adapter) = (Sandbox::new(), common::adapter());
    for device in [["--device", "cpu"], ["--adapter", &adapter]] {
        let report = doctor(&sandbox, &[&["--check"], &device[..]].concat());
        assert_eq!((&report["passed"], &report["broken"]), (&json!(true), &json!([])));
        let checks = report["checks"].as_array().unwrap();
        assert!(checks.len() >= 15, "{checks:?}");
        assert!(checks.iter().all(|check| check["error"].as_f64().unwrap() <= 1.0));
        let table = sandbox.run(&[&["doctor", "--check"], &device[..]].concat());
        assert_eq!(table.code, 0, "{table:?}");
        let rows = table.stdout.lines().filter(|line| line.ends_with("  ok")).count();
        assert_eq!(rows, checks.len(), "{}", table.stdout);
        assert!(table.stdout.contains(&format!("All {rows} checks passed")), "{}", table.stdout);
    }
    // Nothing was broken, so nothing is kept.
    assert!(!sandbox.path("state").exists());
    let refused = sandbox.run(&["doctor", "--adapter", "x"]);
    assert!(refused.code == 2 && refused.stderr.contains("--check"), "{refused:?}");
}

#[test]
fn what_was_found_broken_is_not_used_until_it_is_right_again() {
    let (sandbox, adapter) = (Sandbox::new(), common::adapter());
    let adapters = doctor(&sandbox, &[])["adapters"].clone();
    let found = adapters
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["name"].as_str().unwrap().to_lowercase().contains(&adapter.to_lowercase()));
    let entry = |broken: &str, driver: &Value| json!({ "adapter": found.unwrap()["name"], "api": found.unwrap()["api"], "driver": driver, "broken": [broken] });
    let (driver, other) = (&found.unwrap()["driver"], json!("another driver"));
    std::fs::create_dir(sandbox.path("state")).unwrap();
    let list = json!([entry("subgroups", driver), entry("dot", &other)]);
    sandbox.write("state/broken-kernels.json", list.to_string());

    let told = sandbox.run(&["doctor"]).stdout;
    assert!(told.contains("not subgroups: --check found it broken"), "{told}");
    assert!(told.contains("kernels use packed dot products\n"), "{told}");
    assert!(!told.contains("not dot"), "{told}");
    let adapters = doctor(&sandbox, &[])["adapters"].clone();
    let same = |adapter: &&Value| adapter["name"] == found.unwrap()["name"];
    let noted = adapters.as_array().unwrap().iter().find(same).unwrap();
    assert_eq!(noted["broken"], json!(["subgroups"]));
    let place = ["--adapter", &adapter, "--blueprint-only", "-W", "64", "-H", "64"];
    let write = |more: &[&str]| {
        let done =
            sandbox.run(&[&["generate", "A red sign that says 'A'.", "-s", "1"], &place[..], more].concat());
        assert_eq!(done.code, 0, "{done:?}");
        done
    };
    let warning = "kernels do without subgroups";
    let without = write(&[]);
    assert!(without.stderr.contains(warning), "{}", without.stderr);
    // Whoever says what kernels may use is obeyed.
    let with = write(&["--kernels", "subgroups,dot"]);
    assert!(!with.stderr.contains(warning), "{}", with.stderr);

    // What is not there is named.
    let absent = write(&["--kernels", "matrices"]);
    assert!(absent.stderr.contains("has no matrices for kernels"), "{}", absent.stderr);

    // Checked again, it is right, and only the other driver's entry stays.
    let again = sandbox.run(&["doctor", "--check", "--adapter", &adapter]);
    assert!(again.stdout.contains("what was broken before is used again"), "{}", again.stdout);
    let kept: Value = serde_json::from_slice(&sandbox.read("state/broken-kernels.json")).unwrap();
    assert_eq!(kept, json!([entry("dot", &other)]));
    assert!(!write(&[]).stderr.contains(warning));

    // A list that cannot be read is named, and stays as it is.
    sandbox.write("state/broken-kernels.json", "{[");
    let refused = sandbox.run(&[&["generate", "x"], &place[..]].concat());
    assert!(refused.code == 2 && refused.stderr.contains("broken-kernels.json"), "{refused:?}");
    let told = sandbox.run(&["doctor"]).stdout;
    assert!(
        told.contains("what --check found before is not known") && told.contains("broken-kernels.json"),
        "{told}"
    );
    let refused = sandbox.run(&["doctor", "--check", "--adapter", &adapter]);
    assert!(refused.code == 2 && sandbox.read("state/broken-kernels.json") == b"{[", "{refused:?}");
    let refused = sandbox.run(&["doctor", "--check", "--adapter", &adapter, "--device", "cpu"]);
    assert!(refused.code == 2 && refused.stderr.contains("--adapter"), "{refused:?}");
}
