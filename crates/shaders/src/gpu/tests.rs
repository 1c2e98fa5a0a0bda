//! Every kernel in every variant keeps within WebGPU's default limits, asks for nothing that a device may not have but what
//! its variant is for, and is what the build script took it for.

#![allow(clippy::unwrap_used, clippy::panic)]

use naga::AddressSpace;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use super::Kernel;
use crate::wgsl::{KERNELS, MODULES, Source};

const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;
const STORAGE_BUFFERS: usize = 8;
/// The smallest subgroup that sums are asked of.
const SMALLEST: u32 = 4;

/// A kernel as it is launched somewhere.
struct Variant {
    name: String,
    kernel: Kernel,
    choices: Vec<(&'static str, &'static str)>,
    needs: Capabilities,
}

impl Variant {
    fn has(&self, import: &str, choice: &str) -> bool {
        self.choices.contains(&(import, choice))
    }

    fn is_cooperative(&self) -> bool {
        self.choices.iter().any(|(import, _)| *import == "matrices")
    }
}

/// Every way to choose among the files that imports may stand for.
fn choices(imports: &[&'static str]) -> Vec<Vec<(&'static str, &'static str)>> {
    let mut all = vec![Vec::new()];
    for import in imports.iter().filter(|import| !import.contains("::")) {
        let modules: Vec<_> = MODULES.iter().filter(|module| module.name == *import).collect();
        let with = |before: &Vec<_>| {
            let mut longer = Vec::new();
            for module in &modules {
                for further in choices(module.imports) {
                    longer.push([before.clone(), vec![(module.name, module.choice)], further].concat());
                }
            }
            longer
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// Workgroups other than a kernel's own.
fn workgroups(source: &Source) -> &'static [u32] {
    match source.name {
        "attention_split" => &[64, 128, INVOCATIONS],
        "ada_layer_norm" | "residual_norm" | "rms_norm" => &[64, INVOCATIONS],
        _ => &[0],
    }
}

fn variants() -> Vec<Variant> {
    let mut variants = Vec::new();
    for source in KERNELS {
        for choices in choices(source.imports) {
            // Large matrices are for f16.
            if choices.contains(&("matrices", "16")) && choices.contains(&("number", "f32")) {
                continue;
            }
            // A cache is written as it is read.
            let [cache, row] =
                ["cache", "cache_row"].map(|of| choices.iter().find(|(import, _)| *import == of));
            if cache.zip(row).is_some_and(|(cache, row)| cache.1 != row.1) {
                continue;
            }
            for &workgroup in workgroups(source) {
                let mut kernel = Kernel::new(source);
                kernel =
                    choices.iter().fold(kernel, |kernel, (import, choice)| kernel.choose(import, choice));
                if workgroup > 0 {
                    kernel = kernel.set("WORKGROUP", workgroup);
                }
                let subgroups = choices.contains(&("sum", "subgroups"));
                if subgroups {
                    let all = kernel.constant("WORKGROUP").unwrap();
                    kernel = kernel.set("ITEMS", all.div_ceil(SMALLEST));
                }
                let cooperative = choices.iter().any(|(import, _)| *import == "matrices");
                // `unpack2x16float` is core, but naga asks for it.
                let mut needs = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
                needs.set(Capabilities::SHADER_FLOAT16, choices.contains(&("number", "f16")));
                needs.set(Capabilities::SUBGROUP, subgroups || cooperative);
                needs.set(Capabilities::COOPERATIVE_MATRIX, cooperative);
                let chosen: String =
                    choices.iter().map(|(import, choice)| format!(" {import}-{choice}")).collect();
                let name = format!("{} {}{chosen}", source.name, kernel.constant("WORKGROUP").unwrap());
                variants.push(Variant { name, kernel, choices: choices.clone(), needs });
            }
        }
    }
    variants
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
    let variants = variants();
    assert!(variants.len() >= 60, "found {} variants", variants.len());
    for Variant { name, kernel, needs, .. } in variants {
        let (module, _) = parse(&name, &kernel.text(false), needs);
        for entry in &module.entry_points {
            let invocations: u32 = entry.workgroup_size.iter().product();
            assert!(invocations <= INVOCATIONS, "{name}: {invocations} invocations");
            assert_eq!(Some(invocations), kernel.constant("WORKGROUP"), "{name}");
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

/// What Rust was told of constants and sizes is what naga reads.
#[test]
fn the_build_script_reads_kernels_as_naga_does() {
    use naga::{Expression, Literal, TypeInner};
    for Variant { name, kernel, needs, .. } in variants() {
        let (module, _) = parse(&name, &kernel.text(false), needs);
        for (constant, _) in kernel.source.constants {
            let found = module.constants.iter().find(|(_, found)| found.name.as_deref() == Some(constant));
            let (_, found) = found.unwrap_or_else(|| panic!("{name}: no constant {constant}"));
            let expected = kernel.constant(constant).map(|value| Expression::Literal(Literal::U32(value)));
            assert_eq!(Some(&module.global_expressions[found.init]), expected.as_ref(), "{name}: {constant}");
        }
        let sizes = module.types.iter().find(|(_, found)| found.name.as_deref() == Some("Sizes"));
        let TypeInner::Struct { members, .. } = &sizes.unwrap().1.inner else { panic!("{name}: Sizes") };
        let mut words = 0;
        for (member, (size, length)) in members.iter().zip(kernel.source.sizes) {
            assert_eq!((member.name.as_deref(), member.offset), (Some(*size), 4 * words), "{name}");
            words += length;
        }
        assert_eq!(sizes.unwrap().1.inner.size(module.to_ctx()), 4 * words, "{name}");
        assert_eq!(members.len(), kernel.source.sizes.len(), "{name}");
    }
}

/// A variant is there to use what it asks for; the plain one asks for nothing.
#[test]
fn only_variants_need_more_than_the_core() {
    for variant in variants() {
        let text = variant.kernel.text(false);
        let asks = text.lines().any(|line| line.starts_with("enable "));
        let (f16, subgroups) = (variant.has("number", "f16"), variant.has("sum", "subgroups"));
        assert_eq!(asks, f16 || variant.is_cooperative(), "{}", variant.name);
        assert_eq!(text.contains("subgroupAdd("), subgroups, "{}", variant.name);
        let plain = !f16 && !subgroups && !variant.is_cooperative();
        assert_eq!(variant.needs == Capabilities::SHADER_FLOAT16_IN_FLOAT32, plain, "{}", variant.name);
    }
}

/// Where nothing is chosen, every device can run it. Only packed weights have no plain form: they are what they are.
#[test]
fn what_is_not_chosen_is_plain() {
    for source in KERNELS.iter().filter(|source| source.name != "mul_mat_cooperative") {
        let kernel = Kernel::new(source).choose("packed", "q4");
        parse(source.name, &kernel.text(false), Capabilities::SHADER_FLOAT16_IN_FLOAT32);
    }
}

/// A browser refuses a barrier behind a condition on what was read from a writable buffer; naga does not look.
#[test]
fn no_kernel_writes_its_sizes() {
    for source in KERNELS {
        let read_only = source.text.contains("var<storage, read> sizes: Sizes;");
        assert!(read_only, "{}: sizes that a browser cannot trust before a barrier", source.name);
    }
}

/// What wgpu makes of a kernel for Vulkan and for Metal.
#[test]
fn kernels_translate() {
    use naga::back::{msl, spv};
    for Variant { name, kernel, needs, .. } in variants() {
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
    for Variant { name, kernel, needs, .. } in variants() {
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
    for variant in variants().iter().filter(|variant| !variant.is_cooperative()) {
        count += 1;
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            let name: String =
                variant.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            std::fs::write(folder.join(name + ".wgsl"), variant.kernel.text(true)).unwrap();
        }
    }
    assert!(count >= 40, "{count} kernels");
}
