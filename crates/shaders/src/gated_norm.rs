//! The sum after a branch of the painter, with the norm before the next branch.

use crate::ada_layer_norm::{self, of_tokens};
use crate::prelude::*;

/// What shapes tokens around a sum: the gate of the branch before it, shift and scale of the norm after it.
///
/// # Shapes
/// Each `[batch or 1, kinds, width]`, all alike: one kind for all tokens, or two: the first for the tokens from `first` on, the
/// second for those before.
#[derive(Debug, Clone)]
pub struct Gated {
    /// What the branch is multiplied by.
    pub gate: Tensor<3>,
    /// Added to the normalised numbers.
    pub shift: Tensor<3>,
    /// One less than what they are multiplied by.
    pub scale: Tensor<3>,
    /// The first token of the first kind.
    pub first: usize,
}

/// `h = x + gate·y`, and `h` through [`crate::ada_layer_norm()`].
///
/// # Shapes
/// - x, y, both outputs: `[batch, seq, width]`
pub fn gated_norm(x: Tensor<3>, y: Tensor<3>, around: Gated, eps: f64) -> (Tensor<3>, Tensor<3>) {
    let Gated { gate, shift, scale, first } = around;
    let [x, y, gate, shift, scale] = [x, y, gate, shift, scale].map(Tensor::into_dispatch);
    let (h, normal) = Dispatch::gated_norm(x, y, gate, shift, scale, first, eps);
    (Tensor::from_dispatch(h), Tensor::from_dispatch(normal))
}

kernel! {
    trait GatedNorm in gated_norm {
        fn gated_norm(
            x: FloatTensor<Self>,
            y: FloatTensor<Self>,
            gate: FloatTensor<Self>,
            shift: FloatTensor<Self>,
            scale: FloatTensor<Self>,
            first: usize,
            eps: f64,
        ) -> (FloatTensor<Self>, FloatTensor<Self>);
    }
    cpu if cpu::are_f32(&[&x, &y, &gate, &shift, &scale]);
    gpu if gpu::are_f32(&[&x, &y, &gate, &shift, &scale]);
}

fn reference<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    gate: FloatTensor<B>,
    shift: FloatTensor<B>,
    scale: FloatTensor<B>,
    first: usize,
    eps: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [_, seq, _] = x.shape().dims();
    let h = B::float_add(x, B::float_mul(y, of_tokens::<B>(gate, first, seq)));
    (h.clone(), ada_layer_norm::reference::<B>(h, shift, scale, first, eps))
}

#[cfg(feature = "gpu")]
fn launch(
    x: CubeTensor,
    y: CubeTensor,
    gate: CubeTensor,
    shift: CubeTensor,
    scale: CubeTensor,
    first: usize,
    eps: f64,
) -> (CubeTensor, CubeTensor) {
    use crate::wgsl::gated_norm::{SOURCE, Sizes};
    let [batch, seq, width] = x.shape().dims();
    let [x, y, gate, shift, scale] = [x, y, gate, shift, scale].map(into_contiguous);
    let [pictures, kinds, _] = shift.shape().dims();
    let first = if kinds == 1 { 0 } else { first };
    let rows = batch * seq;
    let (h, normal) = (empty(&x, x.shape()), empty(&x, x.shape()));
    let sizes = Sizes { rows, width, seq, pictures, kinds, first, eps: eps as f32 };
    let inputs = [&x, &y, &gate, &shift, &scale, &h];
    Kernel::row_reduce(&SOURCE, width).launch(rows, &inputs, &normal, sizes);
    (h, normal)
}
