//! T5 attention: no scaling of the scores, a learned bias by relative distance.

use burn::module::{Module, Param};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData, module};

use crate::nn::{Linear, merge_heads, split_heads};

/// Bidirectional attention within one text.
#[derive(Module, Debug)]
pub struct GlyphAttention {
    pub(crate) q: Linear,
    pub(crate) k: Linear,
    pub(crate) v: Linear,
    pub(crate) o: Linear,
    pub(crate) heads: usize,
}

impl GlyphAttention {
    /// # Shapes
    /// - x, output: `[texts, seq, d_model]`
    /// - bias: `[1, heads, seq, seq]`
    /// - padding: `[texts, 1, 1, seq]`, true where there is no token
    pub fn forward(&self, x: Tensor<3>, bias: &Tensor<4>, padding: &Tensor<4, Bool>) -> Tensor<3> {
        let [texts, seq, _] = x.dims();
        let q = split_heads(self.q.forward(x.clone()), self.heads);
        let k = split_heads(self.k.forward(x.clone()), self.heads);
        let v = split_heads(self.v.forward(x), self.heads);
        let shape = [texts, self.heads, seq, seq];
        let mask = padding.clone().expand(shape);
        let options = AttentionModuleOptions { scale: Some(1.0), ..Default::default() };
        let attended = module::attention(q, k, v, Some(mask), Some(bias.clone().expand(shape)), options);
        self.o.forward(merge_heads(attended))
    }
}

/// The bias table of the first block, which every block uses.
#[derive(Module, Debug)]
pub struct RelativeBias {
    /// `[buckets, heads]`.
    pub(crate) weight: Param<Tensor<2>>,
    pub(crate) max_distance: usize,
}

impl RelativeBias {
    /// # Shapes
    /// - output: `[1, heads, seq, seq]`, query before key
    pub fn forward(&self, seq: usize, device: &Device) -> Tensor<4> {
        let [buckets, heads] = self.weight.shape().dims();
        let indices: Vec<i32> = (0..seq)
            .flat_map(|query| (0..seq).map(move |key| (query, key)))
            .map(|(query, key)| bucket(query, key, buckets, self.max_distance) as i32)
            .collect();
        let indices: Tensor<1, Int> = Tensor::from_data(TensorData::new(indices, [seq * seq]), device);
        let rows = self.weight.val().select(0, indices);
        rows.reshape([seq, seq, heads]).permute([2, 0, 1]).unsqueeze()
    }
}

/// Keys after the query use the upper half of the buckets; near distances have one each, far ones share by logarithm.
fn bucket(query: usize, key: usize, buckets: usize, max_distance: usize) -> usize {
    let half = buckets / 2;
    let exact = half / 2;
    let base = if key > query { half } else { 0 };
    let distance = key.abs_diff(query);
    if distance < exact {
        return base + distance;
    }
    let ratio = libm::logf(distance as f32 / exact as f32)
        / (libm::log(max_distance as f64 / exact as f64) as f32)
        * (half - exact) as f32;
    base + (exact + ratio as usize).min(half - 1)
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn buckets_follow_the_specification() {
        let forward = |n| bucket(0, n, 32, 128);
        let backward = |n| bucket(n, 0, 32, 128);
        assert_eq!((backward(0), backward(7), backward(8), backward(127), backward(4000)), (0, 7, 8, 15, 15));
        assert_eq!((forward(1), forward(7), forward(8), forward(128)), (17, 23, 24, 31));
        // ln(16/8)/ln(16)·8 = 2, exactly on a boundary.
        assert_eq!(backward(16), 10);
    }
}
