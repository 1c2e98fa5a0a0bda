//! Launch of `norm_rope.wgsl`.

use burn::backend::TensorMetadata;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, into_contiguous, strides};

pub(super) fn norm_rope(
    x: &CubeTensor,
    cos: CubeTensor,
    sin: CubeTensor,
    first: usize,
    eps: Option<f32>,
) -> CubeTensor {
    let [batch, heads, seq, head_dim] = x.shape().dims();
    let [angle_batch, _, turning, rotary_dim] = cos.shape().dims();
    let (cos, sin) = (into_contiguous(cos), into_contiguous(sin));
    let rows = batch * heads * seq;
    let [per_picture, per_head, per_token, per_channel] = strides(x);
    let sizes = [
        rows,
        heads,
        seq,
        head_dim,
        per_picture,
        per_head,
        per_token,
        per_channel,
        angle_batch,
        turning,
        rotary_dim,
        first,
    ];
    let output = empty(x, x.shape());
    let kernel = Wgsl::by_rows("norm_rope", include_str!("../../wgsl/norm_rope.wgsl"), Wgsl::HEAD);
    kernel.launch_eps(rows, &[x, &cos, &sin], &output, &sizes, eps.unwrap_or(-1.0));
    output
}
