//! The adapters that wgpu finds, opening one, and what is known of every open device.

use std::sync::RwLock;

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};
use burn_cubecl::CubeDevice;

use crate::{Cooperative, Features, Limits};

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

    /// The limits of a device that is given all.
    pub fn limits(&self) -> wgpu::Limits {
        self.adapter.limits()
    }

    /// What kernels use of a device that is given all.
    pub fn features(&self) -> Features {
        self.kernel_features(self.adapter.features(), Limits::Adapter)
    }

    /// What kernels use of a device that was given `features`.
    fn kernel_features(&self, features: wgpu::Features, limits: Limits) -> Features {
        if limits == Limits::AdapterWithPlainKernels {
            return Features::default();
        }
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
        Features { f16, subgroup, packed_dot, cooperative }
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
        sides.iter().copied().find(has).map(|side| Cooperative { side, subgroup })
    }

    /// Opens a device of this adapter, another one every time.
    ///
    /// # Errors
    /// What the driver says when it refuses.
    pub async fn open(self, limits: Limits) -> Result<Device, String> {
        let refused = |error: &dyn std::fmt::Display| {
            format!("the adapter '{}' refused: {error}", self.adapter.get_info().name)
        };
        // Kernels are generated for what the adapter can do, so the device is given all of it; of what is still
        // experimental in wgpu, what our kernels use.
        let experimental = wgpu::Features::all_experimental_mask();
        let features = self
            .adapter
            .features()
            .difference(experimental.difference(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX))
            .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
        let (required_features, required_limits) = match limits {
            Limits::Adapter | Limits::AdapterAndSubgroups | Limits::AdapterWithPlainKernels => {
                (features, self.adapter.limits())
            }
            Limits::WebGpuDefault => (wgpu::Features::empty(), wgpu::Limits::default()),
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
        let kernels = self.kernel_features(required_features, limits);
        let backend = self.adapter.get_info().backend;
        let setup = WgpuSetup {
            instance: self.instance.clone(),
            adapter: self.adapter.clone(),
            device: wgpu.clone(),
            queue,
            backend,
        };
        let device = Device::wgpu_options().setup(setup).init().map_err(|e| refused(&e))?;
        note(&device, |facts| *facts = Facts { features: kernels, wgpu: Some(wgpu) });
        Ok(device)
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
}

/// By burn's own number of the device. An entry stays as long as burn's, which is to the end of the program.
static FACTS: RwLock<Vec<(CubeDevice, Facts)>> = RwLock::new(Vec::new());

fn note(device: &Device, change: impl FnOnce(&mut Facts)) {
    let (Some(device), Ok(mut all)) = (cube(device), FACTS.write()) else { return };
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

fn cube(device: &Device) -> Option<&CubeDevice> {
    match device.as_dispatch() {
        DispatchDevice::Cube(device) => Some(device),
        #[allow(unreachable_patterns)] // In a build without a CPU device.
        _ => None,
    }
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
