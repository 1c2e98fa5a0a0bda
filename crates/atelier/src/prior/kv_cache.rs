//! Keys and values of the tokens already seen.

use burn::tensor::{Tensor, s};

/// The cache of every layer, for one sequence.
///
/// The buffers are allocated once at their full length and written in place: a token costs the same whether it is
/// the second or the thousandth, but for the attention itself.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
}

/// The cache of one layer.
#[derive(Debug)]
pub struct LayerCache {
    /// `[1, heads, capacity, head_dim]`, made when the first tokens tell the sizes.
    buffers: Option<(Tensor<4>, Tensor<4>)>,
    capacity: usize,
    len: usize,
}

impl KvCache {
    pub(super) fn new(layers: usize, capacity: usize) -> Self {
        let layer = || LayerCache { buffers: None, capacity, len: 0 };
        Self { layers: (0..layers).map(|_| layer()).collect(), len: 0 }
    }

    /// Tokens seen so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no token was seen yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn layer(&mut self, index: usize) -> &mut LayerCache {
        &mut self.layers[index]
    }

    pub(super) fn advance(&mut self, seq: usize) {
        self.len += seq;
    }
}

impl LayerCache {
    /// Adds the keys and values of new tokens and returns those of all tokens so far.
    ///
    /// # Shapes
    /// - k, v: `[1, heads, seq, head_dim]`
    /// - output: `[1, heads, context, head_dim]` each
    pub fn append(&mut self, k: Tensor<4>, v: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [batch, heads, seq, head_dim] = k.dims();
        let (start, end) = (self.len, self.len + seq);
        // Taking the buffers out leaves one owner each, which is what lets the assignment happen in place.
        let (keys, values) = self.buffers.take().unwrap_or_else(|| {
            let empty = || Tensor::zeros([batch, heads, self.capacity, head_dim], &k.device());
            (empty(), empty())
        });
        let keys = keys.slice_assign(s![.., .., start..end, ..], k);
        let values = values.slice_assign(s![.., .., start..end, ..], v);
        let seen = (keys.clone().narrow(2, 0, end), values.clone().narrow(2, 0, end));
        self.buffers = Some((keys, values));
        self.len = end;
        seen
    }
}
