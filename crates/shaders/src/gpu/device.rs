//! The adapters that wgpu finds, opening one, and what is known of every open device.

use std::sync::{Arc, Mutex, RwLock};

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};
use burn_cubecl::CubeDevice;

use super::pace::Meter;
use crate::{Cooperative, Features, Limits, Variant, Variants};

/// An adapter with the instance that found it.
#[derive(Debug, Clone)]
pub struct Adapter {
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
}

/// The adapters of this machine, as wgpu orders them.
pub async fn adapters() -> Vec<Adapter> {
    let backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = instance.enumerate_adapters(backends).await;
    adapters.into_iter().map(|adapter| Adapter { instance: instance.clone(), adapter }).collect()
}

impl Adapter {
    /// Name, kind and driver.
    pub fn info(&self) -> wgpu::AdapterInfo {
        self.adapter.get_info()
    }

    /// Bytes of the adapter's own memory that this process may still take; `None` where it has none of its own, or does not say.
    pub fn free_memory(&self) -> Option<u64> {
        if self.info().device_type != wgpu::DeviceType::DiscreteGpu {
            return None;
        }
        memory::local_heap(&self.adapter).map(|heap| heap.free)
    }

    /// The limits of a device that is given all.
    pub fn limits(&self) -> wgpu::Limits {
        self.adapter.limits()
    }

    /// Whether kernels can compute in f16.
    pub fn has_f16(&self) -> bool {
        self.adapter.features().contains(wgpu::Features::SHADER_F16)
    }

    /// What kernels could use of a device within these limits.
    pub fn features(&self, limits: Limits) -> Features {
        self.kernel_features(self.granted(limits), limits)
    }

    /// The variants that kernels use within these limits where nobody says which: those that the device then has and that are
    /// known to help there.
    pub fn usual(&self, limits: Limits) -> Variants {
        let helps = |variant: &Variant| self.why_not(*variant, limits).is_none();
        Variant::ALL.iter().copied().filter(helps).collect()
    }

    /// Why kernels do not use a variant here, within these limits, where nobody says which they should.
    pub fn why_not(&self, variant: Variant, limits: Limits) -> Option<&'static str> {
        let wgpu::AdapterInfo { backend, .. } = self.info();
        why_not(variant, backend, self.features(limits).variants().has(variant))
    }

    /// The features that a device is opened with. Kernels are generated for what the adapter can do, so the device is given
    /// all of it; of what is still experimental in wgpu, what our kernels use.
    fn granted(&self, limits: Limits) -> wgpu::Features {
        let experimental = wgpu::Features::all_experimental_mask();
        match limits {
            Limits::Adapter | Limits::AdapterAndSubgroups => self
                .adapter
                .features()
                .difference(experimental.difference(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX))
                .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS),
            Limits::WebGpuDefault => wgpu::Features::empty(),
        }
    }

    /// What kernels could use of a device that was given `features`.
    fn kernel_features(&self, features: wgpu::Features, limits: Limits) -> Features {
        let f16 = features.contains(wgpu::Features::SHADER_F16);
        let subgroups = features.contains(wgpu::Features::SUBGROUP) || limits == Limits::AdapterAndSubgroups;
        let wgpu::AdapterInfo { subgroup_min_size: fewest, subgroup_max_size: most, .. } = self.info();
        // Drivers name a range; most kernels run in the middle of it.
        let subgroup =
            (subgroups && (4..=most).contains(&fewest)).then(|| 1 << ((fewest.ilog2() + most.ilog2()) / 2));
        let language = self.instance.wgsl_language_features();
        let packed_dot = language.contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        let matrices = features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX);
        let cooperative = if subgroup.is_some() && matrices { self.cooperative(f16) } else { None };
        Features { subgroup, packed_dot, cooperative }
    }

    /// The largest cooperative matrices whose sums are f32.
    fn cooperative(&self, f16: bool) -> Option<Cooperative> {
        use wgpu::CooperativeScalarType::{F16, F32};
        let subgroup = self.info().subgroup_max_size;
        // Four subgroups to a workgroup.
        if 4 * subgroup > self.limits().max_compute_invocations_per_workgroup {
            return None;
        }
        let numbers = if f16 { F16 } else { F32 };
        let known = self.adapter.cooperative_matrix_properties();
        let has = |side: &u32| {
            known.iter().any(|of| {
                [of.m_size, of.n_size, of.k_size] == [*side; 3] && of.ab_type == numbers && of.cr_type == F32
            })
        };
        let sides: &[u32] = if f16 { &[16, 8] } else { &[8] };
        sides.iter().copied().find(has).map(|side| Cooperative { side, f16, subgroup })
    }

    /// Opens a device of this adapter, another one every time. Kernels use of these variants what there is; without any, what
    /// is usual here.
    ///
    /// # Errors
    /// What the driver says when it refuses.
    pub async fn open(self, limits: Limits, variants: Option<Variants>) -> Result<Device, String> {
        let refused = |error: &dyn std::fmt::Display| {
            format!("the adapter '{}' refused: {error}", self.adapter.get_info().name)
        };
        let required_features = self.granted(limits);
        let required_limits = match limits {
            Limits::Adapter | Limits::AdapterAndSubgroups => self.adapter.limits(),
            Limits::WebGpuDefault => wgpu::Limits::default(),
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("atelier"),
            required_features,
            required_limits,
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            experimental_features: experiments(required_features),
            ..wgpu::DeviceDescriptor::default()
        };
        let (wgpu, queue) = self.adapter.request_device(&descriptor).await.map_err(|e| refused(&e))?;
        let variants = variants.unwrap_or_else(|| self.usual(limits));
        let kernels = self.kernel_features(required_features, limits).within(variants);
        let backend = self.adapter.get_info().backend;
        let setup = WgpuSetup {
            instance: self.instance.clone(),
            adapter: self.adapter.clone(),
            device: wgpu.clone(),
            queue,
            backend,
        };
        let device = Device::wgpu_options().setup(setup).init().map_err(|e| refused(&e))?;
        note(&device, |facts| *facts = Facts { features: kernels, wgpu: Some(wgpu), ..Facts::default() });
        Ok(device)
    }
}

