//! How the weights of a matrix are stored, and block quantization: 32 neighbouring weights of a row share a scale.
//!
//! A packed matrix is two arrays of 32-bit words, which is what a GPU binds: codes, and scales. Rows follow each other.
//!
//! | scheme | a code is | a weight is | bits a weight |
//! |---|---|---|---|
//! | [`Scheme::F32`] | a number, one in a word | the code | 32 |
//! | [`Scheme::F16`], [`Scheme::Bf16`] | a number, two in a word | the code | 16 |
//! | [`Scheme::F8`] | a number, four in a word | the code | 8 |
//! | [`Scheme::Q8`] | a signed byte, four in a word | `scale · code` | 8.5 |
//! | [`Scheme::Q4`] | a nibble, eight in a word | `scale · (code - 8)` | 4.5 |
//! | [`Scheme::Q4Offset`] | a nibble, eight in a word | `scale · code + offset` | 5 |
//!
//! The first code is in a word's lowest bits. Scales and offsets are F16: two blocks' scales in a word, the first in
//! its lower half, a last odd one alone; with an offset, a block's scale in the lower and its offset in the upper half.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use crate::e4m3::to_e4m3;
use crate::{E4M3, Search};

/// Weights that share a scale.
pub const BLOCK: usize = 32;

/// How weights are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the exponents of 32.
    Bf16,
    /// 8-bit floats, [`E4M3`].
    F8,
    /// Eight bits and a scale.
    Q8,
    /// Four bits.
    Q4,
    /// Four bits and an offset for each block.
    Q4Offset,
}

