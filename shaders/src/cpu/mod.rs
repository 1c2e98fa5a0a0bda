//! The plain Rust twins, for the CPU device and as the oracle of the WGSL kernels.
//!
//! Loops are written so that the compiler turns them into vector instructions; `pulp` picks the widest the processor has
//! when the program runs.

mod ada_layer_norm;
mod attention;
mod conv2d_3x3;
mod embedding;
mod gelu_tanh;
mod group_norm_silu;
mod math;
mod matrix;
mod mul_mat;
mod norm_rope;
mod packed;
mod residual_norm;
mod rms_norm;
mod rope_append;
mod sample_top_p;
mod swiglu;

use std::ops::Range;

use atelier_weights::Scheme;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{DType, Flex, get_or_init_device_settings};
use burn_flex::{FlexDevice, FlexTensor};
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{Draw, Kernels};

impl Kernels for Flex {
    fn grouped_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        context: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        // The twin reads f32.
        let [k, v] =
            [k, v].map(|x| crate::half::widened::<Self>(crate::attention::first::<Self>(x, context)));
        if are_f32(&[&q, &k, &v]) {
            attention::attention(&q, &k, &v, causal)
        } else {
            crate::attention::reference::<Self>(q, k, v, context, causal)
        }
    }

    fn ada_layer_norm(
        x: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        if are_f32(&[&x, &shift, &scale]) {
            ada_layer_norm::ada_layer_norm(x, &shift, &scale, eps as f32)
        } else {
            crate::ada_layer_norm::reference::<Self>(x, shift, scale, eps)
        }
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        if are_f32(&[&x, &weight]) {
            rms_norm::rms_norm(x, &weight, eps as f32)
        } else {
            crate::rms_norm::reference::<Self>(x, weight, eps)
        }
    }

    fn norm_rope(
        x: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        first: usize,
        eps: Option<f64>,
    ) -> FloatTensor<Self> {
        if are_f32(&[&x, &cos, &sin]) {
            norm_rope::norm_rope(&x, &cos, &sin, first, eps.map(|eps| eps as f32))
        } else {
            crate::norm_rope::reference::<Self>(x, cos, sin, first, eps)
        }
    }

    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if are_f32(&[&x]) { gelu_tanh::gelu_tanh(x) } else { crate::gelu_tanh::reference::<Self>(x) }
    }

    fn swiglu(gate_up: FloatTensor<Self>) -> FloatTensor<Self> {
        if are_f32(&[&gate_up]) {
            swiglu::swiglu(&gate_up)
        } else {
            crate::swiglu::reference::<Self>(gate_up)
        }
    }

    fn residual_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: [f64; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if are_f32(&[&x, &y, &post, &next]) {
            residual_norm::residual_norm(x, &y, &post, &next, eps.map(|eps| eps as f32))
        } else {
            crate::residual_norm::reference::<Self>(x, y, post, next, eps)
        }
    }

    fn rope_append(
        qkv: FloatTensor<Self>,
        cos: FloatTensor<Self>,
        sin: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        at: usize,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if are_f32(&[&qkv, &cos, &sin, &keys, &values]) && keys.is_contiguous() && values.is_contiguous() {
            rope_append::rope_append(&qkv, &cos, &sin, keys, values, at)
        } else {
            crate::rope_append::reference::<Self>(qkv, cos, sin, keys, values, at)
        }
    }

    fn mul_mat(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        scheme: Scheme,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if are_f32(&[&x, &bias]) && are_words(&[&codes, &scales]) {
            mul_mat::mul_mat(x, &packed::Matrix::of(codes, scales, scheme), &bias)
        } else {
            crate::mul_mat::reference::<Self>(x, codes, scales, scheme, bias)
        }
    }

    fn embedding_rows(
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        scheme: Scheme,
        ids: IntTensor<Self>,
        first: usize,
    ) -> FloatTensor<Self> {
        let numbers = ids.clone().into_data().convert::<i64>();
        match numbers.as_slice::<i64>() {
            Ok(ids) if are_words(&[&codes, &scales]) => {
                embedding::embedding(&packed::Matrix::of(codes, scales, scheme), ids, first)
            }
            _ => crate::embedding::reference::<Self>(codes, scales, scheme, ids, first),
        }
    }

    fn group_norm_silu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
    ) -> FloatTensor<Self> {
        if are_f32(&[&x, &weight, &bias]) {
            group_norm_silu::group_norm_silu(x, &weight, &bias, groups, eps as f32)
        } else {
            crate::group_norm_silu::reference::<Self>(x, weight, bias, groups, eps)
        }
    }

    fn conv2d_3x3(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        doubled: bool,
    ) -> FloatTensor<Self> {
        if are_f32(&[&x, &weight, &bias]) {
            conv2d_3x3::conv2d_3x3(&x, &weight, &bias, doubled)
        } else {
            crate::conv2d_3x3::reference::<Self>(x, weight, bias, doubled)
        }
    }

    fn sample_top_p(logits: FloatTensor<Self>, draw: Draw) -> IntTensor<Self> {
        if are_f32(&[&logits]) {
            sample_top_p::sample_top_p(&logits, draw)
        } else {
            crate::sample_top_p::reference::<Self>(logits, draw)
        }
    }
}

