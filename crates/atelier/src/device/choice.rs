//! Which device a choice means.

use super::{AdapterReport, DeviceReport, cpu};
use crate::error::{Error, Result};

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, the CPU otherwise. A software adapter is only ever used by name.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first real GPU.
    Gpu,
    /// The first adapter whose name contains this, in any case; also a software adapter.
    Adapter(String),
}

/// The device and, for a GPU, its place in `adapters`.
pub(super) fn select(
    choice: &DeviceChoice,
    adapters: &[AdapterReport],
) -> Result<(DeviceReport, Option<usize>)> {
    let pick = |index: usize| (DeviceReport::Gpu(adapters[index].clone()), Some(index));
    let real = adapters.iter().position(|adapter| adapter.kind.is_real());
    match choice {
        DeviceChoice::Cpu => Ok((cpu::report()?, None)),
        DeviceChoice::Auto => match real {
            Some(index) => Ok(pick(index)),
            None => Ok((cpu::report()?, None)),
        },
        DeviceChoice::Gpu => {
            real.map(pick).ok_or_else(|| Error::Device(format!("expected a GPU, found {}", names(adapters))))
        }
        DeviceChoice::Adapter(name) => {
            let wanted = name.to_lowercase();
            let found = adapters.iter().position(|adapter| adapter.name.to_lowercase().contains(&wanted));
            found.map(pick).ok_or_else(|| {
                Error::Device(format!("expected an adapter named like '{name}', found {}", names(adapters)))
            })
        }
    }
}

fn names(adapters: &[AdapterReport]) -> String {
    if adapters.is_empty() {
        return "no adapter at all (no Vulkan or Metal driver, or a build without GPU support)".into();
    }
    let names: Vec<String> = adapters.iter().map(|a| format!("'{}' ({})", a.name, a.kind)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::AdapterKind;

    fn adapter(name: &str, kind: AdapterKind) -> AdapterReport {
        AdapterReport {
            name: name.into(),
            api: "vulkan".into(),
            kind,
            driver: String::new(),
            max_buffer: 0,
            max_binding: 0,
            f16: false,
            subgroups: false,
            packed_dot: false,
            cooperative: None,
            unused: Vec::new(),
        }
    }

    #[test]
    fn auto_never_takes_a_software_adapter() {
        let software = [adapter("llvmpipe", AdapterKind::Software)];
        assert_eq!(select(&DeviceChoice::Auto, &software).unwrap().1, None);
        let both = [adapter("llvmpipe", AdapterKind::Software), adapter("Card 9", AdapterKind::Discrete)];
        assert_eq!(select(&DeviceChoice::Auto, &both).unwrap().1, Some(1));
        assert_eq!(select(&DeviceChoice::Gpu, &both).unwrap().1, Some(1));
    }

    #[test]
    fn a_software_adapter_is_taken_by_name_only() {
        let software = [adapter("llvmpipe (LLVM 15)", AdapterKind::Software)];
        let error = select(&DeviceChoice::Gpu, &software).unwrap_err().to_string();
        assert!(error.contains("llvmpipe"), "{error}");
        assert_eq!(select(&DeviceChoice::Adapter("LLVMpipe".into()), &software).unwrap().1, Some(0));
        let error = select(&DeviceChoice::Adapter("radeon".into()), &software).unwrap_err().to_string();
        assert!(error.contains("radeon") && error.contains("llvmpipe"), "{error}");
    }
}