/// A packed matrix, or some rows of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// [`Scheme::code_words`] for each row.
    pub codes: Vec<u32>,
    /// [`Scheme::scale_words`] for each row.
    pub scales: Vec<u32>,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: &[Self] =
        &[Self::F32, Self::F16, Self::Bf16, Self::F8, Self::Q8, Self::Q4, Self::Q4Offset];

    /// Those with blocks and scales.
    pub const QUANTIZED: &[Self] = &[Self::Q8, Self::Q4, Self::Q4Offset];

    /// The name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F8 => "f8",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
            Self::Q4Offset => "q4-offset",
        }
    }

    /// Whether it has blocks and scales.
    pub const fn is_quantized(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4 | Self::Q4Offset)
    }

    /// A row's columns must be a multiple of this.
    pub const fn multiple(self) -> usize {
        if self.is_quantized() { BLOCK } else { self.codes_per_word() }
    }

    /// Weights in a word of codes.
    pub const fn codes_per_word(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F8 | Self::Q8 => 4,
            Self::Q4 | Self::Q4Offset => 8,
        }
    }

    /// Words of codes in a row.
    pub const fn code_words(self, columns: usize) -> usize {
        columns / self.codes_per_word()
    }

    /// Words of scales in a row.
    pub const fn scale_words(self, columns: usize) -> usize {
        let blocks = columns / BLOCK;
        match self {
            Self::F32 | Self::F16 | Self::Bf16 | Self::F8 => 0,
            Self::Q8 | Self::Q4 => blocks.div_ceil(2),
            Self::Q4Offset => blocks,
        }
    }

    /// Bytes of a packed row, codes and scales.
    pub const fn row_bytes(self, columns: usize) -> usize {
        4 * (self.code_words(columns) + self.scale_words(columns))
    }

    /// Packs rows of `columns` weights, a multiple of [`Scheme::multiple`]; what does not fill a row is left out.
    /// `importance` says for each column how much an error there counts, and may be shorter: the rest counts once.
    pub fn pack(self, search: Search, columns: usize, weights: &[f32], importance: &[f32]) -> Packed {
        if !self.is_quantized() {
            let codes = weights.chunks_exact(self.codes_per_word()).map(|weights| self.word(weights));
            return Packed { codes: codes.collect(), scales: Vec::new() };
        }
        let mut packed = Packed::default();
        for row in weights.chunks_exact(columns.max(1)) {
            let mut scales = Vec::with_capacity(2 * self.scale_words(columns));
            for (index, block) in row.as_chunks::<BLOCK>().0.iter().enumerate() {
                let mut counts = [1.0; BLOCK];
                for (count, &importance) in counts.iter_mut().zip(importance.iter().skip(index * BLOCK)) {
                    *count = importance;
                }
                let fitted = self.fit(search, block, &counts);
                scales.push(fitted.scale.to_bits());
                if self == Self::Q4Offset {
                    scales.push(fitted.offset.to_bits());
                }
                packed.codes.extend(self.words(&fitted.codes));
            }
            packed.scales.extend(
                scales.chunks(2).map(|pair| {
                    u32::from(pair[0]) | pair.get(1).map_or(0, |&second| u32::from(second) << 16)
                }),
            );
        }
        packed
    }

    /// The weights that packed rows stand for. Words that do not fill a row are left out.
    pub fn unpack(self, columns: usize, packed: &Packed) -> Vec<f32> {
        if !self.is_quantized() {
            return packed.codes.iter().flat_map(|&word| self.floats(word)).collect();
        }
        let rows = packed.codes.chunks_exact(self.code_words(columns).max(1));
        let scales = packed.scales.chunks_exact(self.scale_words(columns).max(1));
        let mut weights = Vec::with_capacity(packed.codes.len() * self.codes_per_word());
        for (codes, scales) in rows.zip(scales) {
            let words = BLOCK / self.codes_per_word();
            for (block, codes) in codes.chunks_exact(words).enumerate() {
                let half =
                    |index: usize| f16::from_bits((scales[index / 2] >> (16 * (index % 2))) as u16).to_f32();
                let (scale, offset) = match self {
                    Self::Q4 => (half(block), -8.0 * half(block)),
                    Self::Q4Offset => (half(2 * block), half(2 * block + 1)),
                    _ => (half(block), 0.0),
                };
                for word in codes {
                    for place in 0..self.codes_per_word() {
                        weights.push(scale * self.code(*word, place) + offset);
                    }
                }
            }
        }
        weights
    }

    /// The first scale, offset or float that is NaN or infinite; with the number of the weight, or of the first weight
    /// that a scale belongs to. The unused half of a row with an odd number of blocks counts as its last block's.
    pub(crate) fn find_non_finite(self, columns: usize, packed: &Packed) -> Option<(usize, f32)> {
        if !self.is_quantized() {
            let mut floats = packed.codes.iter().flat_map(|&word| self.floats(word)).enumerate();
            return floats.find(|(_, value)| !value.is_finite());
        }
        let per_row = self.scale_words(columns).max(1);
        packed.scales.iter().enumerate().find_map(|(at, &word)| {
            let (half, value) = Self::F16.floats(word).enumerate().find(|(_, value)| !value.is_finite())?;
            let (row, word) = (at / per_row, at % per_row);
            let block = if self == Self::Q4Offset { word } else { 2 * word + half };
            let last = (columns / BLOCK).saturating_sub(1);
            Some((row * columns + block.min(last) * BLOCK, value))
        })
    }

    /// The code at a place of a word, as a number.
    fn code(self, word: u32, place: usize) -> f32 {
        match self {
            Self::Q4 | Self::Q4Offset => ((word >> (4 * place)) & 15) as f32,
            _ => f32::from((word >> (8 * place)) as u8 as i8),
        }
    }

    /// Floats as a file has them, little-endian; for a scheme of blocks as f32. Eight bits cannot hold what is beyond 448,
    /// which becomes that.
    pub fn float_bytes(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            Self::Bf16 => values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect(),
            Self::F8 => values.iter().map(|&value| to_e4m3(value)).collect(),
            _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// A word of floats.
    fn word(self, weights: &[f32]) -> u32 {
        let bits = |&weight: &f32| match self {
            Self::F16 => u32::from(f16::from_f32(weight).to_bits()),
            Self::Bf16 => u32::from(bf16::from_f32(weight).to_bits()),
            Self::F8 => u32::from(to_e4m3(weight)),
            _ => weight.to_bits(),
        };
        let width = 32 / self.codes_per_word() as u32;
        weights.iter().rev().fold(0, |word, weight| word.unbounded_shl(width) | bits(weight))
    }

    /// The floats of a word.
    fn floats(self, word: u32) -> impl Iterator<Item = f32> {
        let halves = [word as u16, (word >> 16) as u16];
        let two = |[first, second]: [f32; 2]| [first, second, 0.0, 0.0];
        let floats = match self {
            Self::F16 => two(halves.map(|bits| f16::from_bits(bits).to_f32())),
            Self::Bf16 => two(halves.map(|bits| bf16::from_bits(bits).to_f32())),
            Self::F8 => word.to_le_bytes().map(|code| E4M3[usize::from(code)]),
            _ => [f32::from_bits(word); 4],
        };
        floats.into_iter().take(self.codes_per_word())
    }

    fn words(self, codes: &[i16; BLOCK]) -> impl Iterator<Item = u32> {
        let (bits, mask) = if self == Self::Q8 { (8, 255) } else { (4, 15) };
        codes.chunks(self.codes_per_word()).map(move |codes| {
            let place =
                |(place, &code): (usize, &i16)| (u32::from(code.cast_unsigned()) & mask) << (bits * place);
            codes.iter().enumerate().map(place).fold(0, |word, code| word | code)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scheme_can_say_comes_back_exactly() {
        for &scheme in Scheme::QUANTIZED {
            let (low, high, _) = scheme.codes();
            let weights: Vec<f32> = (0..3 * BLOCK)
                .map(|i| 0.25 * (low + (i % BLOCK) as f32 / 31.0 * (high - low)).round() - 1.0)
                .map(|x| {
                    if scheme == Scheme::Q4Offset {
                        x
                    } else {
                        x + 1.0 - if scheme == Scheme::Q4 { 2.0 } else { 0.0 }
                    }
                })
                .collect();
            for search in [Search::Nearest, Search::LeastSquares] {
                let packed = scheme.pack(search, BLOCK, &weights, &[]);
                assert_eq!(packed.codes.len(), 3 * scheme.code_words(BLOCK));
                assert_eq!(packed.scales.len(), 3 * scheme.scale_words(BLOCK));
                assert_eq!(scheme.unpack(BLOCK, &packed), weights, "{scheme:?}, {search:?}");
            }
        }
    }

    #[test]
    fn layout_is_what_kernels_read() {
        let mut weights = [0.0; 2 * BLOCK];
        weights[0] = -8.0;
        weights[9] = 7.0;
        weights[BLOCK] = 127.0;
        let q4 = Scheme::Q4.pack(Search::Nearest, 2 * BLOCK, &weights, &[]);
        assert_eq!(q4.codes[..2], [0x8888_8880, 0x8888_88f8]);
        assert_eq!(q4.scales[0] & 0xffff, u32::from(f16::ONE.to_bits()));
        let q8 = Scheme::Q8.pack(Search::Nearest, 2 * BLOCK, &weights, &[]);
        assert_eq!(q8.codes[8], 127);
        assert_eq!(q8.scales[0] >> 16, u32::from(f16::ONE.to_bits()));
    }

    #[test]
    fn floats_are_kept_bit_for_bit() {
        let weights = [1.0, -0.5, 0.15625, 65280.0, -2.0, 0.0];
        for scheme in [Scheme::F32, Scheme::F16, Scheme::Bf16] {
            let packed = scheme.pack(Search::Nearest, 6, &weights, &[]);
            assert_eq!(packed.codes.len(), scheme.code_words(6));
            assert_eq!(scheme.unpack(6, &packed), weights, "{scheme:?}");
        }
        assert_eq!(Scheme::F16.pack(Search::Nearest, 2, &[1.0, -2.0], &[]).codes, [0xc000_3c00]);
        assert_eq!(Scheme::Bf16.pack(Search::Nearest, 2, &[1.0, -2.0], &[]).codes, [0xc000_3f80]);
    }

    #[test]
    fn the_place_of_what_is_no_number_is_a_weight_of_its_block() {
        // Two rows of three blocks: the second row's third block, and the half that is never read.
        let nan = u32::from(f16::NAN.to_bits());
        let row = [0x3c00_3c00, 0x0000_3c00];
        for (scales, expected) in [
            ([row[0], row[1], row[0], nan], 5 * BLOCK),
            ([row[0], row[1], row[0] | nan << 16, row[1]], 4 * BLOCK),
            ([row[0], row[1] | nan << 16, row[0], row[1]], 2 * BLOCK),
        ] {
            for scheme in [Scheme::Q8, Scheme::Q4] {
                let packed = Packed { codes: vec![0; 2 * scheme.code_words(96)], scales: scales.to_vec() };
                assert_eq!(
                    scheme.find_non_finite(96, &packed).map(|(at, _)| at),
                    Some(expected),
                    "{scales:x?}"
                );
            }
        }
        let scales = vec![row[0], row[0], nan << 16 | 0x3c00];
        let offsets = Packed { codes: vec![0; 3 * 4], scales };
        assert_eq!(Scheme::Q4Offset.find_non_finite(32, &offsets).map(|(at, _)| at), Some(2 * BLOCK));
        let halves = Packed { codes: vec![0x3c00_3c00, nan << 16 | 0x3c00], scales: vec![] };
        assert_eq!(Scheme::F16.find_non_finite(2, &halves).map(|(at, _)| at), Some(3));
    }

    #[test]
    fn zeros_and_constants_are_kept() {
        for &scheme in Scheme::QUANTIZED {
            for value in [0.0, 0.5, -0.5] {
                let weights = [value; BLOCK];
                let packed = scheme.pack(Search::LeastSquares, BLOCK, &weights, &[]);
                for found in scheme.unpack(BLOCK, &packed) {
                    assert!((found - value).abs() < 1e-3, "{scheme:?}: {value} became {found}");
                }
            }
        }
    }
}
