//! Twin of [`crate::sample_top_p()`], for parity only: on the CPU device tokens are drawn in f64.

use burn::backend::TensorMetadata;
use burn_flex::FlexTensor;

use super::{math, tensor_of_id, values};
use crate::Draw;
/// Stretches of ids, and sums side by side: as the kernel's workgroup has invocations.
use crate::wgsl::sample_top_p::WORKGROUP as STRETCHES;

pub fn twin(logits: FlexTensor, draw: Draw) -> FlexTensor {
    let vocab = logits.shape().num_elements();
    let logits = logits.to_contiguous();
    let allowed = &values(&logits)[..draw.allowed.min(vocab)];
    tensor_of_id(sample(allowed, draw).unwrap_or(vocab))
}

/// None if a logit is NaN or +∞, or none is finite.
fn sample(logits: &[f32], draw: Draw) -> Option<usize> {
    let largest = math::max(logits);
    if !largest.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
        return None;
    }
    if draw.temperature == 0.0 {
        return logits.iter().position(|&logit| logit == largest);
    }
    let weight = |logit: f32| {
        let x = (logit - largest) / draw.divisor();
        if x < -87.0 { 0.0 } else { math::exp(x) }
    };
    let candidates: Vec<Candidate> =
        logits.iter().map(|&logit| Candidate { rank: rank(logit), weight: weight(logit) }).collect();
    let (border, equals) = border(&candidates, draw);

    let mut kept = Vec::with_capacity(candidates.len());
    let mut equal = 0;
    for &Candidate { rank, weight } in &candidates {
        kept.push(if rank > border || (rank == border && equal < equals) { weight } else { 0.0 });
        equal += usize::from(rank == border);
    }
    let stretch = kept.len().div_ceil(STRETCHES);
    let masses = kept.chunks(stretch).map(|stretch| stretch.iter().sum::<f32>());
    let starts: Vec<f32> = std::iter::once(0.0)
        .chain(masses.scan(0.0, |sum, mass| {
            *sum += mass;
            Some(*sum)
        }))
        .collect();
    let target = draw.uniform() * starts.last()?;
    let chosen = starts.iter().skip(1).position(|&end| end > target)?;
    let first = chosen * stretch;
    let (mut mass, mut drawn) = (starts[chosen], first);
    for (id, &weight) in (first..).zip(kept[first..].iter().take(stretch)) {
        if mass > target {
            break;
        }
        // Where rounding keeps the sum from passing the target, the last one it is.
        if weight > 0.0 {
            drawn = id;
        }
        mass += weight;
    }
    Some(drawn)
}

struct Candidate {
    rank: u32,
    /// 1 for the largest logit.
    weight: f32,
}

/// A number that rises with the logit; the same for both zeros.
fn rank(logit: f32) -> u32 {
    let bits = (logit + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The lowest rank that is kept, and how many of that rank.
fn border(candidates: &[Candidate], draw: Draw) -> (u32, usize) {
    let mass_from =
        |least| sum(candidates, |candidate| if candidate.rank >= least { candidate.weight } else { 0.0 });
    let mut ranks: Vec<u32> = candidates.iter().map(|candidate| candidate.rank).collect();
    ranks.sort_unstable_by(|a, b| b.cmp(a));
    let least = match draw.top_k {
        Some(count) if count < ranks.len() => ranks[count.max(1) - 1],
        _ => 0,
    };
    if draw.top_p >= 1.0 {
        return (least, candidates.len());
    }
    let enough = draw.top_p * mass_from(least);
    // The mass falls with the rank, so the largest that leaves enough is found by halving.
    ranks.dedup();
    let reached = ranks.partition_point(|&rank| mass_from(rank.max(least)) < enough);
    let border = ranks[reached.min(ranks.len() - 1)].max(least);
    let above = mass_from(border + 1);
    let weight =
        candidates.iter().find(|candidate| candidate.rank == border).map_or(1.0, |found| found.weight);
    (border, (((enough - above) / weight).ceil() as usize).max(1))
}

/// The sum in the kernel's order, whose error does not grow with the number of candidates.
fn sum(candidates: &[Candidate], f: impl Fn(&Candidate) -> f32) -> f32 {
    let mut sums = [0.0; STRETCHES];
    for (place, candidate) in candidates.iter().enumerate() {
        sums[place % STRETCHES] += f(candidate);
    }
    let mut step = STRETCHES / 2;
    while step > 0 {
        for place in 0..step {
            sums[place] += sums[place + step];
        }
        step /= 2;
    }
    sums[0]
}