/// Other precisions take the reference's way: on a processor they save memory, not time.
fn are_f32(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

fn are_words(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::I32)
}

/// Numbers that a task should at least have: below, handing it out costs more than it saves.
const GRAIN: usize = 1 << 14;

/// Changes a row of a tensor. Implementations are `#[inline(always)]`: only what is inlined becomes wide vector
/// instructions, and a closure is not where it is called for each kind of processor.
trait ChangeRow: Sync {
    fn change(&self, row: usize, x: &mut [f32]);
}

/// Consecutive rows, as a task for `pulp`.
struct Rows<'a, C> {
    change: &'a C,
    first: usize,
    width: usize,
    values: &'a mut [f32],
}

impl<C: ChangeRow> NullaryFnOnce for Rows<'_, C> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (row, x) in (self.first..).zip(self.values.chunks_exact_mut(self.width)) {
            self.change.change(row, x);
        }
    }
}

/// Changes every row of `values`, on all threads.
fn change_rows(values: &mut [f32], width: usize, change: &impl ChangeRow) {
    // Nothing to hand out where rows are empty.
    let Some(rows) = GRAIN.checked_div(width) else { return };
    let rows = rows.max(1);
    values.par_chunks_mut(rows * width).enumerate().for_each(|(chunk, values)| {
        pulp::Arch::new().dispatch(Rows { change, first: chunk * rows, width, values });
    });
}

/// The same for a tensor, in place where nobody else holds it.
fn map_rows(x: FlexTensor, width: usize, change: &impl ChangeRow) -> FlexTensor {
    let mut x = if x.is_contiguous() { x } else { x.to_contiguous() };
    let range = values_range(&x);
    change_rows(&mut x.storage_mut::<f32>()[range], width, change);
    x
}

/// Where a contiguous tensor's values lie in its storage.
fn values_range(x: &FlexTensor) -> Range<usize> {
    let start = x.layout().start_offset();
    start..start + x.layout().num_elements()
}

/// The values of a contiguous tensor.
fn values(x: &FlexTensor) -> &[f32] {
    &x.storage::<f32>()[values_range(x)]
}

/// A new tensor.
fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> FlexTensor {
    FlexTensor::from_data(burn::tensor::TensorData::new(values, shape))
}

/// A tensor of one id.
fn tensor_of_id(id: usize) -> FlexTensor {
    let settings = get_or_init_device_settings::<Flex>(&FlexDevice);
    let data = burn::tensor::TensorData::new(vec![id as i64], [1]);
    FlexTensor::from_data(data.convert_dtype(settings.int_dtype.into()))
}
