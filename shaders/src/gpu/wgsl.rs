//! A kernel's text, and what it is put together with.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::features::Features;

/// What kernels with sums over their workgroups, or over teams of one, call.
const SUM: &str = "workgroup_sum";
const TEAM_SUM: &str = "team_sum";
/// Words, and what a text with one of them has to ask for first.
const DIRECTIVES: [(&str, &str); 3] = [
    ("f16", "enable f16;\n"),
    ("coop_mat", "enable wgpu_cooperative_matrix;\n"),
    ("dot4I8Packed", "requires packed_4x8_integer_dot_product;\n"),
];

/// A kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wgsl {
    /// With the variant, what names it in the cache of compiled kernels.
    pub name: &'static str,
    pub source: &'static str,
    /// Invocations of a workgroup.
    pub workgroup: u32,
    /// The type that the workgroup adds up.
    pub sum: &'static str,
    /// Whether it adds up in the same order on every device.
    pub ordered: bool,
    /// How it reads packed weights and what it multiplies them with, if it does.
    pub readers: [&'static str; 3],
    pub variant: Variant,
}

/// What a kernel uses beyond WebGPU's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Variant {
    pub f16: bool,
    /// The usual invocations of a subgroup, where it sums over subgroups.
    pub subgroup: Option<u32>,
    /// Whether keys and values are stored as f16.
    pub f16_cache: bool,
    /// The side of its cooperative matrices, if it has any.
    pub side: u32,
}

impl Variant {
    /// Of a kernel that reads or writes keys and values.
    pub fn of_cache(keys: &CubeTensor) -> Self {
        Self { f16_cache: keys.dtype == DType::F16, ..Self::default() }
    }
}

impl Wgsl {
    /// Invocations that share a long row.
    pub const ROW: u32 = 256;
    /// The same for the short rows of a head, or of a matrix.
    pub const HEAD: u32 = 64;

    /// A kernel that gives a row to each workgroup.
    pub fn by_rows(name: &'static str, source: &'static str, workgroup: u32) -> Self {
        Self {
            name,
            source,
            workgroup,
            sum: "f32",
            ordered: false,
            readers: [""; 3],
            variant: Variant::default(),
        }
    }

    /// A kernel that gives a number to each invocation, and how many workgroups `count` numbers need.
    pub fn by_numbers(name: &'static str, source: &'static str, count: usize) -> (Self, usize) {
        (Self::by_rows(name, source, Self::ROW), count.div_ceil(Self::ROW as usize))
    }

    /// A kernel that gives a row of `width` to each workgroup, with no more invocations than have something to do.
    pub fn by_rows_of(width: usize, name: &'static str, source: &'static str) -> Self {
        let workgroup = if width <= 4 * Self::HEAD as usize { Self::HEAD } else { Self::ROW };
        Self::by_rows(name, source, workgroup)
    }

    /// With subgroups where there are any.
    pub fn with(self, features: Features) -> Self {
        let subgroup = features.subgroup.filter(|_| !self.ordered && self.adds());
        Self { variant: Variant { subgroup, ..self.variant }, ..self }
    }

    /// Items that a workgroup takes: as many as it usually has teams.
    pub fn items(&self) -> u32 {
        let teams = self.source.contains(TEAM_SUM);
        self.variant.subgroup.filter(|_| teams).map_or(1, |subgroup| self.workgroup.div_ceil(subgroup))
    }

    fn adds(&self) -> bool {
        [SUM, TEAM_SUM].iter().any(|call| self.source.contains(call))
    }

    /// All of it; what a browser wants differs in a line.
    pub fn text(&self, browser: bool) -> String {
        let number = if self.variant.f16 {
            include_str!("../../wgsl/common/number/f16.wgsl")
        } else {
            include_str!("../../wgsl/common/number/f32.wgsl")
        };
        let sum = if self.variant.subgroup.is_some() {
            include_str!("../../wgsl/common/sum_subgroups.wgsl")
        } else {
            include_str!("../../wgsl/common/sum.wgsl")
        };
        let cache = if self.variant.f16_cache {
            include_str!("../../wgsl/common/cache/f16.wgsl")
        } else {
            include_str!("../../wgsl/common/cache/f32.wgsl")
        };
        let cache = if self.source.contains("Stored") { cache } else { "" };
        let number = if self.source.contains("Number") { number } else { "" };
        let sum = if self.adds() { sum } else { "" };
        let columns = include_str!("../../wgsl/common/columns.wgsl");
        let columns = if self.source.contains("outer(") { columns } else { "" };
        let parts = [&[number, cache, sum, columns][..], &self.readers, &[self.source]].concat().concat();
        let directives = DIRECTIVES.iter().filter(|(word, _)| code(&parts).any(|line| line.contains(word)));
        // naga takes them without asking, and does not know the word.
        let subgroups = (browser && self.variant.subgroup.is_some()).then_some("enable subgroups;\n");
        let directives: String = directives.map(|(_, directive)| *directive).chain(subgroups).collect();
        let values = [
            ("workgroup", self.workgroup.to_string()),
            ("items", self.items().to_string()),
            ("side", self.variant.side.to_string()),
        ];
        let values = values.iter().map(|(name, value)| (*name, value.as_str())).chain([("sum", self.sum)]);
        values.fold(directives + &parts, |text, (name, value)| {
            text.replace(&format!("{{{{ {name} }}}}"), value)
        })
    }
}

/// The lines without their comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code))
}
