//! GPU devices, in builds that have them: `atelier_shaders::gpu` in the words of this crate.

use burn::tensor::Device;

use super::{AdapterReport, Limits, Variants};
use crate::error::{Error, Result};

#[cfg(feature = "gpu")]
mod with {
    use atelier_shaders::gpu;
    pub(in super::super) use atelier_shaders::gpu::{
        Adapter, FIRST_RATE, SUBMISSION, largest_buffer, memory, owns, rate, tally,
    };
    pub(crate) use atelier_shaders::gpu::{Mark, Pace, computes};
    use burn::tensor::wgpu::wgpu;

    use super::*;
    use crate::device::{AdapterKind, Submission, UnusedVariant, Variant};

    pub(in super::super) async fn list(limits: Limits) -> Vec<(AdapterReport, Adapter)> {
        gpu::adapters().await.into_iter().map(|adapter| (report(&adapter, limits), adapter)).collect()
    }

    fn report(adapter: &Adapter, limits: Limits) -> AdapterReport {
        let (info, most) = (adapter.info(), adapter.limits());
        let features = adapter.features(limits).within(adapter.usual(limits));
        let unused = |&variant: &Variant| {
            let why = adapter.why_not(variant, limits)?;
            Some(UnusedVariant { name: variant.name(), why: why.to_owned() })
        };
        AdapterReport {
            name: info.name,
            api: info.backend.to_str().to_owned(),
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
                wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
                wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
                wgpu::DeviceType::Cpu => AdapterKind::Software,
                wgpu::DeviceType::Other => AdapterKind::Other,
            },
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            free_memory: adapter.free_memory(),
            max_buffer: most.max_buffer_size,
            max_binding: most.max_storage_buffer_binding_size,
            f16: adapter.has_f16(),
            subgroups: features.subgroup.is_some(),
            packed_dot: features.packed_dot,
            cooperative: features.cooperative.map(|matrices| matrices.side),
            submission: Submission { seconds: SUBMISSION, first_rate: FIRST_RATE },
            unused: Variant::ALL.iter().filter_map(unused).collect(),
        }
    }

    pub(in super::super) async fn open(
        adapter: Adapter,
        limits: Limits,
        variants: Option<Variants>,
    ) -> Result<Device> {
        adapter.open(limits, variants).await.map_err(Error::Device)
    }
}
#[cfg(feature = "gpu")]
pub(crate) use with::{Mark, Pace, computes};
#[cfg(feature = "gpu")]
pub(super) use with::{largest_buffer, list, memory, open, owns, rate, tally};

#[cfg(not(feature = "gpu"))]
mod without {
    use super::*;
    use crate::device::Tally;

    /// There is never one.
    pub(in super::super) enum Adapter {}

    pub(in super::super) fn memory(_: &Device) -> Option<u64> {
        None
    }

    pub(in super::super) fn largest_buffer(_: &Device) -> Option<u64> {
        None
    }

    pub(in super::super) fn rate(_: &Device) -> Option<f64> {
        None
    }

    pub(in super::super) fn tally(_: &Device) -> Tally {
        Tally::default()
    }

    pub(crate) fn computes(_: &Device, _: f64) {}

    /// A moment: nothing is ever under way.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Mark;

    /// Nothing is ever under way.
    #[derive(Debug)]
    pub(crate) struct Pace;

    impl Pace {
        pub fn new(_: &Device) -> Self {
            Self
        }

        pub async fn pause(&mut self) -> Result<(), String> {
            Ok(())
        }

        pub fn mark(&self) -> Mark {
            Mark
        }

        pub fn submit(&mut self) {}

        pub fn caught_up_to(&mut self, _: Mark) {}

        pub fn caught_up(&mut self) {}
    }

    pub(in super::super) fn owns(_: &Device) -> bool {
        false
    }

    pub(in super::super) async fn list(_: Limits) -> Vec<(AdapterReport, Adapter)> {
        Vec::new()
    }

    pub(in super::super) async fn open(_: Adapter, _: Limits, _: Option<Variants>) -> Result<Device> {
        Err(Error::Device("this build has no GPU support (feature `gpu`)".into()))
    }
}
#[cfg(not(feature = "gpu"))]
pub(crate) use without::{Mark, Pace, computes};
#[cfg(not(feature = "gpu"))]
pub(super) use without::{largest_buffer, list, memory, open, owns, rate, tally};
