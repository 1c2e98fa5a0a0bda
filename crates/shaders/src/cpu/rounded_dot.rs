//! One row of `x`, rounded to sixteen bits, times quantized rows: products of whole numbers are summed exactly within a block,
//! two at a time, and only the blocks' sums become f32.

use atelier_weights::{BLOCK, Scheme};
use pulp::NullaryFnOnce;

use super::block_dot::in_order_of_codes;
use super::packed::Matrix;

/// Whether a scheme is multiplied in this way.
pub fn takes(scheme: Scheme) -> bool {
    cfg!(target_endian = "little") && matches!(scheme, Scheme::Q8 | Scheme::Q4)
}

/// A row of `x`, block by block multiples of a 32767th of the largest number, in the order of codes.
pub struct RoundedRow {
    numbers: Vec<i16>,
    /// Of each block; NaN where a number of it is not finite.
    steps: Vec<f32>,
}

impl RoundedRow {
    pub fn of(x: &[f32], scheme: Scheme) -> Self {
        let mut numbers = Vec::with_capacity(x.len());
        let mut steps = Vec::with_capacity(x.len() / BLOCK);
        for block in in_order_of_codes(x, scheme).as_chunks::<BLOCK>().0 {
            // `max` of floats loses a NaN, and bits without their sign rise with the number.
            let peak = block.iter().fold(0, |peak, x| peak.max(x.to_bits() & 0x7fff_ffff));
            if !f32::from_bits(peak).is_finite() {
                steps.push(f32::NAN);
                numbers.extend([0; BLOCK]);
                continue;
            }
            // Large enough to divide by: zeros stay zeros.
            let peak = f32::from_bits(peak).max(1e-30);
            let largest = f32::from(i16::MAX);
            steps.push(peak / largest);
            numbers.extend(block.map(|x| (x / peak * largest).round() as i16));
        }
        Self { numbers, steps }
    }
}

/// Consecutive rows of a matrix times a row of `x`, as a task for `pulp`.
pub struct RoundedDots<'a> {
    pub weights: &'a Matrix,
    /// The first of them.
    pub first: usize,
    pub x: &'a RoundedRow,
    pub bias: &'a [f32],
    /// Every so many numbers one result, beginning with the first.
    pub output: &'a mut [f32],
    pub step: usize,
    /// Room for the scales of a row.
    pub scales: &'a mut Vec<f32>,
}

impl RoundedDots<'_> {
    /// With the instructions of the processor at hand.
    pub fn run(self) {
        #[cfg(target_arch = "x86_64")]
        if let Some(machine) = pulp::x86::V3::try_new() {
            return machine.vectorize(OnMachine { machine: x86::Machine(machine), dots: self });
        }
        pulp::Arch::new().dispatch(OnMachine { machine: Portable, dots: self });
    }
}

/// What multiplies a block: eight sums, in whatever order, that make up the product of its codes and numbers.
trait Machine: Copy {
    /// Thirty-two bytes with sign.
    fn bytes(self, codes: &[u8; BLOCK], x: &[i16; BLOCK]) -> [i32; LANES];
    /// Sixteen bytes of two codes each, the eighth of which stands for zero.
    fn nibbles(self, codes: &[u8; BLOCK / 2], x: &[i16; BLOCK]) -> [i32; LANES];
}

const LANES: usize = 8;

struct OnMachine<'a, M> {
    machine: M,
    dots: RoundedDots<'a>,
}

impl<M: Machine> NullaryFnOnce for OnMachine<'_, M> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { machine, dots } = self;
        let RoundedDots { weights, first, x, bias, output, step, scales } = dots;
        let blocks = weights.columns / BLOCK;
        scales.resize(TOGETHER * blocks, 0.0);
        for (part, bias) in bias.chunks(TOGETHER).enumerate() {
            // Where rows have run out the last counts again.
            let rows: [usize; TOGETHER] =
                std::array::from_fn(|of| first + part * TOGETHER + of.min(bias.len() - 1));
            for (row, scales) in rows.iter().zip(scales.chunks_exact_mut(blocks.max(1))) {
                weights.halves(*row, scales);
            }
            let codes = rows.map(|row| weights.bytes(row));
            let scales: [&[f32]; TOGETHER] = std::array::from_fn(|of| &scales[of * blocks..][..blocks]);
            let mut sums = [[0.0; LANES]; TOGETHER];
            let of_x = x.numbers.as_chunks::<BLOCK>().0.iter().zip(&x.steps).enumerate();
            if weights.scheme == Scheme::Q8 {
                let codes: [&[[u8; BLOCK]]; TOGETHER] = codes.map(|codes| &codes.as_chunks().0[..blocks]);
                for (block, (x, step)) in of_x {
                    for of in 0..TOGETHER {
                        add(&mut sums[of], machine.bytes(&codes[of][block], x), scales[of][block], *step);
                    }
                }
            } else {
                let codes: [&[[u8; BLOCK / 2]]; TOGETHER] = codes.map(|codes| &codes.as_chunks().0[..blocks]);
                for (block, (x, step)) in of_x {
                    for of in 0..TOGETHER {
                        add(&mut sums[of], machine.nibbles(&codes[of][block], x), scales[of][block], *step);
                    }
                }
            }
            let output = output.iter_mut().step_by(step).skip(part * TOGETHER);
            for ((output, bias), sums) in output.zip(bias).zip(sums) {
                *output = bias + sums.iter().sum::<f32>();
            }
        }
    }
}

/// Rows of the matrix that are multiplied with a block of `x` while it is at hand.
const TOGETHER: usize = 4;

