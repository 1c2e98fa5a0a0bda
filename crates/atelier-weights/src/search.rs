//! The search for the scales of blocks: codes that are nearest, and scales of least squared error.

use half::f16;
use serde::{Deserialize, Serialize};

use crate::{BLOCK, Scheme};

/// How scales are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// From the largest weight; codes are the nearest. The floor.
    Nearest,
    /// The scale, of several that are tried, whose squared error is least.
    LeastSquares,
}

impl Scheme {
    /// The lowest and the highest code, and the code of zero where there is no offset.
    pub(crate) const fn codes(self) -> (f32, f32, f32) {
        match self {
            Self::Q4 => (0.0, 15.0, 8.0),
            Self::Q4Offset => (0.0, 15.0, 0.0),
            _ => (-127.0, 127.0, 0.0),
        }
    }

    pub(crate) fn fit(self, search: Search, block: &[f32; BLOCK], counts: &[f32; BLOCK]) -> Fitted {
        let mut best = self.round(block, counts, self.first_guess(block));
        if search == Search::Nearest {
            return best;
        }
        let (scale, offset) = self.first_guess(block);
        // Smaller scales cut the largest weights off and serve the many better. At eight bits hardly ever.
        for step in 0..=20 {
            let factor = 0.7 + 0.02 * f64::from(step);
            let centre =
                if self == Self::Q4Offset { f64::from(offset) + 7.5 * f64::from(scale) } else { 0.0 };
            let narrower = (f64::from(scale) * factor) as f32;
            let mut guess = (narrower, (centre - 7.5 * f64::from(narrower)) as f32);
            // With the codes fixed the best scale and offset are known; with those, other codes may be nearer.
            for _ in 0..3 {
                let fitted = self.round(block, counts, guess);
                guess = self.solve(block, counts, &fitted);
                if fitted.error < best.error {
                    best = fitted;
                }
            }
        }
        best
    }

    /// Scale and offset that reach over the whole block.
    fn first_guess(self, block: &[f32; BLOCK]) -> (f32, f32) {
        match self {
            // There is one code more below zero than above: the largest weight gets it, whatever its sign.
            Self::Q4 => {
                let most = block.iter().fold(0.0_f32, |most, &x| if x.abs() > most.abs() { x } else { most });
                (most / -8.0, 0.0)
            }
            Self::Q4Offset => {
                let low = block.iter().copied().fold(f32::INFINITY, f32::min);
                let high = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                ((high - low) / 15.0, low)
            }
            _ => (block.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0, 0.0),
        }
    }

    /// The nearest codes for a scale and an offset, which are rounded to F16 first: the error is the true one.
    fn round(self, block: &[f32; BLOCK], counts: &[f32; BLOCK], (scale, offset): (f32, f32)) -> Fitted {
        let finite = |x: f32| f16::from_f32(x.clamp(-65504.0, 65504.0));
        let (scale, offset) =
            (finite(scale), if self == Self::Q4Offset { finite(offset) } else { f16::ZERO });
        let (low, high, zero) = self.codes();
        let (s, o) = (scale.to_f32(), offset.to_f32());
        let mut fitted = Fitted { scale, offset, codes: [0; BLOCK], error: 0.0 };
        for ((code, &x), &count) in fitted.codes.iter_mut().zip(block).zip(counts) {
            let nearest =
                if s == 0.0 { zero } else { ((x - o) / s + zero).round_ties_even().clamp(low, high) };
            *code = nearest as i16;
            let miss = f64::from(x) - (f64::from(s) * f64::from(nearest - zero) + f64::from(o));
            fitted.error += f64::from(count) * miss * miss;
        }
        fitted
    }

    /// The scale and offset of least squared error for given codes.
    fn solve(self, block: &[f32; BLOCK], counts: &[f32; BLOCK], fitted: &Fitted) -> (f32, f32) {
        let (_, _, zero) = self.codes();
        // Weighted sums of: one, code, code², weight, code · weight.
        let (mut n, mut c, mut cc, mut x, mut cx) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for ((&code, &weight), &count) in fitted.codes.iter().zip(block).zip(counts) {
            let (code, weight, count) =
                (f64::from(code) - f64::from(zero), f64::from(weight), f64::from(count));
            n += count;
            c += count * code;
            cc += count * code * code;
            x += count * weight;
            cx += count * code * weight;
        }
        let (scale, offset) = if self == Self::Q4Offset {
            let scale = (n * cx - c * x) / (n * cc - c * c);
            (scale, (x - scale * c) / n)
        } else {
            (cx / cc, 0.0)
        };
        // Nothing to solve where all codes are one.
        if scale.is_finite() && offset.is_finite() {
            (scale as f32, offset as f32)
        } else {
            (fitted.scale.to_f32(), fitted.offset.to_f32())
        }
    }
}

/// A block's codes, and how far off they are.
pub(crate) struct Fitted {
    pub(crate) scale: f16,
    pub(crate) offset: f16,
    pub(crate) codes: [i16; BLOCK],
    /// Weighted squared error.
    error: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(scheme: Scheme, search: Search, weights: &[f32], importance: &[f32]) -> f64 {
        let packed = scheme.pack(search, weights.len(), weights, importance);
        let unpacked = scheme.unpack(weights.len(), &packed);
        let count = |i: usize| f64::from(importance.get(i).copied().unwrap_or(1.0));
        let miss = |(i, (a, b)): (usize, (&f32, &f32))| count(i) * f64::from(a - b).powi(2);
        weights.iter().zip(&unpacked).enumerate().map(miss).sum()
    }

    proptest! {
        #[test]
        fn searching_is_never_worse(
            weights in proptest::collection::vec(-2.0..2.0_f32, 2 * BLOCK),
            importance in proptest::collection::vec(0.0..4.0_f32, 2 * BLOCK),
        ) {
            for &scheme in Scheme::QUANTIZED {
                for importance in [&[][..], &importance] {
                    let nearest = error(scheme, Search::Nearest, &weights, importance);
                    prop_assert!(error(scheme, Search::LeastSquares, &weights, importance) <= nearest);
                }
            }
        }

        #[test]
        fn no_weight_is_further_off_than_half_a_step(weights in proptest::collection::vec(-2.0..2.0_f32, BLOCK)) {
            for &scheme in Scheme::QUANTIZED {
                let packed = scheme.pack(Search::Nearest, BLOCK, &weights, &[]);
                let step = match scheme { Scheme::Q8 => 4.0 / 254.0, _ => 4.0 / 15.0 };
                // Q4 has no code for the negative of its largest weight: a whole step there.
                let most = if scheme == Scheme::Q4 { 1.1 * step } else { 0.52 * step };
                for (a, b) in weights.iter().zip(scheme.unpack(BLOCK, &packed)) {
                    prop_assert!((a - b).abs() <= most, "{scheme:?}: {a} became {b}");
                }
            }
        }

        #[test]
        fn any_weights_can_be_packed(weights in proptest::collection::vec(proptest::num::f32::NORMAL, BLOCK)) {
            for &scheme in Scheme::QUANTIZED {
                let packed = scheme.pack(Search::LeastSquares, BLOCK, &weights, &[]);
                prop_assert!(scheme.unpack(BLOCK, &packed).iter().all(|x| x.is_finite()));
            }
        }
    }
}
