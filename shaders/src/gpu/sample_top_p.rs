//! Launch of `sample_top_p.wgsl`.

use burn::backend::{DType, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

use super::{Wgsl, into_contiguous};
use crate::Draw;

pub(super) fn sample_top_p(logits: CubeTensor, draw: Draw) -> CubeTensor {
    let vocab = logits.shape().num_elements();
    let allowed = draw.allowed.min(vocab);
    let logits = into_contiguous(logits);
    let (client, device) = (logits.client.clone(), logits.device.clone());
    let output = empty_device_contiguous_dtype(client, device, Shape::from([1]), DType::I32);
    let counts = [vocab, allowed, draw.top_k.unwrap_or(allowed)].map(|count| count as u32);
    let numbers = [draw.temperature, draw.divisor(), draw.top_p, draw.uniform()].map(f32::to_bits);
    let kernel = Wgsl::by_rows("sample_top_p", include_str!("../../wgsl/sample_top_p.wgsl"), Wgsl::ROW);
    // Where rounding decides, all devices draw the same.
    let kernel = Wgsl { ordered: true, sum: "vec4<f32>", ..kernel };
    kernel.launch_bits(1, &[&logits], &output, counts.into_iter().chain(numbers).collect());
    output
}
