//! The choice of the next token from logits (spec 4.4).
//!
//! Computed in double precision with the pure Rust `libm`, so that equal logits and an equal draw give an
//! equal token everywhere; but a GPU draws in single precision, where another token comes out if rounding
//! decides.

use atelier_shaders::Draw;
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use crate::device;
use crate::error::{Error, Field, Result, shown};
use crate::readback::{read_floats, read_ids};

/// Tokens that the search for the top-p set sorts first; the set is usually smaller.
const FIRST_SORTED: usize = 256;

/// The highest temperature.
pub const MAX_TEMPERATURE: f32 = 100.0;
/// The most tokens that top-k keeps.
pub const MAX_TOP_K: usize = 1_000_000;

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sampling {
    /// Divides the logits, 0 to 100; 0 takes the largest one (greedy).
    pub temperature: f32,
    /// Keeps the most probable tokens until their mass reaches this, in (0, 1]; 1 keeps all.
    pub top_p: f32,
    /// Keeps this many of the largest logits (and those equal to the last one), 1 to 1,000,000; without it all are kept.
    pub top_k: Option<usize>,
}

impl Sampling {
    /// The likeliest token every time.
    pub const GREEDY: Self = Self { temperature: 0.0, top_p: 1.0, top_k: None };

    /// Checks the ranges above.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] with field `temperature`, `top_p` or `top_k`.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=MAX_TEMPERATURE).contains(&self.temperature) {
            let expected = format!("a number from 0 to {MAX_TEMPERATURE}");
            return Err(Error::request(Field::Temperature, expected, shown(self.temperature)));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::request(Field::TopP, "a number above 0 and at most 1", self.top_p));
        }
        if let Some(top_k) = self.top_k.filter(|top_k| !(1..=MAX_TOP_K).contains(top_k)) {
            return Err(Error::request(Field::TopK, format!("0 to {MAX_TOP_K}"), top_k));
        }
        Ok(())
    }
}

impl std::fmt::Display for Sampling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { temperature, top_p, top_k } = *self;
        if temperature == 0.0 {
            return f.write_str("greedy");
        }
        write!(f, "temperature {temperature}, top-p {top_p}, top-k ")?;
        match top_k {
            Some(top_k) => write!(f, "{top_k}"),
            None => f.write_str("off"),
        }
    }
}

/// The probabilities that tokens are drawn with: temperature, then top-k, then top-p, then renormalised.
///
/// # Shapes
///
/// `logits` `[vocab]` → `[vocab]`, sums to 1.
///
/// # Errors
///
/// [`Error::NotFinite`] as for [`sample`].
pub fn distribution(logits: &[f32], sampling: &Sampling) -> Result<Vec<f32>> {
    let kept = candidates(logits, sampling)?;
    let mass: f64 = kept.iter().map(|candidate| candidate.weight).sum();
    let mut probabilities = vec![0.0; logits.len()];
    for Candidate { id, weight, .. } in kept {
        probabilities[id] = (weight / mass) as f32;
    }
    Ok(probabilities)
}

/// Draws a token id below `allowed`: ids from there on (ends and unused slots) are as if the model did not
/// know them.
///
/// `uniform` in [0, 1) picks from the cumulative distribution in the order of ids; greedy sampling does not
/// use it and takes the first of equal logits.
///
/// # Shapes
///
/// `logits` `[vocab]`.
///
/// # Errors
///
/// [`Error::NotFinite`] when a logit is NaN or +∞, or when none is finite.
pub fn sample(logits: &[f32], sampling: &Sampling, allowed: usize, uniform: f64) -> Result<u32> {
    let mut kept = candidates(logits.get(..allowed).unwrap_or(logits), sampling)?;
    kept.sort_unstable_by_key(|candidate| candidate.id);
    let target = uniform * kept.iter().map(|candidate| candidate.weight).sum::<f64>();
    let mut mass = 0.0;
    let mut drawn = 0;
    for Candidate { id, weight, .. } in kept {
        if weight > 0.0 {
            drawn = id;
        }
        mass += weight;
        if mass > target {
            break;
        }
    }
    Ok(drawn as u32)
}

