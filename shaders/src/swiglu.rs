//! The gated activation of the architect's MLP.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata};
use burn::tensor::{Slice, Tensor};

use crate::Kernels;

/// `up · SiLU(gate)`, the gate being the first half of the last dimension.
///
/// # Shapes
/// - gate_up: `[..., 2 * width]`
/// - output: `[..., width]`
pub fn swiglu<const D: usize>(gate_up: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::swiglu(gate_up.into_dispatch()))
}

pub(crate) fn reference<B: Backend>(gate_up: FloatTensor<B>) -> FloatTensor<B> {
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
