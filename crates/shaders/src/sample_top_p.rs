//! The choice of a token from logits.

use crate::prelude::*;

/// How a token is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Ids from here on are not drawn; at least 1.
    pub allowed: usize,
    /// Divides the logits, at least 0; 0 takes the first of the largest.
    pub temperature: f32,
    /// Keeps the shortest list of ids, by falling logit, whose share of the mass reaches this; in (0, 1]. Of equal logits the
    /// lower ids come first.
    pub top_p: f32,
    /// Before that, keeps this many of the largest logits and those equal to the last one; at least 1.
    pub top_k: Option<usize>,
    /// In [0, 1): where in the mass of what is kept, in the order of ids, the token lies.
    pub uniform: f64,
}

impl Draw {
    /// Rounded to f32 without reaching 1.
    pub(crate) fn uniform(&self) -> f32 {
        (self.uniform as f32).min(1.0 - f32::EPSILON / 2.0)
    }

    /// The temperature, large enough to divide by where tiny numbers count as zero.
    pub(crate) fn divisor(&self) -> f32 {
        self.temperature.max(f32::MIN_POSITIVE)
    }
}

/// Draws a token: softmax of the logits over the temperature, of which top-k and then top-p keep part.
///
/// In f32, so that it differs from a computation in f64 where `uniform` or the border of what is kept lies within rounding.
///
/// # Shapes
/// - logits: `[vocab]`
/// - output: `[1]`, an id below [`Draw::allowed`]; `vocab` if an allowed logit is NaN or +∞, or none is finite
pub fn sample_top_p(logits: Tensor<1>, draw: Draw) -> Tensor<1, Int> {
    Tensor::from_dispatch(Dispatch::sample_top_p(logits.into_dispatch(), draw))
}

kernel! {
    trait SampleTopP in sample_top_p {
        fn sample_top_p(logits: FloatTensor<Self>, draw: Draw) -> IntTensor<Self>;
    }
    cpu if cpu::are_f32(&[&logits]);
    gpu if gpu::are_f32(&[&logits]);
}

fn reference<B: Backend>(logits: FloatTensor<B>, draw: Draw) -> IntTensor<B> {
    let settings = get_or_init_device_settings::<B>(&logits.device());
    let (int, bool) = (settings.int_dtype, settings.bool_dtype);
    let vocab = logits.shape().num_elements();
    let logits = B::float_slice(logits, &[range(0, draw.allowed.min(vocab))]);
    let most = B::float_max(logits.clone());

    let drawn = if draw.temperature == 0.0 {
        B::float_argmax(logits.clone(), 0, int)
    } else {
        let (falling, ids) = B::float_sort_with_indices(logits.clone(), 0, true, int);
        let distance = B::float_sub(falling.clone(), most.clone());
        let mut weights = B::float_exp(B::float_div_scalar(distance, draw.divisor().into()));
        if let Some(last) = draw.top_k.filter(|&count| count < draw.allowed.min(vocab)) {
            let last = B::float_slice(falling.clone(), &[range(last.max(1) - 1, last.max(1))]);
            let less = B::float_lower(falling, last, bool);
            weights = B::float_mask_fill(weights, less, 0.0.into());
        }
        if draw.top_p < 1.0 {
            let before = B::float_sub(B::float_cumsum(weights.clone(), 0), weights.clone());
            let enough = B::float_mul_scalar(B::float_sum(weights.clone()), draw.top_p.into());
            let beyond = B::float_greater_equal(before, enough, bool);
            weights = B::float_mask_fill(weights, beyond, 0.0.into());
        }
        // Back in the order of ids.
        let weights = B::float_gather(0, weights, B::int_argsort(ids, 0, false));
        let mass = B::float_cumsum(weights, 0);
        let target = B::float_mul_scalar(B::float_max(mass.clone()), draw.uniform().into());
        let passed = B::bool_into_int(B::float_lower_equal(mass, target, bool), int);
        B::int_sum(passed)
    };

    // NaN and +∞ are not below +∞.
    let good = B::bool_all(B::float_lower_elem(logits, f32::INFINITY.into(), bool));
    let good = B::bool_and(good, B::float_greater_elem(most, f32::NEG_INFINITY.into(), bool));
    B::int_mask_fill(drawn, B::bool_not(good), (vocab as i64).into())
}

fn range(start: usize, end: usize) -> Slice {
    Slice::new(start as isize, Some(end as isize), 1)
}

#[cfg(feature = "gpu")]
fn launch(logits: CubeTensor, draw: Draw) -> CubeTensor {
    use crate::wgsl::sample_top_p::{SOURCE, Sizes};
    let vocab = logits.shape().num_elements();
    let allowed = draw.allowed.min(vocab);
    let logits = into_contiguous(logits);
    let output = empty_of(&logits, [1], DType::I32);
    let sizes = Sizes {
        vocab,
        allowed,
        top_k: draw.top_k.unwrap_or(allowed),
        temperature: draw.temperature,
        divisor: draw.divisor(),
        top_p: draw.top_p,
        uniform_number: draw.uniform(),
    };
    Kernel::new(&SOURCE).launch(1, &[&logits], &output, sizes);
    output
}
