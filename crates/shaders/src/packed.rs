//! Packed weights: what [`crate::mul_mat()`] and [`crate::embedding()`] share.

use atelier_weights::{BLOCK, Scheme};

use crate::prelude::*;

/// A matrix as a pack stores it ([`atelier_weights::Scheme`]), columns a multiple of 32.
#[derive(Debug, Clone, Copy)]
pub struct PackedRef<'a> {
    /// `[rows, words]`.
    pub codes: &'a Tensor<2, Int>,
    /// `[rows, words]`; anything for a scheme without scales.
    pub scales: &'a Tensor<2, Int>,
    /// What the words mean.
    pub scheme: Scheme,
}

impl PackedRef<'_> {
    pub(crate) fn into_dispatch(self) -> Packed<burn::backend::Dispatch> {
        let [codes, scales] = [self.codes, self.scales].map(|words| words.clone().into_dispatch());
        Packed { codes, scales, scheme: self.scheme }
    }
}

/// The same on a backend's own tensors.
#[derive(Debug, Clone, ExtensionType)]
pub(crate) struct Packed<B: Backend> {
    pub codes: IntTensor<B>,
    pub scales: IntTensor<B>,
    pub scheme: Scheme,
}

impl<B: Backend> Packed<B> {
    pub fn columns(&self) -> usize {
        let [_, words] = self.codes.shape().dims();
        words * self.scheme.codes_per_word()
    }
}

#[cfg(feature = "gpu")]
impl Packed<burn_cubecl::CubeBackend> {
    /// Whether there are kernels for it: F32 is never packed.
    pub fn has_kernels(&self) -> bool {
        self.scheme != Scheme::F32
            && self.columns().is_multiple_of(BLOCK)
            && are_words(&self.codes)
            && are_words(&self.scales)
    }
}

#[cfg(feature = "gpu")]
pub(crate) fn are_words(x: &CubeTensor) -> bool {
    matches!(x.dtype, DType::I32 | DType::U32)
}

#[cfg(feature = "gpu")]
impl Kernel {
    /// Reads packed weights of a scheme.
    pub fn with_scheme(self, scheme: Scheme) -> Self {
        self.choose(
            "packed",
            match scheme {
                Scheme::F32 => "f32",
                Scheme::F16 => "f16",
                Scheme::Bf16 => "bf16",
                Scheme::F8 => "f8",
                Scheme::Q8 => "q8",
                Scheme::Q4 => "q4",
                Scheme::Q4Offset => "q4_offset",
            },
        )
    }

    /// Multiplies codes as packed bytes, where the scheme has codes.
    pub fn with_packed_dot(self, scheme: Scheme) -> Self {
        match scheme {
            Scheme::F32 | Scheme::F16 | Scheme::Bf16 | Scheme::F8 => self,
            Scheme::Q8 => self.choose("x_tile", "bytes").choose("packed_dot", "bytes"),
            Scheme::Q4 | Scheme::Q4Offset => self.choose("x_tile", "bytes").choose("packed_dot", "nibbles"),
        }
    }
}

/// The weights that codes and scales stand for.
///
/// # Shapes
/// - codes: `[rows, code_words]`; scales: `[rows, scale_words]`, or anything where the scheme has none
/// - output: `[rows, columns]`
pub(crate) fn unpack<B: Backend>(Packed { codes, scales, scheme }: Packed<B>) -> FloatTensor<B> {
    let [rows, words] = codes.shape().dims();
    let columns = words * scheme.codes_per_word();
    match scheme {
        Scheme::F32 => floats::<B>(codes, [rows, columns], SINGLE),
        Scheme::F16 => floats::<B>(fields::<B>(codes, 2, 16), [rows, columns], HALF),
        Scheme::Bf16 => floats::<B>(fields::<B>(codes, 2, 16), [rows, columns], BRAIN),
        Scheme::F8 => floats::<B>(fields::<B>(codes, 4, 8), [rows, columns], EIGHT),
        Scheme::Q8 | Scheme::Q4 | Scheme::Q4Offset => {
            let blocks = columns / BLOCK;
            let codes = fields::<B>(codes, scheme.codes_per_word(), 32 / scheme.codes_per_word());
            let codes = B::int_reshape(codes, Shape::from([rows, blocks, BLOCK]));
            let [_, scale_words] = scales.shape().dims();
            let halves = floats::<B>(fields::<B>(scales, 2, 16), [rows, 2 * scale_words], HALF);
            let (scale, offset) = match scheme {
                Scheme::Q4Offset => {
                    (part::<B>(&halves, 0, blocks, 2), Some(part::<B>(&halves, 1, blocks, 2)))
                }
                _ => (part::<B>(&halves, 0, blocks, 1), None),
            };
            let codes = match scheme {
                // Two's complement of a byte: 128 to 255 mean -128 to -1.
                Scheme::Q8 => {
                    let sign = B::bitwise_right_shift_scalar(codes.clone(), 7.into());
                    B::int_sub(codes, B::int_mul_scalar(sign, 256.into()))
                }
                Scheme::Q4 => B::int_sub_scalar(codes, 8.into()),
                _ => codes,
            };
            let weights = B::float_mul(B::int_into_float(codes, FloatDType::F32), scale);
            let weights = match offset {
                Some(offset) => B::float_add(weights, offset),
                None => weights,
            };
            B::float_reshape(weights, Shape::from([rows, columns]))
        }
    }
}