/// What is known of variants, since whether they help has to be measured on the device itself.
fn why_not(variant: Variant, backend: wgpu::Backend, there: bool) -> Option<&'static str> {
    match (variant, backend) {
        _ if !there => Some("the adapter has none"),
        (Variant::Dot, wgpu::Backend::Metal) => Some("Metal multiplies bytes one by one"),
        // The workgroup is made for the largest subgroup that wgpu names, 64, and Apple's have 32.
        (Variant::Matrices, wgpu::Backend::Metal) => {
            Some("half of the work would be done twice in Apple's subgroups of 32")
        }
        _ => None,
    }
}

#[cfg(any(target_os = "linux", target_os = "windows"))]
mod memory {
    use ash::vk;
    use burn::tensor::wgpu::wgpu;

    /// Memory on the device, in bytes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Heap {
        pub size: u64,
        /// What this process may still take; all of it where the driver does not tell.
        pub free: u64,
    }

    /// The largest heap on the device.
    #[allow(unsafe_code)]
    pub fn local_heap(adapter: &wgpu::Adapter) -> Option<Heap> {
        // SAFETY: nothing is destroyed or changed through the handle.
        let adapter = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
        let (instance, device) = (adapter.shared_instance().raw_instance(), adapter.raw_physical_device());
        // SAFETY: the physical device is one of this instance, and the handle above keeps both alive.
        let extensions = unsafe { instance.enumerate_device_extension_properties(device) }.ok()?;
        let tells = extensions
            .iter()
            .any(|extension| extension.extension_name_as_c_str() == Ok(ash::ext::memory_budget::NAME));
        let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
        let mut memory = vk::PhysicalDeviceMemoryProperties2::default();
        if tells {
            memory = memory.push_next(&mut budget);
        }
        // SAFETY: as above; wgpu takes no adapter of a Vulkan without this function, which came with 1.1, and of what is chained
        // the device has the extension.
        unsafe { instance.get_physical_device_memory_properties2(device, &mut memory) };
        let heaps = memory.memory_properties.memory_heaps_as_slice().to_vec();
        let local = heaps
            .iter()
            .enumerate()
            .filter(|(_, heap)| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
        let (place, heap) = local.max_by_key(|(_, heap)| heap.size)?;
        let free = if tells {
            budget.heap_budget[place].saturating_sub(budget.heap_usage[place])
        } else {
            heap.size
        };
        Some(Heap { size: heap.size, free })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "windows")))]
mod memory {
    use burn::tensor::wgpu::wgpu;

    pub struct Heap {
        pub free: u64,
    }

    pub fn local_heap(_: &wgpu::Adapter) -> Option<Heap> {
        None
    }
}