/// A token that is drawn from logits on a device. A GPU draws by itself: the token is all that is read back, and the next one
/// can be computed from it meanwhile.
#[derive(Debug)]
pub struct Drawn {
    logits: Tensor<1>,
    draw: Draw,
    /// On a GPU. Not below the number of logits where there is no token for them.
    id: Option<Tensor<1, Int>>,
}

impl Drawn {
    /// Draws as [`sample`] does.
    ///
    /// # Shapes
    ///
    /// `logits` `[vocab]`.
    pub fn new(logits: Tensor<1>, sampling: &Sampling, allowed: usize, uniform: f64) -> Self {
        let Sampling { temperature, top_p, top_k } = *sampling;
        let draw = Draw { allowed, temperature, top_p, top_k, uniform };
        let on_gpu = device::is_gpu(&logits.device());
        let id = on_gpu.then(|| atelier_shaders::sample_top_p(logits.clone(), draw));
        Self { logits, draw, id }
    }

    /// The token's id on the GPU that has drawn it, `[1]`.
    pub fn on_gpu(&self) -> Option<Tensor<1, Int>> {
        self.id.clone()
    }

    /// The logits.
    pub fn logits(&self) -> Tensor<1> {
        self.logits.clone()
    }

    /// The token's id.
    ///
    /// # Errors
    /// [`Error::NotFinite`] as for [`sample`], and [`Error::Compute`] when the device fails.
    pub async fn id(&self) -> Result<u32> {
        if let Some(id) = self.on_gpu() {
            let [vocab] = self.logits.dims();
            let drawn = read_ids(id).await?;
            if let Some(&id) = drawn.first().filter(|&&id| (id as usize) < vocab) {
                return Ok(id);
            }
            // There is no token for such logits, and the host says why.
        }
        let Draw { allowed, temperature, top_p, top_k, uniform } = self.draw;
        let sampling = Sampling { temperature, top_p, top_k };
        sample(&read_floats(self.logits()).await?, &sampling, allowed, uniform)
    }
}

/// A token that may be drawn.
#[derive(Clone, Copy)]
struct Candidate {
    id: usize,
    logit: f32,
    /// The probability up to a common factor, 1 for the largest logit; 0 until there is a temperature.
    weight: f64,
}

/// What is done to the candidates before one of them is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    /// Keeps this many of the largest logits, and those equal to the last one.
    TopK(usize),
    /// Gives each its weight.
    Temperature(f32),
    /// Keeps the most probable until their share reaches this.
    TopP(f32),
}

impl Sampling {
    /// The filters in the order of their application. Top-k comes before the temperature, which keeps the order of logits, so
    /// that few weights are computed.
    fn filters(&self) -> impl Iterator<Item = Filter> {
        let top_k = self.top_k.map(Filter::TopK);
        let top_p = (self.top_p < 1.0).then_some(Filter::TopP(self.top_p));
        [top_k, Some(Filter::Temperature(self.temperature)), top_p].into_iter().flatten()
    }
}

impl Filter {
    /// `max` is the largest logit of all.
    fn apply(self, mut candidates: Vec<Candidate>, max: f32) -> Vec<Candidate> {
        match self {
            Self::TopK(count) => {
                let least = nth_largest(&candidates, count);
                candidates.retain(|candidate| candidate.logit >= least);
                candidates
            }
            Self::Temperature(temperature) => {
                for Candidate { logit, weight, .. } in &mut candidates {
                    *weight = libm::exp((f64::from(*logit) - f64::from(max)) / f64::from(temperature));
                }
                candidates
            }
            Self::TopP(share) => top_p(candidates, f64::from(share)),
        }
    }
}

