//! Twin of [`crate::swiglu()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, change_rows, math, tensor, values};

pub fn twin(gate_up: FlexTensor) -> FlexTensor {
    let mut shape = gate_up.shape();
    let rank = shape.num_dims();
    let width = shape[rank - 1] / 2;
    shape[rank - 1] = width;
    let gate_up = gate_up.to_contiguous();
    let gate_up = values(&gate_up);
    let mut output = vec![0.0; gate_up.len() / 2];
    change_rows(&mut output, width, &SwiGlu { gate_up });
    tensor(output, shape)
}

struct SwiGlu<'a> {
    gate_up: &'a [f32],
}

impl ChangeRow for SwiGlu<'_> {
    #[inline(always)]
    fn change(&self, row: usize, output: &mut [f32]) {
        let (gate, up) = self.gate_up[2 * row * output.len()..].split_at(output.len());
        for ((output, &gate), &up) in output.iter_mut().zip(gate).zip(up) {
            *output = up * math::silu(gate);
        }
    }
}
