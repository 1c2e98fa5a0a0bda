//! Rotary position embedding in the half-split form, shared by the architect and the painter.

use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines of one sequence of positions.
#[derive(Debug, Clone)]
pub struct Rope {
    /// `[1, 1, seq, rotary_dim]`.
    pub(crate) cos: Tensor<4>,
    /// As `cos`.
    pub(crate) sin: Tensor<4>,
}

impl Rope {
    /// From the angles of the first half of the rotating channels; the second half repeats them.
    ///
    /// `angles` is row-major `[seq, rotary_dim / 2]`, in radians.
    pub fn from_angles(angles: &[f32], seq: usize, device: &Device) -> Self {
        let half = angles.len() / seq.max(1);
        let table = |f: fn(f32) -> f32| {
            let mut values = Vec::with_capacity(angles.len() * 2);
            for row in angles.chunks_exact(half.max(1)) {
                for _ in 0..2 {
                    values.extend(row.iter().map(|&a| f(a)));
                }
            }
            Tensor::from_data(TensorData::new(values, [1, 1, seq, 2 * half]), device)
        };
        Self { cos: table(libm::cosf), sin: table(libm::sinf) }
    }

    /// Rotates the first `rotary_dim` channels of every head and passes the rest through.
    ///
    /// Channel `i` pairs with `i + rotary_dim / 2`.
    ///
    /// # Shapes
    /// - x, output: `[batch, heads, seq, head_dim]`
    pub fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        self.rotate_from(x, 0, None)
    }

    /// The same for the tokens from `first` on, and all heads standardised before if `eps` is given.
    ///
    /// # Shapes
    /// - x, output: `[batch, heads, first + seq, head_dim]`
    pub(crate) fn rotate_from(&self, x: Tensor<4>, first: usize, eps: Option<f64>) -> Tensor<4> {
        atelier_shaders::norm_rope(x, self.cos.clone(), self.sin.clone(), first, eps)
    }
}

/// `theta^(-2k / rotary_dim)` for `k` in `0..rotary_dim / 2`, rounded to f32 as the reference does.
pub fn inverse_frequencies(theta: f64, rotary_dim: usize) -> Vec<f32> {
    (0..rotary_dim / 2)
        .map(|k| {
            let exponent = (2 * k) as f32 / rotary_dim as f32;
            1.0 / libm::powf(theta as f32, exponent)
        })
        .collect()
}
