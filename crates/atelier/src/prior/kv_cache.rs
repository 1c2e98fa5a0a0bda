//! Keys and values of the tokens already seen.

use atelier_shaders::KeyValueCache;
use burn::tensor::{DType, Tensor};
use serde::Serialize;

use crate::rope::Rope;

/// The numbers that keys and values are kept in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CachePrecision {
    /// 32 bits, as they are computed.
    #[default]
    F32,
    /// 16 bits and a scale for each row: half the room, and keys and values off by 2⁻¹² of themselves at most.
    F16,
}

impl CachePrecision {
    /// Bytes of a number.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    const fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

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
    /// Made when the first tokens tell the sizes.
    buffers: Option<KeyValueCache>,
    precision: CachePrecision,
    capacity: usize,
    len: usize,
}

impl KvCache {
    pub(super) fn new(layers: usize, capacity: usize, precision: CachePrecision) -> Self {
        let layer = || LayerCache { buffers: None, precision, capacity, len: 0 };
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
    /// Turns the queries and keys of new tokens, adds keys and values, and returns how the queries attend to all of them
    /// so far. `heads` are those of queries, and of keys and values.
    ///
    /// # Shapes
    /// - qkv: `[1, seq, (heads + 2 * key_value_heads) * head_dim]`
    /// - output: `[1, heads, seq, head_dim]`
    pub fn attend(&mut self, qkv: Tensor<3>, rope: &Rope, [heads, key_value_heads]: [usize; 2]) -> Tensor<4> {
        let [_, seq, width] = qkv.dims();
        let head_dim = width / (heads + 2 * key_value_heads);
        let (start, end) = (self.len, self.len + seq);
        // Taking the buffers out leaves one owner each, which is what lets the assignment happen in place.
        let buffers = self.buffers.take().unwrap_or_else(|| {
            let sizes = [key_value_heads, self.capacity, head_dim];
            KeyValueCache::empty(sizes, self.precision.dtype(), &qkv.device())
        });
        let (cos, sin) = (rope.cos.clone(), rope.sin.clone());
        let (q, buffers) = atelier_shaders::rope_append(qkv, cos, sin, buffers, start);
        let attended = atelier_shaders::attention_over_cache(q, &buffers, end);
        self.buffers = Some(buffers);
        self.len = end;
        attended
    }
}
