//! The hot operations of GLM-Image. Each is one function on burn tensors with one file here: what it computes, in burn's own
//! operations, and who runs something faster. `kernel!` in `kernel.rs` says how that is declared.

mod ada_layer_norm;
mod attention;
pub mod check;
mod conv2d_3x3;
#[cfg(feature = "cpu")]
mod cpu;
mod embedding;
mod features;
mod gated_norm;
mod gelu_tanh;
#[cfg(feature = "gpu")]
pub mod gpu;
mod group_moments;
mod group_norm_silu;
#[cfg(not(target_family = "wasm"))] // For those who can wait for a device.
pub mod hot;
mod kernel;
mod merge_moments;
mod mul_mat;
mod multiply_add;
mod norm_rope;
mod normalise_silu;
mod packed;
mod prelude;
mod residual_norm;
mod rms_norm;
mod rope_append;
mod sample_top_p;
mod swiglu;
mod to_f16;
mod to_f32;
#[cfg(any(feature = "cpu", feature = "gpu"))]
#[allow(dead_code)] // Of what the kernels say, a build uses what it needs.
mod wgsl;

pub use ada_layer_norm::ada_layer_norm;
pub use attention::{attention, attention_over_cache};
pub use conv2d_3x3::conv2d_3x3;
pub use embedding::embedding;
pub use features::{Cooperative, Features, Limits, Tally, Variant, Variants};
pub use gated_norm::{Gated, gated_norm};
pub use gelu_tanh::gelu_tanh;
pub use group_moments::group_moments;
pub use group_norm_silu::group_norm_silu;
pub use kernel::with_references;
pub use merge_moments::merge_moments;
pub use mul_mat::{RowPrecision, mul_mat};
pub use multiply_add::multiply_add;
pub use norm_rope::norm_rope;
pub use normalise_silu::normalise_silu;
pub use packed::PackedRef;
pub use residual_norm::residual_norm;
pub use rms_norm::rms_norm;
pub use rope_append::{KeyValueCache, rope_append};
pub use sample_top_p::{Draw, sample_top_p};
pub use swiglu::swiglu;
pub use to_f16::{Halves, to_f16};
pub use to_f32::to_f32;
