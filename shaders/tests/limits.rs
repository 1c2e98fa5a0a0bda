//! Every kernel keeps within WebGPU's default limits, and asks for nothing that a browser may not have.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use naga::AddressSpace;
use naga::valid::{Capabilities, ValidationFlags, Validator};

const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;
const STORAGE_BUFFERS: usize = 8;

/// The kernels with their names, complete, with the largest workgroup that any is launched with.
fn kernels() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wgsl");
    let common = std::fs::read_to_string(folder.join("common/row.wgsl")).unwrap();
    let readers: Vec<(String, String)> = std::fs::read_dir(folder.join("common/packed"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let scheme = path.file_stem().unwrap().to_string_lossy().into_owned();
            (format!("_{scheme}"), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .flat_map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path).unwrap();
            let before = if source.contains("eight_codes") {
                readers.clone()
            } else if source.contains("workgroup_sum") {
                vec![(String::new(), common.clone())]
            } else {
                vec![(String::new(), String::new())]
            };
            let complete = move |(scheme, before): (String, String)| {
                let source = format!("{before}{source}").replace("{{ workgroup }}", &INVOCATIONS.to_string());
                (format!("{name}{scheme}"), source)
            };
            before.into_iter().map(complete)
        })
        .collect()
}

#[test]
fn kernels_keep_within_the_default_limits() {
    let kernels = kernels();
    assert!(kernels.len() >= 24, "found {} kernels", kernels.len());
    for (name, source) in kernels {
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        // Nothing beyond the core language: no f16, no subgroups. `unpack2x16float` is core, but naga asks for it.
        Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32)
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        for entry in &module.entry_points {
            let invocations: u32 = entry.workgroup_size.iter().product();
            assert!(invocations <= INVOCATIONS, "{name}: {invocations} invocations");
        }
        let (mut bytes, mut buffers) = (0, 0);
        for (_, variable) in module.global_variables.iter() {
            match variable.space {
                AddressSpace::WorkGroup => bytes += module.types[variable.ty].inner.size(module.to_ctx()),
                AddressSpace::Storage { .. } => buffers += 1,
                _ => {}
            }
        }
        assert!(bytes <= WORKGROUP_BYTES, "{name}: {bytes} bytes of workgroup memory");
        assert!(buffers <= STORAGE_BUFFERS, "{name}: {buffers} storage buffers");
    }
}
