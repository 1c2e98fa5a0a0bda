//! Rows times a packed matrix.

#[cfg(feature = "gpu")]
use atelier_weights::Scheme;

use crate::packed::{self, Packed, PackedRef};
use crate::prelude::*;

/// How a product may treat its rows where the device has something faster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowPrecision {
    /// In f32, or in f16 with a scale for each row and for each row of the matrix.
    #[default]
    Exact,
    /// Few rows may be rounded to multiples of a 127th of the largest number of their block of 32 (of a 32767th on the CPU), so
    /// that a large number costs its neighbours their last bits. Language models bear that; what is computed once and then shapes a whole picture
    /// may not.
    Rounded,
}

/// `x·Wᵀ + bias`, with `W` packed; sums are f32.
///
/// # Shapes
/// - x: `[rows, columns]`
/// - weights: `W`, `[out, columns]`
/// - bias: `[out]`
/// - output: `[rows, out]`
pub fn mul_mat(x: Tensor<2>, weights: PackedRef<'_>, bias: Tensor<1>, precision: RowPrecision) -> Tensor<2> {
    let (x, bias) = (x.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::mul_mat(x, weights.into_dispatch(), bias, precision))
}

kernel! {
    trait MulMat in mul_mat {
        fn mul_mat(
            x: FloatTensor<Self>,
            #[extension_type] weights: Packed<Self>,
            bias: FloatTensor<Self>,
            precision: RowPrecision,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x, &bias]) && cpu::are_words(&[&weights.codes, &weights.scales]);
    gpu if gpu::are_f32(&[&x, &bias]) && weights.has_kernels();
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    weights: Packed<B>,
    bias: FloatTensor<B>,
    _: RowPrecision,
) -> FloatTensor<B> {
    let out = bias.shape().num_elements();
    let product = B::float_matmul(x, B::float_transpose(packed::unpack::<B>(weights)));
    B::float_add(product, B::float_reshape(bias, Shape::from([1, out])))
}

/// Up to so many rows of `x` go through the weights one by one, which are in the cache then.
#[cfg(feature = "gpu")]
const MAX_VEC_ROWS: usize = 8;

#[cfg(feature = "gpu")]
fn launch(
    x: CubeTensor,
    weights: Packed<burn_cubecl::CubeBackend>,
    bias: CubeTensor,
    precision: RowPrecision,
) -> CubeTensor {
    use crate::wgsl::{mul_mat as tiles, mul_mat_cooperative as cooperative, mul_mat_vec as vec};
    let [rows, columns] = x.shape().dims();
    let out = bias.shape().num_elements();
    let Packed { codes, scales, scheme } = weights;
    let [x, codes, scales, bias] = [x, codes, scales, bias].map(into_contiguous);
    let output = empty(&x, [rows, out]);
    let (inputs, features) = ([&x, &codes, &scales, &bias], gpu::features(&x));
    let operations = 2.0 * rows as f64 * columns as f64 * out as f64;
    let first_workgroup = 0;
    if rows <= MAX_VEC_ROWS {
        let rounded = features.packed_dot && precision == RowPrecision::Rounded;
        let kernel = Kernel::new(&vec::SOURCE).with_scheme(scheme).with_operations(operations);
        let kernel = if rounded { kernel.with_packed_dot(scheme) } else { kernel };
        let items = out.div_ceil(vec::OUT) * rows;
        kernel.launch_items(items, &inputs, &output, vec::Sizes { rows, columns, out });
    } else if let Some(matrices) = features.cooperative {
        let side = if matrices.side == 16 { "16" } else { "8" };
        let number = if matrices.f16 { "f16" } else { "f32" };
        let kernel = Kernel::new(&cooperative::SOURCE).with_scheme(scheme).choose("number", number);
        let kernel = kernel.with_operations(operations);
        // Four subgroups at least.
        let kernel = kernel.choose("matrices", side).set("WORKGROUP", 4 * matrices.subgroup);
        let tile = cooperative::MATRICES * matrices.side as usize;
        let workgroups = rows.div_ceil(tile) * out.div_ceil(tile);
        let of_x = row_exponents(&x, &bias, Scheme::F32, [rows, columns]);
        let of_weights = row_exponents(&codes, &scales, scheme, [out, columns]);
        let inputs = [&x, &codes, &scales, &bias, &of_x, &of_weights];
        kernel.launch(
            workgroups,
            &inputs,
            &output,
            cooperative::Sizes { rows, columns, out, first_workgroup },
        );
    } else {
        let kernel = Kernel::new(&tiles::SOURCE).with_scheme(scheme).with_operations(operations);
        let workgroups = rows.div_ceil(tiles::ROWS) * out.div_ceil(tiles::OUT);
        kernel.launch(workgroups, &inputs, &output, tiles::Sizes { rows, columns, out, first_workgroup });
    }
    output
}

/// The exponent of the largest number of each row, as `row_exponents.wgsl` says. `scales` may be any other tensor where the
/// scheme has none.
#[cfg(feature = "gpu")]
fn row_exponents(
    codes: &CubeTensor,
    scales: &CubeTensor,
    scheme: Scheme,
    [rows, columns]: [usize; 2],
) -> CubeTensor {
    use crate::wgsl::row_exponents::{SOURCE, Sizes};
    let exponents = empty_of(codes, [rows], DType::I32);
    let kernel = Kernel::new(&SOURCE).with_scheme(scheme).with_operations(gpu::of_numbers(rows * columns));
    kernel.launch(rows, &[codes, scales], &exponents, Sizes { rows, columns });
    exponents
}
