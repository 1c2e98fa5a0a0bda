//! The hot operations of GLM-Image. Each is one function on burn tensors with one file here: the reference in burn's own
//! operations, which every device can run and training can differentiate, and faster forms where a device has one.
//! [`Kernels`] is the one place that chooses.

pub mod ada_layer_norm;
pub mod attention;
#[cfg(feature = "cpu")]
mod cpu;
pub mod gelu_tanh;
#[cfg(feature = "gpu")]
mod gpu;
pub mod group_norm_silu;
mod kernels;
pub mod norm_rope;
pub mod rms_norm;
pub mod swiglu;
#[cfg(all(test, feature = "cpu"))]
mod tests;

pub use ada_layer_norm::ada_layer_norm;
pub use attention::attention;
pub use gelu_tanh::gelu_tanh;
pub use group_norm_silu::group_norm_silu;
pub use kernels::Kernels;
pub use norm_rope::norm_rope;
pub use rms_norm::rms_norm;
pub use swiglu::swiglu;
