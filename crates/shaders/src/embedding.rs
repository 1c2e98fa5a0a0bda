//! Rows of a packed table.

use crate::packed::{self, Packed, PackedRef};
use crate::prelude::*;

/// The rows `ids - first` of a packed matrix, and zeros for ids that it does not have: the sum over the pieces of a table
/// is the table's.
///
/// # Shapes
/// - table: `[rows, columns]`
/// - ids: `[count]`
/// - output: `[count, columns]`
pub fn embedding(table: PackedRef<'_>, ids: Tensor<1, Int>, first: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::embedding_rows(table.into_dispatch(), ids.into_dispatch(), first))
}

kernel! {
    trait EmbeddingRows in embedding {
        fn embedding_rows(
            #[extension_type] table: Packed<Self>,
            ids: IntTensor<Self>,
            first: usize,
        ) -> FloatTensor<Self>;
    }
    cpu if cpu::are_words(&[&table.codes, &table.scales]);
    gpu if gpu::speaks_wgsl(&ids) && packed::are_words(&ids) && table.has_kernels();
}

fn reference<B: Backend>(table: Packed<B>, ids: IntTensor<B>, first: usize) -> FloatTensor<B> {
    let Packed { codes, scales, scheme } = table;
    let [rows, _] = codes.shape().dims();
    let [count] = ids.shape().dims();
    let ids = B::int_sub_scalar(ids, (first as i64).into());
    let inside = B::int_clamp(ids.clone(), 0.into(), (rows as i64 - 1).into());
    let bools = get_or_init_device_settings::<B>(&ids.device()).bool_dtype;
    let present = B::int_equal(ids, inside.clone(), bools);
    let codes = B::int_select(codes, 0, inside.clone());
    let scales = if scheme.is_quantized() { B::int_select(scales, 0, inside) } else { scales };
    let found = packed::unpack::<B>(Packed { codes, scales, scheme });
    let present = B::float_reshape(B::bool_into_float(present, FloatDType::F32), Shape::from([count, 1]));
    B::float_mul(found, present)
}

#[cfg(feature = "gpu")]
fn launch(table: Packed<burn_cubecl::CubeBackend>, ids: CubeTensor, first: usize) -> CubeTensor {
    use crate::wgsl::embedding::{NUMBERS, SOURCE, Sizes, WORKGROUP};
    let [rows, _] = table.codes.shape().dims();
    let (count, columns) = (ids.shape().num_elements(), table.columns());
    let Packed { codes, scales, scheme } = table;
    let [codes, scales, ids] = [codes, scales, ids].map(into_contiguous);
    let output = empty_of(&codes, [count, columns], DType::F32);
    let workgroups = (count * columns / NUMBERS).div_ceil(WORKGROUP);
    let sizes = Sizes { count, columns, rows, first };
    Kernel::new(&SOURCE).with_scheme(scheme).launch(workgroups, &[&codes, &scales, &ids], &output, sizes);
    output
}
