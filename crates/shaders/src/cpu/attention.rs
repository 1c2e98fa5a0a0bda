//! Twin of [`crate::attention()`]: tiles of keys with a running softmax, so that no `seq × context` buffer exists.

use burn::backend::{Flex, TensorMetadata};
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::{math, tensor};
use crate::attention::seen;

/// Queries and keys of a tile. Its scores stay in the second-level cache.
const QUERIES: usize = 128;
const KEYS: usize = 512;

pub fn twin(
    q: FlexTensor,
    k: FlexTensor,
    v: FlexTensor,
    scales: FlexTensor,
    context: usize,
    causal: bool,
) -> FlexTensor {
    let [k, v] = seen::<Flex>([k, v], &scales, context);
    let [batch, heads, seq, head_dim] = q.shape().dims();
    let [_, key_value_heads, ..] = k.shape().dims::<4>();
    let group = heads / key_value_heads.max(1);
    let (q, k, v) = (Heads::of(&q), Heads::of(&k), Heads::of(&v));

    let blocks = seq.div_ceil(QUERIES);
    let block_of = |item: usize| {
        let (picture, head, block) = (item / blocks / heads, item / blocks % heads, item % blocks);
        let start = block * QUERIES;
        (picture, head, start, (start + QUERIES).min(seq))
    };
    let items: Vec<Vec<f32>> = (0..batch * heads * blocks)
        .into_par_iter()
        .map(|item| {
            let (picture, head, start, end) = block_of(item);
            let queries = q.matrix(picture, head, start, end);
            let (keys, values) =
                (k.matrix(picture, head / group, 0, context), v.matrix(picture, head / group, 0, context));
            // How many keys the block's first query sees.
            let seen = if causal { context - seq + start + 1 } else { context };
            attend(&queries, &keys, &values, seen, causal)
        })
        .collect();

    // Tokens before heads, as the projection that follows wants them.
    let mut output = vec![0.0; batch * seq * heads * head_dim];
    for (item, rows) in items.iter().enumerate() {
        let (picture, head, start, _) = block_of(item);
        for (token, row) in (start..).zip(rows.chunks_exact(head_dim.max(1))) {
            let at = ((picture * seq + token) * heads + head) * head_dim;
            output[at..at + head_dim].copy_from_slice(row);
        }
    }
    let output = tensor(output, [batch, seq, heads, head_dim]);
    let layout = output.layout().transpose(1, 2);
    output.with_layout(layout)
}

/// One block of queries against all keys it sees; row-major `[queries, head_dim]`.
fn attend(
    queries: &Matrix<'_>,
    keys: &Matrix<'_>,
    values: &Matrix<'_>,
    seen: usize,
    causal: bool,
) -> Vec<f32> {
    let (rows, head_dim) = (queries.rows, queries.columns);
    let scale = (head_dim as f32).sqrt().recip();
    let last_seen = if causal { seen + rows - 1 } else { seen };
    let mut output = vec![0.0; rows * head_dim];
    let mut scores = vec![0.0; rows * KEYS.min(last_seen)];
    let mut peaks = vec![f32::NEG_INFINITY; rows];
    let mut sums = vec![0.0; rows];
    for start in (0..last_seen).step_by(KEYS) {
        let count = KEYS.min(last_seen - start);
        let scores = &mut scores[..rows * count];
        multiply(scores, 0.0, queries, &keys.part(start, count).transposed(), scale);
        pulp::Arch::new().dispatch(Softmax {
            scores,
            count,
            start,
            seen: causal.then_some(seen),
            output: &mut output,
            head_dim,
            peaks: &mut peaks,
            sums: &mut sums,
        });
        let weights = Matrix { values: scores, start: 0, rows, columns: count, strides: [count, 1] };
        multiply(&mut output, 1.0, &weights, &values.part(start, count), 1.0);
    }
    for (row, sum) in output.chunks_exact_mut(head_dim.max(1)).zip(sums) {
        row.iter_mut().for_each(|x| *x /= sum);
    }
    output
}

/// The running softmax over one tile of scores.
struct Softmax<'a> {
    /// `[queries, count]`: scores before, weights after.
    scores: &'a mut [f32],
    count: usize,
    /// The tile's first key.
    start: usize,
    /// How many keys the first query sees; none when every query sees all.
    seen: Option<usize>,
    /// `[queries, head_dim]`: what earlier tiles gave.
    output: &'a mut [f32],
    head_dim: usize,
    /// Each query's largest score so far, and the sum of its weights.
    peaks: &'a mut [f32],
    sums: &'a mut [f32],
}

impl NullaryFnOnce for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let queries = self.scores.chunks_exact_mut(self.count).zip(self.peaks).zip(self.sums);
        for (row, ((scores, peak), sum)) in queries.enumerate() {
            let visible =
                self.seen.map_or(self.count, |seen| (seen + row).saturating_sub(self.start).min(self.count));
            let (scores, hidden) = scores.split_at_mut(visible);
            hidden.fill(0.0);
            if scores.is_empty() {
                continue;
            }
            let highest = math::max(scores).max(*peak);
            let fade = math::exp(*peak - highest);
            *peak = highest;
            for score in scores.iter_mut() {
                *score = math::exp(*score - highest);
            }
            *sum = *sum * fade + math::sum(scores, |x| x);
            if fade != 1.0 {
                for x in &mut self.output[row * self.head_dim..][..self.head_dim] {
                    *x *= fade;
                }
            }
        }
    }
}

/// A tensor `[batch, heads, seq, head_dim]` as it lies in memory.
struct Heads<'a> {
    values: &'a [f32],
    start: usize,
    strides: [usize; 4],
    head_dim: usize,
}

impl<'a> Heads<'a> {
    fn of(x: &'a FlexTensor) -> Self {
        let layout = x.layout();
        let mut strides = [0; 4];
        for (stride, from) in strides.iter_mut().zip(layout.strides()) {
            *stride = from.unsigned_abs();
        }
        let [_, _, _, head_dim] = x.shape().dims();
        Self { values: x.storage::<f32>(), start: layout.start_offset(), strides, head_dim }
    }

    fn matrix(&self, picture: usize, head: usize, from: usize, to: usize) -> Matrix<'a> {
        let [per_picture, per_head, per_token, per_channel] = self.strides;
        Matrix {
            values: self.values,
            start: self.start + picture * per_picture + head * per_head + from * per_token,
            rows: to - from,
            columns: self.head_dim,
            strides: [per_token, per_channel],
        }
    }
}
