//! Moments of a map's groups of channels, part by part: the first step of a group norm.

use crate::prelude::*;

/// Numbers of a part. Parts of many maps are summed up together, so all who compute them must cut alike.
#[cfg(any(feature = "cpu", feature = "gpu"))]
pub(crate) const PART: usize = crate::wgsl::group_moments::PART;
#[cfg(not(any(feature = "cpu", feature = "gpu")))]
const PART: usize = 4096;

/// Of each part of each group how many numbers it has, their mean, and the sum of the squares of what they are off it. Those of
/// several bands of a map, after each other, are those of the map: [`crate::merge_moments`].
///
/// # Shapes
/// - x: `[batch, channels, height, width]`, `channels` a multiple of `groups`
/// - output: `[batch, groups, parts, 3]`, a part for every 4096 numbers of a group and one for what is left
pub fn group_moments(x: Tensor<4>, groups: usize) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::group_moments(x.into_dispatch(), groups))
}

kernel! {
    trait GroupMoments in group_moments {
        fn group_moments(x: FloatTensor<Self>, groups: usize) -> FloatTensor<Self>;
    }
    cpu if cpu::are_f32(&[&x]);
    gpu if gpu::are_f32(&[&x]);
}

fn reference<B: Backend>(x: FloatTensor<B>, groups: usize) -> FloatTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let count = channels / groups.max(1) * height * width;
    let x = B::float_reshape(x, Shape::from([batch, groups, count]));
    let all = Slice::new(0, None, 1);
    let part = |from: usize| {
        let to = (from + PART).min(count);
        let x = B::float_slice(x.clone(), &[all, all, Slice::new(from as isize, Some(to as isize), 1)]);
        let mean = B::float_mean_dim(x.clone(), 2);
        let centred = B::float_sub(x, mean.clone());
        let squares = B::float_sum_dim(B::float_mul(centred.clone(), centred), 2);
        let numbers = B::float_add_scalar(B::float_mul_scalar(mean.clone(), 0.0.into()), (to - from).into());
        B::float_reshape(B::float_cat(vec![numbers, mean, squares], 2), Shape::from([batch, groups, 1, 3]))
    };
    B::float_cat((0..count).step_by(PART).map(part).collect(), 2)
}

#[cfg(feature = "gpu")]
pub(crate) fn launch(x: CubeTensor, groups: usize) -> CubeTensor {
    use crate::wgsl::group_moments::{SOURCE, Sizes};
    let [batch, channels, height, width] = x.shape().dims();
    let (x, [picture_stride, channel_stride]) = gpu::of_channels(x);
    let (rows, each, pixels) = (batch * groups, channels / groups.max(1), height * width);
    let parts = (each * pixels).div_ceil(PART);
    let output = empty(&x, [batch, groups, parts, 3]);
    let sizes = Sizes { rows, groups, each, pixels, parts, picture_stride, channel_stride };
    let kernel = Kernel::new(&SOURCE).with_operations(gpu::of_numbers(x.shape().num_elements()));
    kernel.launch(rows * parts, &[&x], &output, sizes);
    output
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use super::PART;
    use crate::wgsl::group_moments::WORKGROUP;

    /// A GPU has thousands of invocations at a time, and a map of millions of numbers has 32 groups.
    #[test]
    fn moments_of_all_maps_of_the_decoder_are_taken_by_many() {
        // Channels and side of the smallest and of the largest pictures, and rows of a band.
        for (channels, side, rows) in [
            (1024, 4, 4),
            (512, 32, 32),
            (1024, 128, 128),
            (512, 512, 128),
            (128, 1024, 252),
            (512, 2048, 28),
        ] {
            let of_group: usize = channels / 32 * side * rows;
            let invocations = 32 * of_group.div_ceil(PART) * WORKGROUP;
            assert!(invocations >= 1024, "{channels}x{rows}x{side}: {invocations}");
            // Each takes a few numbers, however many there are.
            assert!(of_group.div_ceil(PART) * WORKGROUP * 16 >= of_group, "{channels}x{rows}x{side}");
        }
    }
}
