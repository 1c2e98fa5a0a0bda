//! Every kernel keeps within WebGPU's default limits, and asks for nothing that a device may not have but what its variant
//! is for.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use naga::AddressSpace;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use super::wgsl::{Variant, Wgsl};

const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;
const STORAGE_BUFFERS: usize = 8;
/// The smallest subgroup that sums are asked of.
const SMALLEST: u32 = 4;
/// The largest subgroup that cooperative matrices are asked of, four of them to a workgroup.
const SUBGROUP: u32 = 64;

/// The texts in a folder with their names. They live as long as the tests.
fn texts(folder: &str) -> Vec<(&'static str, &'static str)> {
    let entries = std::fs::read_dir(Path::new("wgsl").join(folder)).unwrap();
    let files =
        entries.map(|e| e.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "wgsl"));
    let keep = |text: String| &*text.leak();
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .map(|(name, path)| (keep(name), keep(std::fs::read_to_string(path).unwrap())))
        .collect()
}

/// Every kernel as it is launched somewhere, with the largest workgroup, and what it needs.
fn kernels() -> Vec<(String, Wgsl, Capabilities)> {
    // `unpack2x16float` is core, but naga asks for it.
    let core = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    let mut kernels = Vec::new();
    for (name, source) in texts("") {
        let with_numbers = source.contains("Number");
        let cooperative = source.contains("coop_mat");
        let none = vec![("", "")];
        let packed = source.contains("eight_codes") || source.contains("block_scale");
        let schemes = if packed { texts("common/packed") } else { none.clone() };
        let held = if source.contains("product_with") { texts("common/held") } else { none.clone() };
        let sum = if matches!(name, "mul_mat_vec" | "sample_top_p") { "vec4<f32>" } else { "f32" };
        let readers = schemes.iter().flat_map(|&(scheme, read)| {
            held.iter().flat_map(move |&(held, hold)| {
                let bytes =
                    if hold.contains("eight_bytes") { texts("common/packed_dot") } else { vec![("", "")] };
                bytes.into_iter().map(move |(bytes, read_bytes)| {
                    (format!("{scheme} {held} {bytes}"), [read, hold, read_bytes])
                })
            })
        });
        for (parts, readers) in readers {
            for bits in 0..8 {
                let [f16, subgroups, f16_cache] = [1, 2, 4].map(|bit| bits & bit != 0);
                // The sampler keeps to one order.
                let adds = source.contains("workgroup_sum") && name != "sample_top_p";
                let adds = adds || source.contains("team_sum");
                if (f16 && !with_numbers) || (f16_cache && !source.contains("Stored")) || (subgroups && !adds)
                {
                    continue;
                }
                let sides: &[u32] = match (cooperative, f16) {
                    (false, _) => &[0],
                    // The large ones are for f16.
                    (true, false) => &[8],
                    (true, true) => &[8, 16],
                };
                let workgroups: &[u32] = match name {
                    "attention_split" => &[64, 128, INVOCATIONS],
                    _ if cooperative => &[4 * SUBGROUP],
                    _ => &[INVOCATIONS],
                };
                for (&side, &workgroup) in
                    sides.iter().flat_map(|side| workgroups.iter().map(move |w| (side, w)))
                {
                    let kernel = Wgsl {
                        sum,
                        readers,
                        variant: Variant { f16, subgroup: subgroups.then_some(SMALLEST), f16_cache, side },
                        ..Wgsl::by_rows(name, source, workgroup)
                    };
                    let mut needs = core;
                    needs.set(Capabilities::SHADER_FLOAT16, f16);
                    needs.set(Capabilities::SUBGROUP, subgroups || cooperative);
                    needs.set(Capabilities::COOPERATIVE_MATRIX, cooperative);
                    kernels.push((format!("{name} {workgroup} {parts} {:?}", kernel.variant), kernel, needs));
                }
            }
        }
    }
    kernels
}