/// The promise that wgpu asks for before it gives what may still change in it.
#[allow(unsafe_code)]
fn experiments(features: wgpu::Features) -> wgpu::ExperimentalFeatures {
    if features.intersects(wgpu::Features::all_experimental_mask()) {
        // SAFETY: cooperative matrices alone are used, by `mul_mat_cooperative.wgsl` alone, which stays within its
        // tiles whatever the sizes are.
        unsafe { wgpu::ExperimentalFeatures::enabled() }
    } else {
        wgpu::ExperimentalFeatures::disabled()
    }
}

/// What burn's handle of a device does not tell.
#[derive(Debug, Clone, Default)]
struct Facts {
    features: Features,
    wgpu: Option<wgpu::Device>,
    /// What was handed to it.
    meter: Arc<Mutex<Meter>>,
}

/// By burn's own number of the device. An entry stays as long as burn's, which is to the end of the program.
static FACTS: RwLock<Vec<(CubeDevice, Facts)>> = RwLock::new(Vec::new());

fn note(device: &Device, change: impl FnOnce(&mut Facts)) {
    if let Some(device) = cube(device) {
        note_of(device, change);
    }
}

fn note_of(device: &CubeDevice, change: impl FnOnce(&mut Facts)) {
    let Ok(mut all) = FACTS.write() else { return };
    match all.iter_mut().find(|(other, _)| other == device) {
        Some((_, facts)) => change(facts),
        None => {
            let mut facts = Facts::default();
            change(&mut facts);
            all.push((device.clone(), facts));
        }
    }
}

fn look_up<T>(device: &CubeDevice, read: impl FnOnce(&Facts) -> T) -> Option<T> {
    let all = FACTS.read().ok()?;
    all.iter().find(|(other, _)| other == device).map(|(_, facts)| read(facts))
}

pub(super) fn cube(device: &Device) -> Option<&CubeDevice> {
    match device.as_dispatch() {
        DispatchDevice::Cube(device) => Some(device),
        #[allow(unreachable_patterns)] // In a build without a CPU device.
        _ => None,
    }
}

/// What is counted of a device.
pub(super) fn meter(device: &CubeDevice) -> Arc<Mutex<Meter>> {
    let known = || look_up(device, |facts| facts.meter.clone());
    known().unwrap_or_else(|| {
        // One that burn has opened by itself.
        note_of(device, |_| {});
        known().unwrap_or_default()
    })
}

/// Whether this is a GPU device.
pub fn owns(device: &Device) -> bool {
    cube(device).is_some()
}

/// Says what the kernels may use of a device, other than it was opened with. Nothing happens on another device than a GPU.
pub fn enable(device: &Device, features: Features) {
    note(device, |facts| facts.features = features);
}

/// What kernels use of a device.
pub fn enabled(device: &Device) -> Features {
    cube(device).map(features).unwrap_or_default()
}

/// Bytes that the driver has set aside for a device; `None` where it does not say, or on another device than a GPU.
pub fn memory(device: &Device) -> Option<u64> {
    let opened = look_up(cube(device)?, |facts| facts.wgpu.clone())??;
    Some(opened.generate_allocator_report()?.total_reserved_bytes)
}

/// Bytes of the largest buffer that kernels can be given on a device; `None` on another device than a GPU.
pub fn largest_buffer(device: &Device) -> Option<u64> {
    let limits = look_up(cube(device)?, |facts| facts.wgpu.as_ref().map(wgpu::Device::limits))??;
    Some(limits.max_storage_buffer_binding_size.min(limits.max_buffer_size))
}

pub(super) fn features(device: &CubeDevice) -> Features {
    look_up(device, |facts| facts.features).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Software Vulkan has the machine's memory.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_driver_tells_how_much_memory_there_is() {
        let adapters = testkit::block_on(adapters());
        let software = adapters.iter().find(|adapter| adapter.info().device_type == wgpu::DeviceType::Cpu);
        let software = software.expect("software Vulkan (apt-get install mesa-vulkan-drivers)");
        let heap = memory::local_heap(&software.adapter).expect("a heap");
        assert!(heap.free <= heap.size && heap.size >= 1 << 30, "{heap:?}");
        // It is the machine's, not its own.
        assert_eq!(software.free_memory(), None);
    }

    #[test]
    fn variants_are_used_where_they_are_and_help() {
        use wgpu::Backend::{Metal, Vulkan};
        for &variant in Variant::ALL {
            assert_eq!(why_not(variant, Vulkan, true), None);
            assert_eq!(why_not(variant, Vulkan, false), Some("the adapter has none"));
        }
        assert_eq!(why_not(Variant::Subgroups, Metal, true), None);
        assert!(why_not(Variant::Dot, Metal, true).is_some());
        assert!(why_not(Variant::Matrices, Metal, true).is_some());
    }
}
