//! What kernels may use of a device beyond WebGPU's defaults.

/// What a GPU device is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limits {
    /// All that the adapter has.
    #[default]
    Adapter,
    /// The same of a browser whose devices have subgroups. wgpu neither asks for those there nor hears of them: whoever says
    /// this has seen to it that every device is asked for them.
    AdapterAndSubgroups,
    /// The same, but our kernels use baseline WebGPU only: a workaround for buggy drivers.
    AdapterWithPlainKernels,
    /// What every device with WebGPU has, and no more. For browsers: natively burn makes its own kernels for what the adapter
    /// has, whatever the device was given.
    WebGpuDefault,
}

/// What kernels may use of a GPU device beyond WebGPU's defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// Numbers of 16 bits, which matrix products hold their tiles in. Products and sums stay f32.
    pub f16: bool,
    /// Sums over subgroups of 4 invocations or more: how many they usually have. Any other size gives the same sums, slower.
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
