//! Every kernel by three witnesses, on random shapes with ragged edges: its reference, its plain Rust twin, and its WGSL on
//! the software Vulkan adapter, as it is opened and with what every device has.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod witnesses;

mod ada_layer_norm;
mod attention;
mod conv2d_3x3;
mod devices;
mod embedding;
mod gated_norm;
mod gelu_tanh;
mod group_norm_silu;
mod hard_numbers;
mod mul_mat;
mod multiply_add;
mod norm_rope;
mod pace;
mod packed;
mod residual_norm;
mod rms_norm;
mod rope_append;
mod sample_top_p;
mod swiglu;
mod to_f16;
