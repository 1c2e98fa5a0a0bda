//! Mean and variance of groups from those of their parts: the second step of a group norm.

use crate::prelude::*;

/// For each group `near`, `rest` and `1 / sqrt(variance + eps)`, the mean being `near + rest`: two numbers, so that its rounding
/// does not matter where it is large and the variance small.
///
/// # Shapes
/// - moments: `[batch, groups, parts, 3]`, as [`crate::group_moments`] makes them
/// - output: `[batch, groups, 3]`
pub fn merge_moments(moments: Tensor<4>, eps: f64) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::merge_moments(moments.into_dispatch(), eps))
}

kernel! {
    trait MergeMoments in merge_moments {
        fn merge_moments(moments: FloatTensor<Self>, eps: f64) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&moments]);
    gpu if gpu::are_f32(&[&moments]);
}

fn reference<B: Backend>(moments: FloatTensor<B>, eps: f64) -> FloatTensor<B> {
    let [batch, groups, parts, _] = moments.shape().dims();
    let all = Slice::new(0, None, 1);
    let column = |place: isize| {
        let column = B::float_slice(moments.clone(), &[all, all, all, Slice::new(place, Some(place + 1), 1)]);
        B::float_reshape(column, Shape::from([batch, groups, parts]))
    };
    let (numbers, means, squares) = (column(0), column(1), column(2));
    let count = B::float_sum_dim(numbers.clone(), 2);
    let mean = |x: FloatTensor<B>| B::float_div(B::float_sum_dim(x, 2), count.clone());
    let near = mean(B::float_mul(numbers.clone(), means.clone()));
    let centred = B::float_sub(means, near.clone());
    let weighted = B::float_mul(numbers, centred.clone());
    let rest = mean(weighted.clone());
    let squares = mean(B::float_add(squares, B::float_mul(weighted, centred)));
    let variance = B::float_sub(squares, B::float_mul(rest.clone(), rest.clone()));
    // NaN where the squares have overflowed, which a factor of zero would hide.
    let nothing = B::float_mul_scalar(variance.clone(), 0.0.into());
    let root = B::float_sqrt(B::float_add_scalar(variance, eps.into()));
    B::float_cat(vec![near, rest, B::float_add(B::float_recip(root), nothing)], 2)
}

#[cfg(feature = "gpu")]
pub(crate) fn launch(moments: CubeTensor, eps: f64) -> CubeTensor {
    use crate::wgsl::merge_moments::{SOURCE, Sizes};
    let moments = into_contiguous(moments);
    let [batch, groups, parts, _] = moments.shape().dims();
    let output = empty(&moments, [batch, groups, 3]);
    let sizes = Sizes { rows: batch * groups, parts, eps: eps as f32 };
    let kernel = Kernel::new(&SOURCE).with_operations(gpu::of_numbers(moments.shape().num_elements()));
    kernel.launch(batch * groups, &[&moments], &output, sizes);
    output
}
