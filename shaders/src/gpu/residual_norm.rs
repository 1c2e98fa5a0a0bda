//! Launch of `residual_norm.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous, rows};

pub(super) fn residual_norm(
    x: CubeTensor,
    y: CubeTensor,
    post: CubeTensor,
    next: CubeTensor,
    eps: [f32; 2],
) -> (CubeTensor, CubeTensor) {
    let [x, y, post, next] = [x, y, post, next].map(into_contiguous);
    let width = post.shape().num_elements();
    let rows = rows(&x, width);
    let (h, normal) = (empty(&x, x.shape()), empty(&x, x.shape()));
    let kernel = Wgsl::by_rows_of(width, "residual_norm", include_str!("../../wgsl/residual_norm.wgsl"));
    let sizes = vec![rows as u32, width as u32, eps[0].to_bits(), eps[1].to_bits()];
    kernel.launch_bits(rows, &[&x, &y, &post, &next, &h], &normal, sizes);
    (h, normal)
}
