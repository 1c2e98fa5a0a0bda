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
    let folder = Path::new("wgsl");
    let readers: Vec<(String, String)> = std::fs::read_dir(folder.join("common/packed"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let scheme = path.file_stem().unwrap().to_string_lossy().into_owned();
            (format!("_{scheme}"), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    let common = [("workgroup_sum", std::fs::read_to_string(folder.join("common/row.wgsl")).unwrap())];
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .flat_map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let source = std::fs::read_to_string(&path).unwrap();
            let parts = common.iter().filter(|(function, _)| source.contains(function));
            let parts: String = parts.map(|(_, text)| text.as_str()).chain([source.as_str()]).collect();
            let complete = parts.replace("{{ workgroup }}", &INVOCATIONS.to_string());
            if source.contains("eight_codes") {
                let with = |(scheme, reader): &(String, String)| {
                    (format!("{name}{scheme}"), format!("{reader}{complete}"))
                };
                readers.iter().map(with).collect()
            } else {
                vec![(name, complete)]
            }
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

/// A browser refuses a barrier behind a condition on what was read from a writable buffer; naga does not look.
#[test]
fn no_kernel_writes_its_sizes() {
    for (name, source) in kernels() {
        let read_only = source.contains("var<storage, read> sizes: array<u32>;");
        assert!(read_only, "{name}: sizes that a browser cannot trust before a barrier");
    }
}