/// `count` fields of `bits` bits of each word, the lowest first: `[rows, words]` to `[rows, words, count]`.
fn fields<B: Backend>(words: IntTensor<B>, count: usize, bits: usize) -> IntTensor<B> {
    let [rows, columns] = words.shape().dims();
    let words = B::int_reshape(words, Shape::from([rows, columns, 1]));
    let mask = (1_i64 << bits) - 1;
    let field = |place: usize| {
        let shifted = B::bitwise_right_shift_scalar(words.clone(), ((place * bits) as i64).into());
        B::bitwise_and_scalar(shifted, mask.into())
    };
    B::int_cat((0..count).map(field).collect(), 2)
}

/// Every `step`-th column from `first` on, `count` of them, as `[rows, count, 1]`.
fn part<B: Backend>(x: &FloatTensor<B>, first: usize, count: usize, step: usize) -> FloatTensor<B> {
    let [rows, columns] = x.shape().dims();
    let x = B::float_reshape(x.clone(), Shape::from([rows, columns / step, step]));
    let range = |start: usize, end: usize| Slice::new(start as isize, Some(end as isize), 1);
    B::float_slice(x, &[range(0, rows), range(0, count), range(first, first + 1)])
}

/// Bits of exponent and mantissa of a float.
type Format = (usize, usize);
const SINGLE: Format = (8, 23);
const HALF: Format = (5, 10);
const BRAIN: Format = (8, 7);
const EIGHT: Format = (4, 3);

/// The floats that bits stand for.
fn floats<B: Backend>(
    bits: IntTensor<B>,
    shape: [usize; 2],
    (exponent_bits, mantissa_bits): Format,
) -> FloatTensor<B> {
    let device = bits.device();
    let bits = B::int_reshape(bits, Shape::from([shape.iter().product::<usize>()]));
    let field = |shift: usize, width: usize| {
        let shifted = B::bitwise_right_shift_scalar(bits.clone(), (shift as i64).into());
        B::bitwise_and_scalar(shifted, ((1_i64 << width) - 1).into())
    };
    let exponent = field(mantissa_bits, exponent_bits);
    // The leading one is not stored, and numbers with exponent zero have none.
    let leading = B::int_mul_scalar(
        B::int_clamp(exponent.clone(), 0.into(), 1.into()),
        (1_i64 << mantissa_bits).into(),
    );
    let mantissa = B::int_into_float(B::int_add(field(0, mantissa_bits), leading), FloatDType::F32);
    let bias = (1_i32 << (exponent_bits - 1)) - 1 + mantissa_bits as i32;
    let powers: Vec<f32> = (0..1_i32 << exponent_bits).map(|e| 2_f64.powi(e.max(1) - bias) as f32).collect();
    let powers = B::float_from_data(TensorData::new(powers, [1 << exponent_bits]), &device);
    let sign =
        B::int_add_scalar(B::int_mul_scalar(field(exponent_bits + mantissa_bits, 1), (-2).into()), 1.into());
    let magnitude = B::float_mul(mantissa, B::float_select(powers, 0, exponent));
    let values = B::float_mul(magnitude, B::int_into_float(sign, FloatDType::F32));
    B::float_reshape(values, Shape::from(shape))
}