fn parse(name: &str, source: &str, needs: Capabilities) -> (naga::Module, ModuleInfo) {
    let mut options = naga::front::wgsl::Options::new();
    options.capabilities = needs;
    let module = naga::front::wgsl::Frontend::new_with_options(options)
        .parse(source)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
    let info = Validator::new(ValidationFlags::all(), needs)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (module, info)
}

#[test]
fn kernels_keep_within_the_default_limits() {
    let kernels = kernels();
    assert!(kernels.len() >= 60, "found {} kernels", kernels.len());
    for (name, kernel, needs) in kernels {
        let (module, _) = parse(&name, &kernel.text(false), needs);
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

/// A variant is there to use what it asks for; the plain one asks for nothing.
#[test]
fn only_variants_need_more_than_the_core() {
    for (name, kernel, needs) in kernels() {
        let text = kernel.text(false);
        let asks = text.lines().any(|line| line.starts_with("enable "));
        let variant = kernel.variant.f16 || kernel.variant.side > 0;
        assert_eq!(asks, variant, "{name}");
        assert_eq!(text.contains("subgroupAdd("), kernel.variant.subgroup.is_some(), "{name}");
        let core = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        let plain = Variant { f16_cache: kernel.variant.f16_cache, ..Variant::default() };
        assert_eq!(needs == core, kernel.variant == plain, "{name}");
    }
}

/// A browser refuses a barrier behind a condition on what was read from a writable buffer; naga does not look.
#[test]
fn no_kernel_writes_its_sizes() {
    for (name, kernel, _) in kernels() {
        let read_only = kernel.source.contains("var<storage, read> sizes: array<u32>;");
        assert!(read_only, "{name}: sizes that a browser cannot trust before a barrier");
    }
}

/// What wgpu makes of a kernel for Vulkan and for Metal.
#[test]
fn kernels_translate() {
    use naga::back::{msl, spv};
    for (name, kernel, needs) in kernels() {
        let (module, info) = parse(&name, &kernel.text(false), needs);
        let options = spv::Options { lang_version: (1, 4), ..spv::Options::default() };
        spv::write_vec(&module, &info, &options, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let options =
            msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..msl::Options::default() };
        msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A browser takes what is in a struct together: beside the place in a workgroup, the place of the workgroup is no longer
/// the same for all of it, and a barrier behind a condition on it is refused; naga does not look.
#[test]
fn no_struct_tells_of_a_workgroup_and_of_an_invocation() {
    use naga::{Binding, BuiltIn, TypeInner};
    for (name, kernel, needs) in kernels() {
        let (module, _) = parse(&name, &kernel.text(false), needs);
        for (_, found) in module.types.iter() {
            let TypeInner::Struct { members, .. } = &found.inner else { continue };
            let of_all = |binding: &Option<Binding>| {
                use BuiltIn::{NumSubgroups, NumWorkGroups, WorkGroupId};
                matches!(binding, Some(Binding::BuiltIn(WorkGroupId | NumWorkGroups | NumSubgroups)))
            };
            let built_in = members.iter().filter(|member| member.binding.is_some());
            let (of_all, of_one): (Vec<_>, Vec<_>) = built_in.partition(|member| of_all(&member.binding));
            assert!(of_all.is_empty() || of_one.is_empty(), "{name}");
        }
    }
}

/// For the page's tests, which hand every kernel that may run in a browser to one: `ATELIER_KERNELS_DIR` names the folder.
#[test]
fn kernels_for_browsers_are_written_where_asked() {
    let folder = std::env::var_os("ATELIER_KERNELS_DIR").map(std::path::PathBuf::from);
    let mut count = 0;
    for (name, kernel, needs) in kernels() {
        if needs.contains(Capabilities::COOPERATIVE_MATRIX) {
            continue;
        }
        count += 1;
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            std::fs::write(folder.join(name + ".wgsl"), kernel.text(true)).unwrap();
        }
    }
    assert!(count >= 40, "{count} kernels");
}