/// The tokens that may be drawn, in no order. At least one, and the weights sum to at least 1.
fn candidates(logits: &[f32], sampling: &Sampling) -> Result<Vec<Candidate>> {
    let (first, max) = largest(logits)?;
    if sampling.temperature == 0.0 {
        return Ok(vec![Candidate { id: first, logit: max, weight: 1.0 }]);
    }
    let all = logits.iter().enumerate().map(|(id, &logit)| Candidate { id, logit, weight: 0.0 });
    Ok(sampling.filters().fold(all.collect(), |candidates, filter| filter.apply(candidates, max)))
}

/// The first of the largest logits.
fn largest(logits: &[f32]) -> Result<(usize, f32)> {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in logits.iter().enumerate() {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(Error::NotFinite { place: format!("the logit of token {id}") });
        }
        if logit > best.1 {
            best = (id, logit);
        }
    }
    if best.1 == f32::NEG_INFINITY {
        return Err(Error::NotFinite { place: "the logits of all tokens".to_owned() });
    }
    Ok(best)
}

fn nth_largest(candidates: &[Candidate], count: usize) -> f32 {
    if count >= candidates.len() {
        return f32::NEG_INFINITY;
    }
    let mut logits: Vec<f32> = candidates.iter().map(|candidate| candidate.logit).collect();
    *logits.select_nth_unstable_by(count.saturating_sub(1), |a, b| b.total_cmp(a)).1
}

