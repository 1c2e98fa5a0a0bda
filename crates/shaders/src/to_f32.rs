//! Back from what [`crate::to_f16()`] made.

use crate::prelude::*;
use crate::to_f16::Halves;

/// The inverse of [`crate::to_f16()`].
///
/// # Shapes
/// - output: that of the numbers
pub fn to_f32<const D: usize>(x: Halves<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::to_f32(x.numbers.into_dispatch(), x.scales.into_dispatch()))
}

kernel! {
    trait ToF32 in to_f32 {
        fn to_f32(numbers: FloatTensor<Self>, scales: FloatTensor<Self>) -> FloatTensor<Self>;
    }
    cpu reference;
    // Contiguous, since burn cannot copy f16 on a device without.
    gpu if numbers.dtype == DType::F16 && gpu::are_f32(&[&scales]) && gpu::rows_fill_words(&numbers) && numbers.is_contiguous();
}

pub(crate) fn reference<B: Backend>(numbers: FloatTensor<B>, scales: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(B::float_cast(numbers, FloatDType::F32), scales)
}

#[cfg(feature = "gpu")]
fn launch(numbers: CubeTensor, scales: CubeTensor) -> CubeTensor {
    use crate::wgsl::to_f32::{SOURCE, Sizes, WORKGROUP};
    let scales = into_contiguous(scales);
    let output = empty_of(&numbers, numbers.shape(), DType::F32);
    let words = numbers.shape().num_elements() / 2;
    let of_row = words / scales.shape().num_elements().max(1);
    let sizes = Sizes { words, of_row };
    Kernel::new(&SOURCE).launch(words.div_ceil(WORKGROUP), &[&numbers, &scales], &output, sizes);
    output
}
