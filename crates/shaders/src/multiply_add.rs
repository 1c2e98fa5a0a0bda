//! Multiply-adds and nothing else, to see how many of them a device makes.

use crate::prelude::*;

/// How far a pair turns in a step, about.
pub(crate) const SLOPE: f32 = 0.007_812_5;

/// `steps` times, for each pair of numbers: `(a, b) = (a + SLOPE·b, b - SLOPE·a)` with a slope of 1/128. That is four
/// floating-point operations a pair and a step.
///
/// # Shapes
/// - x, output: `[2, count]`, `a` and then `b`; `count` a multiple of 4
pub fn multiply_add(x: Tensor<2>, steps: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::multiply_add(x.into_dispatch(), steps))
}

kernel! {
    trait MultiplyAdd in multiply_add {
        fn multiply_add(x: FloatTensor<Self>, steps: usize) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x]);
    gpu if gpu::are_f32(&[&x]) && x.shape().num_elements().is_multiple_of(8);
}

fn reference<B: Backend>(x: FloatTensor<B>, steps: usize) -> FloatTensor<B> {
    let row = |row: isize| [Slice::new(row, Some(row + 1), 1), Slice::new(0, None, 1)];
    let (mut a, mut b) = (B::float_slice(x.clone(), &row(0)), B::float_slice(x, &row(1)));
    for _ in 0..steps {
        let turned = B::float_add(a.clone(), B::float_mul_scalar(b.clone(), SLOPE.into()));
        b = B::float_sub(b, B::float_mul_scalar(a, SLOPE.into()));
        a = turned;
    }
    B::float_cat(vec![a, b], 0)
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor, steps: usize) -> CubeTensor {
    use crate::wgsl::multiply_add::{FOURS, SOURCE, Sizes, WORKGROUP};
    let x = into_contiguous(x);
    let fours = x.shape().num_elements() / 8;
    let output = empty(&x, x.shape());
    Kernel::new(&SOURCE).launch(fours.div_ceil(FOURS * WORKGROUP), &[&x], &output, Sizes { fours, steps });
    output
}
