//! The adapters that wgpu finds, what kernels use of them, and opening one.

use std::sync::Mutex;

use atelier_shaders::{Cooperative, Features};
use burn::backend::DispatchDevice;
use burn::tensor::wgpu::{WgpuSetup, wgpu};

use super::{AdapterKind, AdapterReport, Device, Error, Limits, Result};

/// An adapter with the instance that found it.
pub(super) struct Found {
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
}

pub(super) fn owns(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::Cube(_))
}

/// The device that was opened last: burn does not tell what is allocated on it.
static OPENED: Mutex<Option<wgpu::Device>> = Mutex::new(None);

pub(super) fn memory() -> Option<u64> {
    let opened = OPENED.lock().ok()?.clone()?;
    Some(opened.generate_allocator_report()?.total_reserved_bytes)
}

pub(super) fn largest_buffer() -> Option<u64> {
    let limits = OPENED.lock().ok()?.as_ref()?.limits();
    Some(limits.max_storage_buffer_binding_size.min(limits.max_buffer_size))
}

pub(super) async fn list() -> Vec<(AdapterReport, Found)> {
    let backends = wgpu::Backends::PRIMARY;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = instance.enumerate_adapters(backends).await;
    adapters
        .into_iter()
        .map(|adapter| (report(&instance, &adapter), Found { instance: instance.clone(), adapter }))
        .collect()
}

fn report(instance: &wgpu::Instance, adapter: &wgpu::Adapter) -> AdapterReport {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let features = kernel_features(instance, adapter, adapter.features(), Limits::Adapter);
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
        max_buffer: limits.max_buffer_size,
        max_binding: limits.max_storage_buffer_binding_size,
        f16: features.f16,
        subgroups: features.subgroup.is_some(),
        packed_dot: features.packed_dot,
        cooperative: features.cooperative.map(|matrices| matrices.side),
    }
}

/// What the kernels use of a device of this adapter that was given `features`.
fn kernel_features(
    instance: &wgpu::Instance,
    adapter: &wgpu::Adapter,
    features: wgpu::Features,
    limits: Limits,
) -> Features {
    let f16 = features.contains(wgpu::Features::SHADER_F16);
    let subgroups = features.contains(wgpu::Features::SUBGROUP) || limits == Limits::AdapterAndSubgroups;
    let wgpu::AdapterInfo { subgroup_min_size: fewest, subgroup_max_size: most, .. } = adapter.get_info();
    // Drivers name a range; most kernels run in the middle of it.
    let subgroup =
        (subgroups && (4..=most).contains(&fewest)).then(|| 1 << ((fewest.ilog2() + most.ilog2()) / 2));
    let packed_dot =
        instance.wgsl_language_features().contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
    let cooperative =
        if subgroup.is_some() && features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
            cooperative(adapter, f16)
        } else {
            None
        };
    Features { f16, subgroup, packed_dot, cooperative }
}

/// The largest cooperative matrices whose sums are f32.
fn cooperative(adapter: &wgpu::Adapter, f16: bool) -> Option<Cooperative> {
    use wgpu::CooperativeScalarType::{F16, F32};
    let subgroup = adapter.get_info().subgroup_max_size;
    // Four subgroups to a workgroup.
    if 4 * subgroup > adapter.limits().max_compute_invocations_per_workgroup {
        return None;
    }
    let numbers = if f16 { F16 } else { F32 };
    let known = adapter.cooperative_matrix_properties();
    let has = |side: &u32| {
        known.iter().any(|of| {
            [of.m_size, of.n_size, of.k_size] == [*side; 3] && of.ab_type == numbers && of.cr_type == F32
        })
    };
    let sides: &[u32] = if f16 { &[16, 8] } else { &[8] };
    sides.iter().copied().find(has).map(|side| Cooperative { side, subgroup })
}

pub(super) async fn open(Found { instance, adapter }: Found, limits: Limits) -> Result<Device> {
    let refused = |e: &dyn std::fmt::Display| {
        Error::Device(format!("the adapter '{}' refused: {e}", adapter.get_info().name))
    };
    // Kernels are generated for what the adapter can do, so the device is given all of it; of what is still
    // experimental in wgpu, what our kernels use.
    let experimental = wgpu::Features::all_experimental_mask();
    let features = adapter
        .features()
        .difference(experimental.difference(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX))
        .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
    let (required_features, required_limits) = match limits {
        Limits::Adapter | Limits::AdapterAndSubgroups | Limits::AdapterWithPlainKernels => {
            (features, adapter.limits())
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
    let (device, queue) = adapter.request_device(&descriptor).await.map_err(|e| refused(&e))?;
    if let Ok(mut opened) = OPENED.lock() {
        *opened = Some(device.clone());
    }
    let backend = adapter.get_info().backend;
    let kernels = match limits {
        Limits::AdapterWithPlainKernels => Features::default(),
        _ => kernel_features(&instance, &adapter, required_features, limits),
    };
    let setup = WgpuSetup { instance, adapter: adapter.clone(), device, queue, backend };
    let device = Device::wgpu_options().setup(setup).init().map_err(|e| refused(&e))?;
    atelier_shaders::enable(&device, kernels);
    Ok(device)
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
