//! Launches of the kernels that read packed weights: `mul_mat_vec.wgsl`, `mul_mat.wgsl`,
//! `mul_mat_cooperative.wgsl`, `embedding.wgsl`.

use atelier_weights::{BLOCK, Scheme};
use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;

use super::features::{self, Cooperative, Features};
use super::wgsl::{Variant, Wgsl};
use super::{empty, into_contiguous};

/// Up to so many rows of `x` go through the weights one by one, which are in the cache then.
const FEW: usize = 8;
/// As in the kernels: rows of a matrix that a workgroup takes with few rows of `x`; the tile with many.
const OUT: usize = 4;
const TILE: [usize; 2] = [128, 64];

/// How a scheme's weights are read, and the names of the kernels with it, for the cache of compiled kernels.
struct Reader {
    source: &'static str,
    /// The same for dot products of bytes, where there are codes.
    bytes: Option<&'static str>,
    names: Names,
}

struct Names {
    vector: &'static str,
    dot: &'static str,
    matrix: &'static str,
    cooperative: &'static str,
    rows: &'static str,
}

/// Names of a scheme's kernels.
macro_rules! names {
    ($scheme:literal) => {
        Names {
            vector: concat!("mul_mat_vec_", $scheme),
            dot: concat!("mul_mat_vec_dot_", $scheme),
            matrix: concat!("mul_mat_", $scheme),
            cooperative: concat!("mul_mat_cooperative_", $scheme),
            rows: concat!("embedding_", $scheme),
        }
    };
}

const NIBBLES: &str = include_str!("../../wgsl/common/packed_dot/nibbles.wgsl");
const BYTES: &str = include_str!("../../wgsl/common/packed_dot/bytes.wgsl");

impl Reader {
    fn of(scheme: Scheme) -> Self {
        match scheme {
            // `reads` has left F32 out.
            Scheme::F32 | Scheme::F16 => Self {
                source: include_str!("../../wgsl/common/packed/f16.wgsl"),
                bytes: None,
                names: names!("f16"),
            },
            Scheme::Bf16 => Self {
                source: include_str!("../../wgsl/common/packed/bf16.wgsl"),
                bytes: None,
                names: names!("bf16"),
            },
            Scheme::F8 => Self {
                source: include_str!("../../wgsl/common/packed/f8.wgsl"),
                bytes: None,
                names: names!("f8"),
            },
            Scheme::Q8 => Self {
                source: include_str!("../../wgsl/common/packed/q8.wgsl"),
                bytes: Some(BYTES),
                names: names!("q8"),
            },
            Scheme::Q4 => Self {
                source: include_str!("../../wgsl/common/packed/q4.wgsl"),
                bytes: Some(NIBBLES),
                names: names!("q4"),
            },
            Scheme::Q4Offset => Self {
                source: include_str!("../../wgsl/common/packed/q4_offset.wgsl"),
                bytes: Some(NIBBLES),
                names: names!("q4_offset"),
            },
        }
    }

    /// The kernel for few rows of `x`.
    fn vector(&self, features: Features) -> Wgsl {
        let (name, held, bytes) = match self.bytes {
            Some(bytes) if features.packed_dot => {
                (self.names.dot, include_str!("../../wgsl/common/held/bytes.wgsl"), bytes)
            }
            _ => (self.names.vector, include_str!("../../wgsl/common/held/f32.wgsl"), ""),
        };
        let kernel = Wgsl::by_rows(name, include_str!("../../wgsl/mul_mat_vec.wgsl"), Wgsl::HEAD);
        Wgsl { sum: "vec4<f32>", readers: [self.source, held, bytes], ..kernel }
    }

    /// The kernel for many rows, and its tile.
    fn matrix(&self, features: Features) -> (Wgsl, [usize; 2]) {
        let variant = Variant { f16: features.f16, ..Variant::default() };
        let readers = [self.source, "", ""];
        if let Some(Cooperative { side, subgroup }) = features.cooperative {
            let source = include_str!("../../wgsl/mul_mat_cooperative.wgsl");
            // Four subgroups at least.
            let kernel = Wgsl::by_rows(self.names.cooperative, source, 4 * subgroup);
            let variant = Variant { side, ..variant };
            return (Wgsl { readers, variant, ..kernel }, [4 * side as usize; 2]);
        }
        let kernel = Wgsl::by_rows(self.names.matrix, include_str!("../../wgsl/mul_mat.wgsl"), Wgsl::ROW);
        (Wgsl { readers, variant, ..kernel }, TILE)
    }
}

/// Whether there are kernels for these words.
pub(super) fn reads(words: &[&CubeTensor], scheme: Scheme, columns: usize) -> bool {
    scheme != Scheme::F32
        && columns.is_multiple_of(BLOCK)
        && words.iter().all(|words| matches!(words.dtype, DType::I32 | DType::U32))
}

pub(super) fn mul_mat(
    x: CubeTensor,
    codes: CubeTensor,
    scales: CubeTensor,
    scheme: Scheme,
    bias: CubeTensor,
) -> CubeTensor {
    let reader = Reader::of(scheme);
    let [rows, columns] = x.shape().dims();
    let out = bias.shape().num_elements();
    let inputs = [x, codes, scales, bias].map(into_contiguous);
    let output = empty(&inputs[0], Shape::from([rows, out]));
    let features = features::of(&output);
    let (kernel, workgroups) = if rows <= FEW {
        (reader.vector(features), out.div_ceil(OUT) * rows)
    } else {
        let (kernel, [tall, wide]) = reader.matrix(features);
        (kernel, rows.div_ceil(tall) * out.div_ceil(wide))
    };
    kernel.launch(workgroups, &inputs.each_ref(), &output, &[rows, columns, out]);
    output
}

pub(super) fn embedding(
    codes: CubeTensor,
    scales: CubeTensor,
    scheme: Scheme,
    ids: CubeTensor,
    first: usize,
) -> CubeTensor {
    let reader = Reader::of(scheme);
    let [rows, words] = codes.shape().dims();
    let (count, columns) = (ids.shape().num_elements(), words * scheme.codes_per_word());
    let inputs = [codes, scales, ids].map(into_contiguous);
    let like = CubeTensor { dtype: DType::F32, ..inputs[0].clone() };
    let output = empty(&like, Shape::from([count, columns]));
    let source = include_str!("../../wgsl/embedding.wgsl");
    let (kernel, workgroups) = Wgsl::by_numbers(reader.names.rows, source, count * columns / 8);
    let kernel = Wgsl { readers: [reader.source, "", ""], ..kernel };
    kernel.launch(workgroups, &inputs.each_ref(), &output, &[count, columns, rows, first]);
    output
}
