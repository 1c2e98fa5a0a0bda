//! GELU in its tanh form.

use crate::prelude::*;

/// `sqrt(2 / π)`.
pub(crate) const SLOPE: f32 = 0.797_884_6;
pub(crate) const CUBIC: f32 = 0.044_715;

/// `x/2 · (1 + tanh(sqrt(2/π)·(x + 0.044715·x³)))`.
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::gelu_tanh(x.into_dispatch()))
}

kernel! {
    trait GeluTanh in gelu_tanh {
        fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x]);
    gpu if gpu::are_f32(&[&x]);
}

fn reference<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let cube = B::float_mul(B::float_mul(x.clone(), x.clone()), x.clone());
    let inner = B::float_add(x.clone(), B::float_mul_scalar(cube, CUBIC.into()));
    let tanh = B::float_tanh(B::float_mul_scalar(inner, SLOPE.into()));
    B::float_mul_scalar(B::float_mul(x, B::float_add_scalar(tanh, 1.0.into())), 0.5.into())
}

#[cfg(feature = "gpu")]
fn launch(x: CubeTensor) -> CubeTensor {
    use crate::wgsl::gelu_tanh::{SOURCE, Sizes, WORKGROUP};
    let x = into_contiguous(x);
    let count = x.shape().num_elements();
    let output = empty(&x, x.shape());
    Kernel::new(&SOURCE).launch(count.div_ceil(WORKGROUP), &[&x], &output, Sizes { count });
    output
}
