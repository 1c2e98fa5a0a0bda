//! The table of operations: what each device runs for each of them.
//!
//! A method's body here is its reference in burn's own operations. The CPU device overrides it with the plain Rust twins
//! of [`crate::cpu`], a GPU with the WGSL kernels, training with derivatives where it pays. Nothing else chooses.

use atelier_weights::Scheme;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};

use crate::{
    Draw, ada_layer_norm, attention, conv2d_3x3, embedding, gelu_tanh, group_norm_silu, half, mul_mat,
    norm_rope, residual_norm, rms_norm, rope_append, sample_top_p, swiglu,
};

/// The operations on a backend's own tensors; the functions of the crate's root say what they are.
#[backend_extension(
    Cube: cfg(feature = "gpu"),
    Flex: cfg(feature = "cpu"),
    LibTorch: cfg(feature = "libtorch"),
    Autodiff: cfg(feature = "autodiff")
)]
pub trait Kernels: Backend {
    /// [`crate::attention()`].
    fn grouped_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        context: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        attention::reference::<Self>(q, k, v, context, causal)
    }

    /// [`crate::ada_layer_norm()`].
    fn ada_layer_norm(
        x: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        ada_layer_norm::reference::<Self>(x, shift, scale, eps)
    }

    /// [`crate::rms_norm()`].
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        rms_norm::reference::<Self>(x, weight, eps)
    }

    /// [`crate::norm_rope()`].
    fn norm_rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        first: usize,
        eps: Option<f64>,
    ) -> FloatTensor<Self> {
        norm_rope::reference::<Self>(x, cos, sin, first, eps)
    }

    /// [`crate::gelu_tanh()`].
    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        gelu_tanh::reference::<Self>(x)
    }

    /// [`crate::swiglu()`].
    fn swiglu(gate_up: FloatTensor<Self>) -> FloatTensor<Self> {
        swiglu::reference::<Self>(gate_up)
    }

    /// [`crate::mul_mat()`].
    fn mul_mat(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        scheme: Scheme,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        mul_mat::reference::<Self>(x, codes, scales, scheme, bias)
    }

    /// [`crate::embedding()`].
    fn embedding_rows(
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        scheme: Scheme,
        ids: IntTensor<Self>,
        first: usize,
    ) -> FloatTensor<Self> {
        embedding::reference::<Self>(codes, scales, scheme, ids, first)
    }

    /// [`crate::residual_norm()`].
    fn residual_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: [f64; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        residual_norm::reference::<Self>(x, y, post, next, eps)
    }

    /// [`crate::rope_append()`].
    fn rope_append(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        at: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        rope_append::reference::<Self>(qkv, cos, sin, keys, values, at)
    }

    /// [`crate::group_norm_silu()`].
    fn group_norm_silu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
    ) -> FloatTensor<Self> {
        group_norm_silu::reference::<Self>(x, weight, bias, groups, eps)
    }

    /// [`crate::conv2d_3x3()`].
    fn conv2d_3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        doubled: bool,
    ) -> FloatTensor<Self> {
        conv2d_3x3::reference::<Self>(x, weight, bias, doubled)
    }

    /// [`crate::to_f16()`].
    fn to_f16(x: FloatTensor<Self>) -> FloatTensor<Self> {
        half::to_f16_reference::<Self>(x)
    }

    /// [`crate::to_f32()`].
    fn to_f32(x: FloatTensor<Self>) -> FloatTensor<Self> {
        half::to_f32_reference::<Self>(x)
    }

    /// [`crate::sample_top_p()`].
    fn sample_top_p(logits: FloatTensor<Self>, draw: Draw) -> IntTensor<Self> {
        sample_top_p::reference::<Self>(logits, draw)
    }
}

#[cfg(feature = "libtorch")]
#[allow(deprecated)] // burn means to drop LibTorch; training here is twice as fast with it.
impl Kernels for burn::backend::LibTorch {
    fn grouped_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        context: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        // LibTorch's own attention is handed burn's masks the wrong way round (burn-tch 0.22.1).
        attention::blockwise::attend::<Self>(q, k, v, context, causal).output
    }
}
