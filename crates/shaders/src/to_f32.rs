//! Back from what [`crate::to_f16()`] made.

use crate::prelude::*;

/// The inverse of [`crate::to_f16()`].
///
/// # Shapes
/// - x, output: any, the same
pub fn to_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::to_f32(x.into_dispatch()))
}

kernel! {
    trait ToF32 in to_f32 {
        fn to_f32(x: FloatTensor<Self>) -> FloatTensor<Self>;
    }
    cpu reference;
    // Contiguous, since burn cannot copy f16 on a device without.
    gpu if x.dtype == DType::F16 && gpu::speaks_wgsl(&x) && gpu::fills_words(&x) && x.is_contiguous();
}

fn reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(x, FloatDType::F32)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor) -> CubeTensor {
    use crate::wgsl::to_f32::{SOURCE, Sizes, WORKGROUP};
    let output = empty_of(&x, x.shape(), DType::F32);
    let words = x.shape().num_elements() / 2;
    Kernel::new(&SOURCE).launch(words.div_ceil(WORKGROUP), &[&x], &output, Sizes { words });
    output
}

/// In f32 what may be in f16.
pub(crate) fn widened<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    if x.dtype() == DType::F16 { reference::<B>(x) } else { x }
}
