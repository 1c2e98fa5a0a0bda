//! The WGSL kernels, through burn's custom kernels, on the same buffers. They ask for nothing beyond WebGPU's default
//! limits, and use what [`enable`] says a device has besides.

mod ada_layer_norm;
mod attention;
mod conv2d_3x3;
mod features;
mod gelu_tanh;
mod group_norm_silu;
mod half;
mod norm_rope;
mod packed;
mod residual_norm;
mod rms_norm;
mod rope_append;
mod sample_top_p;
mod swiglu;
#[cfg(test)]
mod tests;
mod wgsl;

use atelier_weights::Scheme;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{DType, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::cubecl::ExecutionMode;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim, KernelId};
use burn_cubecl::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::template::{KernelSource, SourceKernel, SourceTemplate};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, CubeDevice};

pub use features::{Cooperative, Features, enable, enabled};
use wgsl::Wgsl;

use crate::{Draw, Kernels};

impl Kernels for CubeBackend {
    fn grouped_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        context: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        let output = if runs(&[&q]) && caches(&k, &v) {
            attention::attention(&q, &k, &v, context, causal)
        } else {
            None
        };
        output.unwrap_or_else(|| crate::attention::reference::<Self>(q, k, v, context, causal))
    }

    fn ada_layer_norm(
        x: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        if runs(&[&x, &shift, &scale]) {
            ada_layer_norm::ada_layer_norm(x, shift, scale, eps as f32)
        } else {
            crate::ada_layer_norm::reference::<Self>(x, shift, scale, eps)
        }
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        if runs(&[&x, &weight]) {
            rms_norm::rms_norm(x, weight, eps as f32)
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
        if runs(&[&x, &cos, &sin]) {
            norm_rope::norm_rope(&x, cos, sin, first, eps.map(|eps| eps as f32))
        } else {
            crate::norm_rope::reference::<Self>(x, cos, sin, first, eps)
        }
    }

    fn gelu_tanh(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if runs(&[&x]) { gelu_tanh::gelu_tanh(x) } else { crate::gelu_tanh::reference::<Self>(x) }
    }

    fn swiglu(gate_up: FloatTensor<Self>) -> FloatTensor<Self> {
        if runs(&[&gate_up]) { swiglu::swiglu(gate_up) } else { crate::swiglu::reference::<Self>(gate_up) }
    }

    fn residual_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: [f64; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if runs(&[&x, &y, &post, &next]) {
            residual_norm::residual_norm(x, y, post, next, eps.map(|eps| eps as f32))
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
        if runs(&[&qkv, &cos, &sin]) && caches(&keys, &values) && rope_append::fits(&keys, &values) {
            rope_append::rope_append(qkv, cos, sin, keys, values, at)
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
        let [_, columns] = x.shape().dims();
        if runs(&[&x, &bias]) && packed::reads(&[&codes, &scales], scheme, columns) {
            packed::mul_mat(x, codes, scales, scheme, bias)
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
        let [_, words] = codes.shape().dims();
        let wgsl = matches!(codes.device, CubeDevice::Wgpu(_));
        if wgsl && packed::reads(&[&codes, &scales, &ids], scheme, words * scheme.codes_per_word()) {
            packed::embedding(codes, scales, scheme, ids, first)
        } else {
            crate::embedding::reference::<Self>(codes, scales, scheme, ids, first)
        }
    }

    fn group_norm_silu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        eps: f64,
    ) -> FloatTensor<Self> {
        if runs(&[&x, &weight, &bias]) {
            group_norm_silu::group_norm_silu(x, weight, bias, groups, eps as f32)
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
        if runs(&[&x, &weight, &bias]) {
            conv2d_3x3::conv2d_3x3(&x, weight, bias, doubled)
        } else {
            crate::conv2d_3x3::reference::<Self>(x, weight, bias, doubled)
        }
    }

    fn to_f16(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if runs(&[&x]) && half::fits(&x) { half::to_f16(x) } else { crate::half::to_f16_reference::<Self>(x) }
    }

    fn to_f32(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let halves = x.dtype == DType::F16 && matches!(x.device, CubeDevice::Wgpu(_));
        if halves && half::fits(&x) && x.is_contiguous() {
            half::to_f32(x)
        } else {
            crate::half::to_f32_reference::<Self>(x)
        }
    }

    fn sample_top_p(logits: FloatTensor<Self>, draw: Draw) -> IntTensor<Self> {
        if runs(&[&logits]) {
            sample_top_p::sample_top_p(logits, draw)
        } else {
            crate::sample_top_p::reference::<Self>(logits, draw)
        }
    }
}

/// Whether the kernels can read these: f32, on a device that speaks WGSL.
fn runs(tensors: &[&CubeTensor]) -> bool {
    tensors.iter().all(|x| x.dtype == DType::F32 && matches!(x.device, CubeDevice::Wgpu(_)))
}

/// Whether the kernels can read these: f32, or f16 whose numbers lie in pairs.
fn caches(keys: &CubeTensor, values: &CubeTensor) -> bool {
    let pairs = |x: &CubeTensor| {
        let [_, _, _, head_dim] = x.shape().dims();
        head_dim % 2 == 0 && strides(x)[3] == 1
    };
    match (keys.dtype, values.dtype) {
        (DType::F32, DType::F32) => true,
        (DType::F16, DType::F16) => pairs(keys) && pairs(values),
        _ => false,
    }
}

/// The most workgroups along one dimension of a dispatch, by WebGPU's default limits.
const MAX_WORKGROUPS: usize = 65_535;

impl Wgsl {
    /// Runs it over `inputs`, `output` and `sizes`, which are bound in this order: so many workgroups, or so many items for a
    /// kernel with teams.
    fn launch(self, workgroups: usize, inputs: &[&CubeTensor], output: &CubeTensor, sizes: &[usize]) {
        self.launch_bits(workgroups, inputs, output, sizes.iter().map(|&size| size as u32).collect());
    }

    /// The same with an `eps` after the sizes.
    fn launch_eps(
        self,
        workgroups: usize,
        inputs: &[&CubeTensor],
        output: &CubeTensor,
        sizes: &[usize],
        eps: f32,
    ) {
        let sizes = sizes.iter().map(|&size| size as u32).chain([eps.to_bits()]).collect();
        self.launch_bits(workgroups, inputs, output, sizes);
    }

    fn launch_bits(self, workgroups: usize, inputs: &[&CubeTensor], output: &CubeTensor, sizes: Vec<u32>) {
        if workgroups == 0 {
            return;
        }
        let kernel = self.with(features::of(output));
        let workgroups = workgroups.div_ceil(kernel.items() as usize);
        let client = output.client.clone();
        // Not a buffer of ours: a write to one would send off everything before it, one kernel at a time.
        let pairs = sizes.chunks(2).map(|pair| {
            let [low, high] = [pair.first(), pair.get(1)].map(|size| u64::from(size.copied().unwrap_or(0)));
            low | high << 32
        });
        let sizes = MetadataBindingInfo::custom(pairs.collect());
        let buffers = inputs.iter().chain([&output]).map(|tensor| tensor.handle.clone().binding()).collect();
        let rows = workgroups.div_ceil(MAX_WORKGROUPS);
        let count = CubeCount::Static(workgroups.div_ceil(rows) as u32, rows as u32, 1);
        let kernel = SourceKernel::new(kernel, CubeDim::new_single());
        client.launch(Box::new(kernel), count, KernelArguments::new().with_buffers(buffers).with_info(sizes));
    }
}

impl KernelSource for Wgsl {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.text(cfg!(target_family = "wasm")))
    }

    fn id(&self) -> KernelId {
        // Every loop of ours ends. Otherwise each would be made to count its own steps, and drivers would not unroll it.
        let info = (self.name, self.workgroup, self.variant);
        KernelId::new::<Self>().info(info).mode(ExecutionMode::Unchecked)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Room for a result beside `like`.
fn empty(like: &CubeTensor, shape: Shape) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, like.dtype)
}

/// Steps between neighbours of each dimension, in numbers.
fn strides(x: &CubeTensor) -> [usize; 4] {
    let mut strides = [0; 4];
    for (stride, from) in strides.iter_mut().zip(x.meta.strides().iter()) {
        *stride = *from;
    }
    strides
}

/// How many rows of `width` there are.
fn rows(x: &CubeTensor, width: usize) -> usize {
    x.shape().num_elements().checked_div(width).unwrap_or(0)
}
