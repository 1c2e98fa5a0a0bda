//! Twin of [`crate::merge_moments()`].

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{tensor, values};

pub fn twin(moments: FlexTensor, eps: f64) -> FlexTensor {
    let [batch, groups, parts, _] = moments.shape().dims();
    let moments = moments.to_contiguous();
    let (all, _) = values(&moments).as_chunks::<3>();
    let merged = all.chunks_exact(parts.max(1)).flat_map(|parts| merge(parts, eps)).collect();
    tensor(merged, [batch, groups, 3])
}

/// So few that f64 costs nothing.
pub(super) fn merge(parts: &[[f32; 3]], eps: f64) -> [f32; 3] {
    let parts = || parts.iter().map(|part| part.map(f64::from));
    let count: f64 = parts().map(|[count, ..]| count).sum();
    let mean = parts().map(|[count, mean, _]| count * mean).sum::<f64>() / count;
    let squares: f64 =
        parts().map(|[count, of_part, squares]| squares + count * (of_part - mean).powi(2)).sum();
    let near = mean as f32;
    // NaN where a sum of squares has overflowed: a factor of zero would hide it.
    let variance = squares / count;
    let factor = 1.0 / (variance + eps).sqrt() + variance * 0.0;
    [near, (mean - f64::from(near)) as f32, factor as f32]
}
