//! Launches of the kernels that read packed weights: `mul_mat_vec.wgsl`, `mul_mat.wgsl`, `embedding.wgsl`.

use atelier_weights::{BLOCK, Scheme};
use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous};

/// Up to so many rows of `x` go through the weights one by one, which are in the cache then.
const FEW: usize = 8;
/// As in the kernels: rows of a matrix that a workgroup takes with few rows of `x`; the tile with many.
const OUT: usize = 4;
const TILE: [usize; 2] = [128, 64];

/// How a scheme's weights are read, and the names of the kernels with it, for the cache of compiled kernels.
struct Reader {
    source: &'static str,
    vector: &'static str,
    matrix: &'static str,
    rows: &'static str,
}

impl Reader {
    fn of(scheme: Scheme) -> Self {
        let reader =
            |source, [vector, matrix, rows]: [&'static str; 3]| Self { source, vector, matrix, rows };
        match scheme {
            // `reads` has left F32 out.
            Scheme::F32 | Scheme::F16 => reader(
                include_str!("../../wgsl/common/packed/f16.wgsl"),
                ["mul_mat_vec_f16", "mul_mat_f16", "embedding_f16"],
            ),
            Scheme::Bf16 => reader(
                include_str!("../../wgsl/common/packed/bf16.wgsl"),
                ["mul_mat_vec_bf16", "mul_mat_bf16", "embedding_bf16"],
            ),
            Scheme::Q8 => reader(
                include_str!("../../wgsl/common/packed/q8.wgsl"),
                ["mul_mat_vec_q8", "mul_mat_q8", "embedding_q8"],
            ),
            Scheme::Q4 => reader(
                include_str!("../../wgsl/common/packed/q4.wgsl"),
                ["mul_mat_vec_q4", "mul_mat_q4", "embedding_q4"],
            ),
            Scheme::Q4Offset => reader(
                include_str!("../../wgsl/common/packed/q4_offset.wgsl"),
                ["mul_mat_vec_q4_offset", "mul_mat_q4_offset", "embedding_q4_offset"],
            ),
        }
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
    let (kernel, workgroups) = if rows <= FEW {
        let source = include_str!("../../wgsl/mul_mat_vec.wgsl");
        (Wgsl::packed(reader.vector, source, reader.source), out.div_ceil(OUT) * rows)
    } else {
        let source = include_str!("../../wgsl/mul_mat.wgsl");
        (Wgsl::packed(reader.matrix, source, reader.source), rows.div_ceil(TILE[0]) * out.div_ceil(TILE[1]))
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
    let workgroups = (count * columns / 8).div_ceil(Wgsl::ROW as usize);
    let kernel = Wgsl::packed(reader.rows, source, reader.source);
    kernel.launch(workgroups, &inputs.each_ref(), &output, &[count, columns, rows, first]);
    output
}
