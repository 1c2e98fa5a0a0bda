//! The WGSL kernels, through burn's custom kernels, on the same buffers. They ask for nothing beyond WebGPU's default
//! limits, and use what [`Features`] says a device has besides.

mod compose;
mod device;
mod pace;
#[cfg(test)]
mod tests;

use burn::backend::{DType, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::ExecutionMode;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim, KernelId};
use burn_cubecl::cubecl::server::{KernelArguments, MetadataBindingInfo};
pub(crate) use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
pub(crate) use burn_cubecl::tensor::CubeTensor;

use crate::Features;

pub(crate) use compose::Kernel;
pub use device::{Adapter, adapters, enable, enabled, largest_buffer, memory, owns};
pub(crate) use pace::of_numbers;
pub use pace::{FIRST_RATE, Mark, Pace, SUBMISSION, computes, pin_rate, rate, tally};

/// Whether the kernels can read these: f32, on a device that speaks WGSL.
pub(crate) fn are_f32(tensors: &[&CubeTensor]) -> bool {
    tensors.iter().all(|x| x.dtype == DType::F32 && speaks_wgsl(x))
}

/// Whether the kernels can read these keys and values: both f32, or both f16 whose numbers lie in pairs.
pub(crate) fn are_caches(keys: &CubeTensor, values: &CubeTensor) -> bool {
    let pairs = |x: &CubeTensor| {
        let [_, _, _, head_dim] = x.shape().dims();
        head_dim % 2 == 0 && strides(x)[3] == 1
    };
    match (keys.dtype, values.dtype) {
        (DType::F32, DType::F32) => true,
        (DType::F16, DType::F16) => pairs(keys) && pairs(values),
        _ => false,
    }
}

/// Whether the numbers of 16 bits of each row fill whole words.
pub(crate) fn rows_fill_words(x: &CubeTensor) -> bool {
    x.shape().iter().next_back().is_some_and(|width| width.is_multiple_of(2))
}

pub(crate) fn speaks_wgsl(x: &CubeTensor) -> bool {
    matches!(x.device, CubeDevice::Wgpu(_))
}

/// What kernels may use on the device of `x`.
pub(crate) fn features(x: &CubeTensor) -> Features {
    device::features(&x.device)
}

/// The most workgroups along one dimension of a dispatch, by WebGPU's default limits.
const MAX_WORKGROUPS: usize = 65_535;

impl Kernel {
    /// Reads and writes keys and values as these are stored.
    pub fn with_cache(self, keys: &CubeTensor) -> Self {
        if keys.dtype == DType::F16 { self.choose("cache", "f16").choose("cache_row", "f16") } else { self }
    }

    /// Runs so many workgroups over `inputs`, `output` and `sizes`, which are bound in this order.
    pub fn launch(
        self,
        workgroups: usize,
        inputs: &[&CubeTensor],
        output: &CubeTensor,
        sizes: impl Into<Vec<u32>>,
    ) {
        self.with_sums(output).run(workgroups, inputs, output, sizes.into());
    }

    /// The same for a kernel that gives an item to each group of `wgsl/common/sum`: so many items.
    pub fn launch_items(
        self,
        items: usize,
        inputs: &[&CubeTensor],
        output: &CubeTensor,
        sizes: impl Into<Vec<u32>>,
    ) {
        let usual = features(output).subgroup;
        let of_workgroup =
            usual.zip(self.constant("WORKGROUP")).map_or(1, |(usual, all)| all.div_ceil(usual));
        let kernel = self.with_sums(output).set("ITEMS", of_workgroup);
        kernel.run(items.div_ceil(of_workgroup as usize), inputs, output, sizes.into());
    }

    /// Sums by subgroups where it may choose and the device has them.
    fn with_sums(self, output: &CubeTensor) -> Self {
        let subgroups = self.source.imports.contains(&"sum") && features(output).subgroup.is_some();
        if subgroups { self.choose("sum", "subgroups") } else { self }
    }