/// The shortest prefix, by falling weight, whose share reaches `top_p`. Of equal weights the lower ids are
/// kept.
fn top_p(mut candidates: Vec<Candidate>, top_p: f64) -> Vec<Candidate> {
    let falling = |a: &Candidate, b: &Candidate| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id));
    let enough = top_p * candidates.iter().map(|candidate| candidate.weight).sum::<f64>();
    let (mut mass, mut sorted) = (0.0, 0);
    // Sorting all 16512 for every token would be the sampler's whole cost: sort the head, and more only if it
    // is too small.
    while sorted < candidates.len() {
        let rest = &mut candidates[sorted..];
        let head = rest.len().min(FIRST_SORTED.max(sorted));
        if head < rest.len() {
            rest.select_nth_unstable_by(head, falling);
        }
        rest[..head].sort_unstable_by(falling);
        for candidate in &rest[..head] {
            mass += candidate.weight;
            sorted += 1;
            if mass >= enough {
                candidates.truncate(sorted);
                return candidates;
            }
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampling(temperature: f32, top_p: f32, top_k: Option<usize>) -> Sampling {
        Sampling { temperature, top_p, top_k }
    }

    fn natural_log(probabilities: &[f32]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn the_token_that_crosses_the_threshold_is_kept() {
        let logits = natural_log(&[0.1, 0.5, 0.3, 0.1]);
        let kept = |p| {
            let probabilities = distribution(&logits, &sampling(1.0, p, None)).unwrap();
            probabilities.iter().map(|&p| p > 0.0).collect::<Vec<_>>()
        };
        assert_eq!(kept(0.01), [false, true, false, false]);
        assert_eq!(kept(0.49), [false, true, false, false]);
        assert_eq!(kept(0.51), [false, true, true, false]);
        assert_eq!(kept(0.85), [true, true, true, false]);
        assert_eq!(kept(1.0), [true; 4]);
    }

    #[test]
    fn top_k_comes_before_top_p_and_keeps_equals() {
        let logits = natural_log(&[0.4, 0.3, 0.2, 0.1]);
        // Of the two that top-k leaves, the first has 4/7 of the mass.
        let probabilities = distribution(&logits, &sampling(1.0, 0.5, Some(2))).unwrap();
        assert_eq!(probabilities, [1.0, 0.0, 0.0, 0.0]);
        let probabilities = distribution(&[1.0, 0.0, 0.0, -1.0], &sampling(1.0, 1.0, Some(2))).unwrap();
        assert!(probabilities[1] == probabilities[2] && probabilities[2] > 0.0 && probabilities[3] == 0.0);
    }

    #[test]
    fn greedy_takes_the_first_of_equals() {
        let greedy = sampling(0.0, 0.75, None);
        assert_eq!(sample(&[0.0, 2.0, 2.0], &greedy, 3, 0.99).unwrap(), 1);
        assert_eq!(sample(&[f32::NEG_INFINITY, -5.0], &greedy, 2, 0.0).unwrap(), 1);
        assert_eq!(distribution(&[0.0, 2.0, 2.0], &greedy).unwrap(), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn tokens_from_allowed_on_are_never_drawn() {
        for temperature in [0.0, 1.0] {
            assert_eq!(sample(&[1.0, 50.0], &sampling(temperature, 0.9, Some(1)), 1, 0.5).unwrap(), 0);
        }
        assert_eq!(sample(&[1.0, 50.0], &sampling(0.0, 1.0, None), 99, 0.5).unwrap(), 1);
    }

    #[test]
    fn the_draw_runs_through_ids_in_order() {
        let logits = natural_log(&[0.25, 0.5, 0.25]);
        let draw = |uniform| sample(&logits, &sampling(1.0, 1.0, None), 3, uniform).unwrap();
        assert_eq!([0.0, 0.24, 0.26, 0.74, 0.76, 1.0 - f64::EPSILON].map(draw), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn logits_that_are_not_numbers_are_errors() {
        let settings = [sampling(0.0, 1.0, None), sampling(1.0, 0.5, Some(1))];
        for sampling in settings {
            for logits in [&[0.0, f32::NAN][..], &[f32::INFINITY], &[f32::NEG_INFINITY; 2], &[]] {
                let drawn = sample(logits, &sampling, 2, 0.5);
                assert!(matches!(drawn, Err(Error::NotFinite { .. })), "{logits:?}: {drawn:?}");
            }
            assert!(sample(&[1.0], &sampling, 0, 0.5).is_err());
        }
    }

    #[test]
    fn ranges_are_checked() {
        for good in [sampling(0.0, 1.0, None), sampling(0.9, 0.75, Some(50)), sampling(5.0, 1e-9, Some(1))] {
            good.validate().unwrap();
        }
        let bad = [
            (sampling(-0.1, 1.0, None), Field::Temperature),
            (sampling(f32::NAN, 1.0, None), Field::Temperature),
            (sampling(f32::INFINITY, 1.0, None), Field::Temperature),
            (sampling(1.0, 0.0, None), Field::TopP),
            (sampling(1.0, 1.1, None), Field::TopP),
            (sampling(1.0, f32::NAN, None), Field::TopP),
            (sampling(1.0, 1.0, Some(0)), Field::TopK),
        ];
        for (sampling, expected) in bad {
            match sampling.validate() {
                Err(Error::Request { field, .. }) => assert_eq!(field, expected),
                other => panic!("{sampling:?}: {other:?}"),
            }
        }
    }

    proptest! {
        /// The partial sort gives what a full sort gives, also where the kept set is larger than the first
        /// head.
        #[test]
        fn top_p_is_the_shortest_prefix(
            logits in prop::collection::vec(-3.0_f32..3.0, 1..2000),
            p in 0.01_f32..1.0,
        ) {
            let found = distribution(&logits, &sampling(1.0, p, None)).unwrap();
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
            let weights: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
            let total: f64 = weights.iter().sum();
            let mut before = 0.0;
            for id in order {
                // Not where rounding decides.
                if (before / total - f64::from(p)).abs() > 1e-9 {
                    prop_assert_eq!(found[id] > 0.0, before / total < f64::from(p));
                }
                before += weights[id];
            }
            prop_assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }

        #[test]
        fn whatever_is_drawn_can_be_drawn(
            logits in prop::collection::vec(-1e30_f32..1e30, 1..300),
            temperature in 0.0_f32..2.0,
            p in 0.01_f32..=1.0,
            k in prop::option::of(1_usize..400),
            allowed in 1_usize..400,
            uniform in 0.0_f64..1.0,
        ) {
            let sampling = sampling(temperature, p, k);
            let drawn = sample(&logits, &sampling, allowed, uniform).unwrap() as usize;
            let known = &logits[..allowed.min(logits.len())];
            prop_assert!(distribution(known, &sampling).unwrap()[drawn] > 0.0);
        }
    }
}
