//! The gated activation of the architect's MLP.

use crate::prelude::*;

/// `up · SiLU(gate)`, the gate being the first half of the last dimension.
///
/// # Shapes
/// - gate_up: `[..., 2 * width]`
/// - output: `[..., width]`
pub fn swiglu<const D: usize>(gate_up: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::swiglu(gate_up.into_dispatch()))
}

kernel! {
    trait SwiGlu in swiglu {
        fn swiglu(gate_up: FloatTensor<Self>) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&gate_up]);
    gpu if gpu::are_f32(&[&gate_up]);
}

fn reference<B: Backend>(gate_up: FloatTensor<B>) -> FloatTensor<B> {
    let shape = gate_up.shape();
    let rank = shape.num_dims();
    let width = shape[rank - 1] / 2;
    let part = |start: usize| {
        let mut slices = vec![Slice::new(0, None, 1); rank];
        slices[rank - 1] = Slice::new(start as isize, Some((start + width) as isize), 1);
        B::float_slice(gate_up.clone(), &slices)
    };
    let (gate, up) = (part(0), part(width));
    B::float_mul(up, B::float_mul(gate.clone(), B::sigmoid(gate)))
}

#[cfg(feature = "gpu")]
fn launch(gate_up: CubeTensor) -> CubeTensor {
    use crate::wgsl::swiglu::{SOURCE, Sizes, WORKGROUP};
    let mut shape = gate_up.shape();
    let last = shape.num_dims() - 1;
    let width = shape[last] / 2;
    shape[last] = width;
    let gate_up = into_contiguous(gate_up);
    let count = shape.num_elements();
    let output = empty(&gate_up, shape);
    Kernel::new(&SOURCE).launch(count.div_ceil(WORKGROUP), &[&gate_up], &output, Sizes { count, width });
    output
}
