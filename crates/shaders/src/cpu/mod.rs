//! The plain Rust twins, for the CPU device and as the oracle of the WGSL kernels.
//!
//! Loops are written so that the compiler turns them into vector instructions; `pulp` picks the widest the processor has
//! when the program runs.

pub mod ada_layer_norm;
pub mod attention;
mod block_dot;
pub mod conv2d_3x3;
pub mod embedding;
pub mod gated_norm;
pub mod gelu_tanh;
pub mod group_moments;
pub mod group_norm_silu;
mod math;
mod matrix;
pub mod merge_moments;
pub mod mul_mat;
pub mod multiply_add;
pub mod norm_rope;
pub mod normalise_silu;
mod packed;
pub mod residual_norm;
pub mod rms_norm;
pub mod rope_append;
mod rounded_dot;
pub mod sample_top_p;
pub mod swiglu;

use std::ops::Range;

use burn::backend::{DType, Flex, get_or_init_device_settings};
use burn_flex::{FlexDevice, FlexTensor};
use pulp::NullaryFnOnce;
use rayon::prelude::*;

/// Other precisions take the reference's way: on a processor they save memory, not time.
pub(crate) fn are_f32(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

/// Those that a cache may hold.
pub(crate) fn are_floats(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| matches!(tensor.dtype(), DType::F32 | DType::F16))
}

pub(crate) fn are_words(tensors: &[&FlexTensor]) -> bool {
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
