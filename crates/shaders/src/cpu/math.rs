//! What the loops are made of: small enough to be inlined, without branches, so that they become vector instructions.

/// Values that are summed side by side: the width of the widest vectors, twice.
const LANES: usize = 32;

/// `eˣ` to about two units in the last place; nothing below `e⁻⁸⁷` and no overflow above `e⁸⁸`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_145_75;
    const LN_2_LOW: f32 = 1.428_606_8e-6;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = x - power * LN_2_HIGH - power * LN_2_LOW;
    let mut series = 1.0 / 720.0;
    for factor in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * rest + factor;
    }
    // The integer stands in the low bits of `rounded`.
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    series * f32::from_bits(exponent)
}

/// `x / (1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The sum of `f` over a row.
#[inline(always)]
pub(super) fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f(x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&x| f(x)).sum::<f32>()
}

/// The sum of the products of two rows.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// The largest value of a row.
#[inline(always)]
pub(super) fn max(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut most = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (most, &x) in most.iter_mut().zip(chunk) {
            *most = larger(*most, x);
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

/// `1 / sqrt(square)`, and NaN where a sum of squares has overflowed: a factor of zero would hide it.
#[inline(always)]
pub(super) fn inverse_root(square: f32) -> f32 {
    1.0 / square.sqrt() + square * 0.0
}

/// Two numbers whose sum is the mean, and the sum of squares around the first.
#[inline(always)]
pub(super) fn centred(row: &[f32]) -> (f32, f32, f32) {
    let count = row.len() as f32;
    let near = sum(row, |x| x) / count;
    // What the rounding of a large mean has left.
    let rest = sum(row, |x| x - near) / count;
    (near, rest, sum(row, |x| (x - near) * (x - near)))
}

/// Mean and `1 / sqrt(var + eps)`.
#[inline(always)]
pub(super) fn moments(row: &[f32], eps: f32) -> (f32, f32) {
    let (near, rest, squares) = centred(row);
    (near + rest, inverse_root(squares / row.len() as f32 - rest * rest + eps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_everywhere() {
        for step in -8700..8800_i16 {
            let x = f32::from(step) / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp({x}) = {} not {exact}", exp(x));
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn rows_of_any_length_are_summed_whole() {
        for length in [1_u8, 31, 32, 33, 100] {
            let row: Vec<f32> = (1..=length).map(f32::from).collect();
            let length = f32::from(length);
            assert_eq!(sum(&row, |x| x), length * (length + 1.0) / 2.0);
            assert_eq!(max(&row), length);
        }
    }
}
