//! From f32 to numbers of 16 bits, for what is kept long and read seldom.

use crate::prelude::*;

/// `x` in f16, also on a device whose kernels cannot compute in it; beyond the largest f16 that one.
///
/// # Shapes
/// - x, output: any, the same
pub fn to_f16<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::to_f16(x.into_dispatch()))
}

kernel! {
    trait ToF16 in to_f16 {
        fn to_f16(x: FloatTensor<Self>) -> FloatTensor<Self>;
    }
    cpu reference;
    gpu if gpu::are_f32(&[&x]) && gpu::fills_words(&x);
}

const LARGEST: f32 = 65_504.0;

pub(crate) fn reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cast(B::float_clamp(x, (-LARGEST).into(), LARGEST.into()), FloatDType::F16)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor) -> CubeTensor {
    use crate::wgsl::to_f16::{SOURCE, Sizes, WORKGROUP};
    let x = into_contiguous(x);
    let output = empty_of(&x, x.shape(), DType::F16);
    let words = x.shape().num_elements() / 2;
    Kernel::new(&SOURCE).launch(words.div_ceil(WORKGROUP), &[&x], &output, Sizes { words });
    output
}
