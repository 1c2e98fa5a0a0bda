//! Launch of `attention.wgsl`.

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, empty, strides};

/// As in the kernel: rows of a workgroup, and the widest heads.
const TILE: usize = 16;
const MAX_DIM: usize = 128;

/// Whether the heads are narrow enough.
pub(super) fn fits(q: &CubeTensor) -> bool {
    let [_, _, _, head_dim] = q.shape().dims();
    head_dim <= MAX_DIM
}

pub(super) fn attention(q: &CubeTensor, k: &CubeTensor, v: &CubeTensor, causal: bool) -> CubeTensor {
    let [batch, heads, seq, head_dim] = q.shape().dims();
    let [_, key_value_heads, context, _] = k.shape().dims();
    let mut sizes = vec![batch, heads, key_value_heads, seq, context, head_dim, usize::from(causal)];
    sizes.extend([q, k, v].into_iter().flat_map(strides));
    let blocks = (heads / key_value_heads.max(1) * seq).div_ceil(TILE);
    // Tokens before heads, as the projection that follows wants them.
    let output = empty(q, Shape::from([batch, seq, heads, head_dim]));
    let kernel = Wgsl::by_rows("attention", include_str!("../../wgsl/attention.wgsl"), Wgsl::ROW);
    kernel.launch(batch * key_value_heads * blocks, &[q, k, v], &output, &sizes);
    CubeBackend::float_swap_dims(output, 1, 2)
}
