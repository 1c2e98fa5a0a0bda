//! The hot operations of GLM-Image. Each is one function on burn tensors with one file here: the reference in burn's own
//! operations, which every device can run and training can differentiate, and faster forms where a device has one.
//! [`Kernels`] is the one place that chooses.

mod ada_layer_norm;
mod attention;
mod conv2d_3x3;
#[cfg(feature = "cpu")]
mod cpu;
mod embedding;
mod gelu_tanh;
#[cfg(feature = "gpu")]
mod gpu;
mod group_norm_silu;
mod half;
mod kernels;
mod mul_mat;
mod norm_rope;
mod packed;
mod residual_norm;
mod rms_norm;
mod rope_append;
mod sample_top_p;
mod swiglu;
#[cfg(all(test, feature = "cpu"))]
mod tests;

pub use ada_layer_norm::ada_layer_norm;
pub use attention::{attention, attention_over_cache};
pub use conv2d_3x3::conv2d_3x3;
pub use embedding::embedding;
pub use gelu_tanh::gelu_tanh;
#[cfg(feature = "gpu")]
pub use gpu::{Cooperative, Features, enable, enabled};
pub use group_norm_silu::group_norm_silu;
pub use half::{to_f16, to_f32};
pub use kernels::Kernels;
pub use mul_mat::mul_mat;
pub use norm_rope::norm_rope;
pub use residual_norm::residual_norm;
pub use rms_norm::rms_norm;
pub use rope_append::rope_append;
pub use sample_top_p::{Draw, sample_top_p};
pub use swiglu::swiglu;
