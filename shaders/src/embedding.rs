//! Rows of a packed table.

use atelier_weights::Scheme;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, get_or_init_device_settings};
use burn::tensor::{FloatDType, Int, Shape, Tensor};

use crate::{Kernels, packed};

/// The rows `ids - first` of a packed matrix, and zeros for ids that it does not have: the sum over the pieces of a table
/// is the table's.
///
/// # Shapes
/// - codes, scales: the words of the matrix, `[rows, words]`, columns a multiple of 32; without scales anything
/// - ids: `[count]`
/// - output: `[count, columns]`
pub fn embedding(
    codes: Tensor<2, Int>,
    scales: Tensor<2, Int>,
    scheme: Scheme,
    ids: Tensor<1, Int>,
    first: usize,
) -> Tensor<2> {
    let (codes, scales) = (codes.into_dispatch(), scales.into_dispatch());
    Tensor::from_dispatch(Dispatch::embedding_rows(codes, scales, scheme, ids.into_dispatch(), first))
}

pub(crate) fn reference<B: Backend>(
    codes: IntTensor<B>,
    scales: IntTensor<B>,
    scheme: Scheme,
    ids: IntTensor<B>,
    first: usize,
) -> FloatTensor<B> {
    let [rows, _] = codes.shape().dims();
    let [count] = ids.shape().dims();
    let ids = B::int_sub_scalar(ids, (first as i64).into());
    let inside = B::int_clamp(ids.clone(), 0.into(), (rows as i64 - 1).into());
    let bools = get_or_init_device_settings::<B>(&ids.device()).bool_dtype;
    let present = B::int_equal(ids, inside.clone(), bools);
    let codes = B::int_select(codes, 0, inside.clone());
    let scales = if scheme.is_quantized() { B::int_select(scales, 0, inside) } else { scales };
    let found = packed::unpack::<B>(codes, scales, scheme);
    let present = B::float_reshape(B::bool_into_float(present, FloatDType::F32), Shape::from([count, 1]));
    B::float_mul(found, present)
}
