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
    /// What every device with WebGPU has, and no more. For browsers: natively burn makes its own kernels for what the adapter
    /// has, whatever the device was given.
    WebGpuDefault,
}

/// A way in which kernels go beyond what every device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Sums over subgroups.
    Subgroups,
    /// Dot products of packed bytes.
    Dot,
    /// Cooperative matrices.
    Matrices,
}

impl Variant {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Subgroups, Self::Dot, Self::Matrices];

    /// As arguments and reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subgroups => "subgroups",
            Self::Dot => "dot",
            Self::Matrices => "matrices",
        }
    }
}

/// Which variants kernels may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variants(u8);

impl Variants {
    /// Every one.
    pub const ALL: Self = Self(0b111);
    /// Baseline WebGPU.
    pub const NONE: Self = Self(0);

    /// Whether `variant` is among them.
    pub const fn has(self, variant: Variant) -> bool {
        self.0 & (1 << variant as u8) != 0
    }

    /// With `variant`.
    #[must_use]
    pub const fn with(self, variant: Variant) -> Self {
        Self(self.0 | (1 << variant as u8))
    }

    /// Without `variant`.
    #[must_use]
    pub const fn without(self, variant: Variant) -> Self {
        Self(self.0 & !(1 << variant as u8))
    }

    /// In the order of [`Variant::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Variant> {
        Variant::ALL.iter().copied().filter(move |&variant| self.has(variant))
    }
}

impl FromIterator<Variant> for Variants {
    fn from_iter<I: IntoIterator<Item = Variant>>(variants: I) -> Self {
        variants.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What kernels may use of a GPU device beyond WebGPU's defaults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// Sums over subgroups of 4 invocations or more: how many they usually have. Any other size gives the same sums, slower.
    pub subgroup: Option<u32>,
    /// Dot products of packed bytes, for few rows times a quantized matrix where the rows may be rounded to eight bits, too.
    pub packed_dot: bool,
    /// Cooperative matrices, for many rows times a packed matrix.
    pub cooperative: Option<Cooperative>,
}

impl Features {
    /// What of these belongs to `variants`.
    #[must_use]
    pub fn within(self, variants: Variants) -> Self {
        Self {
            subgroup: self.subgroup.filter(|_| variants.has(Variant::Subgroups)),
            packed_dot: self.packed_dot && variants.has(Variant::Dot),
            cooperative: self.cooperative.filter(|_| variants.has(Variant::Matrices)),
        }
    }

    /// Which variants kernels have with these.
    pub fn variants(self) -> Variants {
        let has = |variant: &Variant| match variant {
            Variant::Subgroups => self.subgroup.is_some(),
            Variant::Dot => self.packed_dot,
            Variant::Matrices => self.cooperative.is_some(),
        };
        Variant::ALL.iter().copied().filter(has).collect()
    }
}

/// Cooperative matrices that add up products in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cooperative {
    /// Rows and columns of a matrix: 8 or 16.
    pub side: u32,
    /// Whether what is multiplied is f16; it is f32 otherwise.
    pub f16: bool,
    /// The most invocations of a subgroup.
    pub subgroup: u32,
}

/// What was handed to a device.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Dispatches of our own kernels.
    pub dispatches: u64,
    /// Operations of these, and of burn's that were told of.
    pub operations: f64,
    /// Submissions that were cut off here because they held enough. burn cuts off others: after some number of kernels, and
    /// before anything is written or read.
    pub submissions: u64,
    /// The most operations of a submission; fewer where burn has cut it off.
    pub largest: f64,
}
