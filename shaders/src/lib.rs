//! The hot operations of GLM-Image. Each is one function on burn tensors with one file here: the reference in burn's own
//! operations, which every device can run and training can differentiate, and faster forms where a device has one.
//! [`Kernels`] is the one place that chooses.

mod ada_layer_norm;
mod attention;
mod conv2d_3x3;
#[cfg(feature = "cpu")]
mod cpu;
mod gelu_tanh;
#[cfg(feature = "gpu")]
mod gpu;
mod group_norm_silu;
mod kernels;
mod norm_rope;
mod rms_norm;
mod sample_top_p;
mod swiglu;
#[cfg(all(test, feature = "cpu"))]
mod tests;

pub use ada_layer_norm::ada_layer_norm;
pub use attention::attention;
pub use conv2d_3x3::conv2d_3x3;
pub use gelu_tanh::gelu_tanh;
pub use group_norm_silu::group_norm_silu;
pub use kernels::Kernels;
pub use norm_rope::norm_rope;
pub use rms_norm::rms_norm;
pub use sample_top_p::{Draw, sample_top_p};
pub use swiglu::swiglu;