    /// Runs all workgroups, in several dispatches where one would be too much for a submission and the kernel can be told its
    /// first workgroup.
    fn run(self, workgroups: usize, inputs: &[&CubeTensor], output: &CubeTensor, mut sizes: Vec<u32>) {
        if workgroups == 0 {
            return;
        }
        let operations = self.operations.unwrap_or_else(|| pace::of_numbers(output.shape().num_elements()));
        let first = self.place_of("first_workgroup");
        let most = if first.is_some() { pace::most(&output.device) } else { f64::INFINITY };
        for (from, to) in pace::parts(workgroups, operations, most) {
            if let Some(word) = first.and_then(|place| sizes.get_mut(place)) {
                *word = from as u32;
            }
            pace::make_room(&output.device, operations * (to - from) as f64 / workgroups as f64);
            self.dispatch(to - from, inputs, output, &sizes);
        }
    }

    /// The word of `Sizes` that a field begins at.
    fn place_of(&self, field: &str) -> Option<usize> {
        let sizes = self.source.sizes;
        let place = sizes.iter().position(|(name, _)| *name == field)?;
        Some(sizes.iter().take(place).map(|(_, words)| *words as usize).sum())
    }

    fn dispatch(&self, workgroups: usize, inputs: &[&CubeTensor], output: &CubeTensor, sizes: &[u32]) {
        let client = output.client.clone();
        // Not a buffer of ours: a write to one would send off everything before it, one kernel at a time.
        let pairs = sizes.chunks(2).map(|pair| {
            let [low, high] = [pair.first(), pair.get(1)].map(|size| u64::from(size.copied().unwrap_or(0)));
            low | high << 32
        });
        let sizes = MetadataBindingInfo::custom(pairs.collect());
        let buffers = inputs.iter().chain([&output]).map(|tensor| tensor.handle.clone().binding()).collect();
        let rows = workgroups.div_ceil(MAX_WORKGROUPS);
        let count = CubeCount::Static(workgroups.div_ceil(rows) as u32, rows as u32, 1);
        let kernel = SourceKernel::new(self.clone(), CubeDim::new_single());
        client.launch(Box::new(kernel), count, KernelArguments::new().with_buffers(buffers).with_info(sizes));
    }
}

impl KernelSource for Kernel {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text(cfg!(target_family = "wasm")))
    }

    fn id(&self) -> KernelId {
        // Every loop of ours ends. Otherwise each would be made to count its own steps, and drivers would not unroll it.
        KernelId::new::<Self>().info(Kernel::id(self)).mode(ExecutionMode::Unchecked)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Room for a result beside `like`.
pub(crate) fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_of(like, shape, like.dtype)
}

/// The same of another type.
pub(crate) fn empty_of(like: &CubeTensor, shape: impl Into<Shape>, dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape.into(), dtype)
}

/// Steps between neighbours of each dimension, in numbers.
pub(crate) fn strides(x: &CubeTensor) -> [usize; 4] {
    let mut strides = [0; 4];
    for (stride, from) in strides.iter_mut().zip(x.meta.strides().iter()) {
        *stride = *from;
    }
    strides
}

/// A map `[batch, channels, height, width]` with the pixels of a channel next to each other, as also in a band of rows of a larger
/// map, and the steps between pictures and between channels.
pub(crate) fn of_channels(x: CubeTensor) -> (CubeTensor, [usize; 2]) {
    let [_, _, _, width] = x.shape().dims::<4>();
    let [_, _, row, column] = strides(&x);
    let x = if (row, column) == (width, 1) { x } else { into_contiguous(x) };
    let [picture, channel, _, _] = strides(&x);
    (x, [picture, channel])
}

/// How many rows of `width` there are.
pub(crate) fn rows(x: &CubeTensor, width: usize) -> usize {
    x.shape().num_elements().checked_div(width).unwrap_or(0)
}
