//! What kernels may use of a device beyond WebGPU's defaults: told once, when it is opened.

use std::sync::RwLock;

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;

/// What kernels may use of a GPU device beyond WebGPU's defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// Numbers of 16 bits, which matrix products hold their tiles in. Products and sums stay f32.
    pub f16: bool,
    /// Sums over subgroups of 4 invocations or more: how many they usually have. Where it is another number the sums are the
    /// same, and take longer.
    pub subgroup: Option<u32>,
    /// Dot products of packed bytes, for few rows times a quantized matrix: the rows are rounded to eight bits, too.
    pub packed_dot: bool,
    /// Cooperative matrices, for many rows times a packed matrix.
    pub cooperative: Option<Cooperative>,
}

/// Cooperative matrices that add up products of f16 in f32, or of f32 where [`Features::f16`] is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cooperative {
    /// Rows and columns of a matrix: 8 or 16.
    pub side: u32,
    /// The most invocations of a subgroup.
    pub subgroup: u32,
}

static DEVICES: RwLock<Vec<(CubeDevice, Features)>> = RwLock::new(Vec::new());

/// Says what the kernels may use of a device: nothing, until this was called. Another device than a GPU has no use for it.
pub fn enable(device: &Device, features: Features) {
    if let (DispatchDevice::Cube(device), Ok(mut devices)) = (device.as_dispatch(), DEVICES.write()) {
        devices.retain(|(other, _)| other != device);
        devices.push((device.clone(), features));
    }
}

/// What [`enable`] said of a device.
pub fn enabled(device: &Device) -> Features {
    match device.as_dispatch() {
        DispatchDevice::Cube(device) => find(device),
        #[allow(unreachable_patterns)] // In a build without a CPU device.
        _ => Features::default(),
    }
}

/// The same of the device of `x`.
pub(super) fn of(x: &CubeTensor) -> Features {
    find(&x.device)
}

fn find(device: &CubeDevice) -> Features {
    let devices = DEVICES.read().ok();
    let found = devices.iter().flat_map(|devices| devices.iter()).find(|(other, _)| other == device);
    found.map(|(_, features)| *features).unwrap_or_default()
}