/// Scale and step one after the other: their product may be too large or too small for an f32.
#[inline(always)]
fn add(sums: &mut [f32; LANES], products: [i32; LANES], scale: f32, step: f32) {
    for (sum, product) in sums.iter_mut().zip(products) {
        *sum += product as f32 * scale * step;
    }
}

/// For any processor; compilers make vectors of it where there are some.
#[derive(Clone, Copy)]
struct Portable;

impl Machine for Portable {
    #[inline(always)]
    fn bytes(self, codes: &[u8; BLOCK], x: &[i16; BLOCK]) -> [i32; LANES] {
        let mut sums = [0; LANES];
        for (codes, x) in codes.as_chunks::<LANES>().0.iter().zip(x.as_chunks::<LANES>().0) {
            for ((sum, code), x) in sums.iter_mut().zip(codes).zip(x) {
                *sum += i32::from(code.cast_signed()) * i32::from(*x);
            }
        }
        sums
    }

    #[inline(always)]
    fn nibbles(self, codes: &[u8; BLOCK / 2], x: &[i16; BLOCK]) -> [i32; LANES] {
        let (even, odd) = x.split_at(BLOCK / 2);
        let mut sums = [0; LANES];
        let x = even.as_chunks::<LANES>().0.iter().zip(odd.as_chunks::<LANES>().0);
        for (codes, (even, odd)) in codes.as_chunks::<LANES>().0.iter().zip(x) {
            for (((sum, code), even), odd) in sums.iter_mut().zip(codes).zip(even).zip(odd) {
                let (low, high) = (i32::from(code & 15) - 8, i32::from(code >> 4) - 8);
                *sum += low * i32::from(*even) + high * i32::from(*odd);
            }
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m128i, __m256i};

    use atelier_weights::BLOCK;
    use bytemuck::cast;
    use pulp::x86::V3;

    use super::LANES;

    /// AVX2 has what sums two products of sixteen bits in one instruction.
    #[derive(Clone, Copy)]
    pub struct Machine(pub V3);

    impl super::Machine for Machine {
        #[inline(always)]
        fn bytes(self, codes: &[u8; BLOCK], x: &[i16; BLOCK]) -> [i32; LANES] {
            let avx2 = self.0.avx2;
            let [near, far]: [__m128i; 2] = cast(*codes);
            let [near_x, far_x]: [__m256i; 2] = cast(*x);
            let near = avx2._mm256_madd_epi16(avx2._mm256_cvtepi8_epi16(near), near_x);
            let far = avx2._mm256_madd_epi16(avx2._mm256_cvtepi8_epi16(far), far_x);
            cast(avx2._mm256_add_epi32(near, far))
        }

        #[inline(always)]
        fn nibbles(self, codes: &[u8; BLOCK / 2], x: &[i16; BLOCK]) -> [i32; LANES] {
            let V3 { sse2, avx2, .. } = self.0;
            let codes: __m128i = cast(*codes);
            let [even, odd]: [__m256i; 2] = cast(*x);
            let (low_bits, eight) = (sse2._mm_set1_epi8(15), sse2._mm_set1_epi8(8));
            let low = sse2._mm_and_si128(codes, low_bits);
            let high = sse2._mm_and_si128(sse2._mm_srli_epi16::<4>(codes), low_bits);
            let low = avx2._mm256_cvtepi8_epi16(sse2._mm_sub_epi8(low, eight));
            let high = avx2._mm256_cvtepi8_epi16(sse2._mm_sub_epi8(high, eight));
            let (low, high) = (avx2._mm256_madd_epi16(low, even), avx2._mm256_madd_epi16(high, odd));
            cast(avx2._mm256_add_epi32(low, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code with large and small numbers, as the scalar definition has it.
    fn agrees(machine: impl Machine) {
        for shift in 0..BLOCK as i32 {
            let x: [i16; BLOCK] =
                std::array::from_fn(|i| [32767, -32767, 1, 0, -12345][(i + shift as usize) % 5]);
            let bytes: [u8; BLOCK] = std::array::from_fn(|i| (i as i32 * 37 + shift * 11) as u8);
            let exact: i32 =
                bytes.iter().zip(x).map(|(&code, x)| i32::from(code.cast_signed()) * i32::from(x)).sum();
            assert_eq!(machine.bytes(&bytes, &x).iter().sum::<i32>(), exact);
            let nibbles: [u8; BLOCK / 2] = std::array::from_fn(|i| bytes[i]);
            let codes = nibbles.iter().map(|code| code & 15).chain(nibbles.iter().map(|code| code >> 4));
            let exact: i32 = codes.zip(x).map(|(code, x)| (i32::from(code) - 8) * i32::from(x)).sum();
            assert_eq!(machine.nibbles(&nibbles, &x).iter().sum::<i32>(), exact);
        }
    }

    #[test]
    fn all_machines_multiply_alike() {
        agrees(Portable);
        #[cfg(target_arch = "x86_64")]
        if let Some(machine) = pulp::x86::V3::try_new() {
            agrees(x86::Machine(machine));
        }
    }

    #[test]
    fn a_row_is_rounded_within_half_a_step_and_shows_what_is_not_finite() {
        let mut x: Vec<f32> = (0..3 * BLOCK).map(|i| (i as f32).sin() * 1e20).collect();
        x[40] = f32::NAN;
        x[64..].fill(0.0);
        let row = RoundedRow::of(&x, Scheme::Q8);
        for (x, number) in x.iter().zip(&row.numbers).take(BLOCK) {
            assert!((x - f32::from(*number) * row.steps[0]).abs() <= 0.51 * row.steps[0], "{x}");
        }
        assert!(row.steps[1].is_nan());
        assert!(row.steps[2].is_finite() && row.numbers[64..].iter().all(|&number| number == 0));
    }
}
