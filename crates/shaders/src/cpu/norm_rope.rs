//! Twin of [`crate::norm_rope()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{ChangeRow, change_rows, math, tensor, values};

pub fn twin(x: FlexTensor, cos: FlexTensor, sin: FlexTensor, first: usize, eps: Option<f64>) -> FlexTensor {
    let shape = x.shape();
    let [batch, heads, seq, head_dim] = shape.dims();
    let [angle_batch, _, rotating, rotary_dim] = cos.shape().dims();
    let (cos, sin) = (cos.to_contiguous(), sin.to_contiguous());
    // Heads are read where they lie, which is usually not in front of the sequence yet.
    let x = if x.layout().has_contiguous_inner() { x } else { x.to_contiguous() };
    let mut strides = [0; 4];
    for (stride, from) in strides.iter_mut().zip(x.layout().strides()) {
        *stride = from.unsigned_abs();
    }
    let change = NormRope {
        x: &x.storage::<f32>()[x.layout().start_offset()..],
        strides,
        heads,
        seq,
        cos: values(&cos),
        sin: values(&sin),
        angle_batch,
        rotating,
        rotary_dim,
        first,
        eps: eps.map(|eps| eps as f32),
    };
    let mut output = vec![0.0; batch * heads * seq * head_dim];
    change_rows(&mut output, head_dim, &change);
    tensor(output, shape)
}

struct NormRope<'a> {
    x: &'a [f32],
    strides: [usize; 4],
    heads: usize,
    seq: usize,
    cos: &'a [f32],
    sin: &'a [f32],
    angle_batch: usize,
    /// Tokens that are rotated.
    rotating: usize,
    rotary_dim: usize,
    /// The first of them.
    first: usize,
    eps: Option<f32>,
}

impl ChangeRow for NormRope<'_> {
    #[inline(always)]
    fn change(&self, row: usize, output: &mut [f32]) {
        let (picture, head, token) =
            (row / self.seq / self.heads, row / self.seq % self.heads, row % self.seq);
        let at = picture * self.strides[0] + head * self.strides[1] + token * self.strides[2];
        let x = &self.x[at..at + output.len()];
        let (mean, factor) = match self.eps {
            Some(eps) => math::moments(x, eps),
            None => (0.0, 1.0),
        };
        for (output, &x) in output.iter_mut().zip(x) {
            *output = (x - mean) * factor;
        }
        if token < self.first {
            return;
        }
        let half = self.rotary_dim / 2;
        let angle = (picture % self.angle_batch * self.rotating + token - self.first) * self.rotary_dim;
        let (cos, far_cos) = self.cos[angle..angle + self.rotary_dim].split_at(half);
        let (sin, far_sin) = self.sin[angle..angle + self.rotary_dim].split_at(half);
        let (left, right) = output[..self.rotary_dim].split_at_mut(half);
        let (left, right) = (&mut left[..half], &mut right[..half]);
        for i in 0..half {
            let (x, y) = (left[i], right[i]);
            left[i] = x * cos[i] - y * sin[i];
            right[i] = y * far_cos[i] + x * far_sin[i];
        }
    }
}
