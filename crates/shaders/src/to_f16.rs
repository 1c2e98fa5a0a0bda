//! From f32 to numbers of 16 bits, for what is kept long and read seldom.

use crate::prelude::*;

/// A tensor in half the room: f16 numbers, each row of the last dimension times a scale of its own, so that they fit whatever
/// they are.
#[derive(Debug, Clone)]
pub struct Halves<const D: usize> {
    /// In f16, also on a device whose kernels cannot compute in it.
    pub numbers: Tensor<D>,
    /// `[..., 1]`, in f32. NaN for a row that has an infinity or a NaN.
    pub scales: Tensor<D>,
}

/// `x` in 16 bits: each number is off by 2⁻¹² of itself at most, unless it is less than 2⁻²⁸ of the largest of its row.
///
/// # Shapes
/// - x: any
pub fn to_f16<const D: usize>(x: Tensor<D>) -> Halves<D> {
    let (numbers, scales) = Dispatch::to_f16(x.into_dispatch());
    Halves { numbers: Tensor::from_dispatch(numbers), scales: Tensor::from_dispatch(scales) }
}

kernel! {
    trait ToF16 in to_f16 {
        fn to_f16(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);
    }
    cpu reference;
    gpu if gpu::are_f32(&[&x]) && gpu::rows_fill_words(&x);
}

/// The exponent of the largest number of a row: f16 has one more.
const TOP: f32 = 14.0;
/// Rows without a larger number are not scaled up any further.
const LEAST: f32 = 1e-30;

pub(crate) fn reference<B: Backend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>) {
    let last = x.shape().num_dims() - 1;
    let peak = B::float_clamp_min(B::float_max_dim(B::float_abs(x.clone()), last), LEAST.into());
    let exponent = B::float_floor(B::float_div_scalar(B::float_log(peak), std::f32::consts::LN_2.into()));
    let two = B::float_add_scalar(B::float_mul_scalar(exponent.clone(), 0.0.into()), 2.0.into());
    let power = B::float_powf(two, B::float_sub_scalar(exponent, TOP.into()));
    // Times zero, what is not finite is NaN, which the maximum may have lost.
    let nothing = B::float_sum_dim(B::float_mul_scalar(x.clone(), 0.0.into()), last);
    let scales = B::float_add(power, nothing);
    (B::float_cast(B::float_div(x, scales.clone()), FloatDType::F16), scales)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor) -> (CubeTensor, CubeTensor) {
    use crate::wgsl::to_f16::{SOURCE, Sizes};
    let x = into_contiguous(x);
    let mut of_rows = x.shape();
    let last = of_rows.num_dims() - 1;
    let width = of_rows[last];
    of_rows[last] = 1;
    let (numbers, scales) = (empty_of(&x, x.shape(), DType::F16), empty(&x, of_rows));
    let rows = rows(&x, width);
    Kernel::new(&SOURCE).launch(rows, &[&x, &scales], &numbers, Sizes { rows, width });
    (numbers, scales)
}
