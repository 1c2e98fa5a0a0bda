//! Which device a choice means.

use super::{AdapterKind, AdapterReport, DeviceReport, cpu};
use crate::error::{Error, Result};

/// What the caller asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, as [`Self::Gpu`]; the CPU otherwise. A software adapter is only ever used by name.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first real GPU, one with memory of its own before all others.
    Gpu,
    /// The adapter of this number, counted from 1, or the first one that contains this in its name, driver interface or kind,
    /// in any case; also a software adapter.
    Adapter(String),
}

/// The device and, for a GPU, its place in `adapters`.
pub(super) fn select(
    choice: &DeviceChoice,
    adapters: &[AdapterReport],
) -> Result<(DeviceReport, Option<usize>)> {
    let pick = |index: usize| (DeviceReport::Gpu(adapters[index].clone()), Some(index));
    let of_kind = |wanted: fn(AdapterKind) -> bool| adapters.iter().position(|adapter| wanted(adapter.kind));
    let real = of_kind(|kind| kind == AdapterKind::Discrete).or_else(|| of_kind(AdapterKind::is_real));
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
            let number = name.parse().ok().and_then(|number: usize| number.checked_sub(1));
            // A card's name may be a number, too: 4090.
            let numbered = number.filter(|place| *place < adapters.len());
            let shown =
                |adapter: &AdapterReport| DeviceReport::Gpu(adapter.clone()).to_string().to_lowercase();
            let named = || adapters.iter().position(|adapter| shown(adapter).contains(&wanted));
            // So small a number is the number of an adapter and nothing else, there or not.
            let found = if number_is_small(name) { numbered } else { numbered.or_else(named) };
            found.map(pick).ok_or_else(|| {
                Error::Device(format!("expected an adapter named like '{name}', found {}", names(adapters)))
            })
        }
    }
}

fn number_is_small(name: &str) -> bool {
    name.parse().is_ok_and(|number: usize| number < 100)
}

fn names(adapters: &[AdapterReport]) -> String {
    if adapters.is_empty() {
        return "no adapter at all (no Vulkan or Metal driver, or a build without GPU support)".into();
    }
    let name =
        |(place, a): (usize, &AdapterReport)| format!("{}. '{}' ({}, {})", place + 1, a.name, a.api, a.kind);
    let names: Vec<String> = adapters.iter().enumerate().map(name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Submission;

    fn adapter(name: &str, kind: AdapterKind) -> AdapterReport {
        AdapterReport {
            name: name.into(),
            api: "vulkan".into(),
            kind,
            driver: String::new(),
            free_memory: None,
            max_buffer: 0,
            max_binding: 0,
            f16: false,
            subgroups: false,
            packed_dot: false,
            cooperative: None,
            unused: Vec::new(),
            submission: Submission { seconds: 0.2, first_rate: 4e9 },
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
    fn a_card_comes_first_and_equal_ones_have_numbers() {
        let kinds =
            [AdapterKind::Software, AdapterKind::Integrated, AdapterKind::Discrete, AdapterKind::Discrete];
        let mut adapters = kinds.map(|kind| adapter("RTX 4090", kind));
        adapters[3].api = "dx12".into();
        let place = |choice: &DeviceChoice| select(choice, &adapters).unwrap().1;
        assert_eq!(place(&DeviceChoice::Auto), Some(2));
        assert_eq!(place(&DeviceChoice::Gpu), Some(2));
        for (name, wanted) in
            [("4", 3), ("1", 0), ("4090", 0), ("dx12", 3), ("integrated", 1), ("4090 (dx12", 3)]
        {
            assert_eq!(place(&DeviceChoice::Adapter(name.into())), Some(wanted), "{name}");
        }
        assert_eq!(select(&DeviceChoice::Gpu, &adapters[..2]).unwrap().1, Some(1));
        // A small number is no part of a name.
        for none in ["0", "5", "90"] {
            assert!(select(&DeviceChoice::Adapter(none.into()), &adapters).is_err(), "{none}");
        }
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
