//! Packed rows on the processor.

use atelier_weights::{BLOCK, E4M3, Scheme};
use burn::backend::{Flex, TensorMetadata};
use burn_flex::FlexTensor;
use half::slice::HalfBitsSliceExt;
use half::slice::HalfFloatSliceExt;

use crate::packed::Packed;

/// A packed matrix as it lies in memory.
pub(super) struct Matrix {
    codes: FlexTensor,
    scales: FlexTensor,
    pub scheme: Scheme,
    code_words: usize,
    scale_words: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Matrix {
    pub fn of(packed: Packed<Flex>) -> Self {
        let columns = packed.columns();
        let Packed { codes, scales, scheme } = packed;
        let contiguous = |x: FlexTensor| if x.is_contiguous() { x } else { x.to_contiguous() };
        let (codes, scales) = (contiguous(codes), contiguous(scales));
        let [rows, code_words] = codes.shape().dims();
        Self { codes, scales, scheme, code_words, scale_words: scheme.scale_words(columns), rows, columns }
    }

    /// The codes of a row as they lie in memory.
    pub fn bytes(&self, row: usize) -> &[u8] {
        bytemuck::cast_slice(&words(&self.codes)[row * self.code_words..][..self.code_words])
    }

    /// The halves in a row's words of scales, as f32: as many as `out` has room for.
    #[inline(always)]
    pub fn halves(&self, row: usize, out: &mut [f32]) {
        let words = &words(&self.scales)[row * self.scale_words..][..self.scale_words];
        let halves: &[u16] = bytemuck::cast_slice(words);
        halves[..out.len()].reinterpret_cast::<half::f16>().convert_to_f32_slice(out);
    }

    /// Numbers of a row from column `first` on, a multiple of [`BLOCK`], as f32. Runs inside `pulp`, where its loops become wide.
    #[inline(always)]
    pub fn unpack(&self, row: usize, first: usize, out: &mut [f32]) {
        let before = first / self.scheme.codes_per_word();
        let codes = &words(&self.codes)[row * self.code_words + before..][..self.code_words - before];
        let scales = if self.scale_words == 0 {
            &[]
        } else {
            &words(&self.scales)[row * self.scale_words..][..self.scale_words]
        };
        let first_block = first / BLOCK;
        let half =
            |place: usize| half::f16::from_bits((scales[place / 2] >> (16 * (place % 2))) as u16).to_f32();
        let blocks = out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate();
        match self.scheme {
            Scheme::F32 => {
                out.iter_mut().zip(codes).for_each(|(out, &word)| *out = f32::from_bits(word.cast_unsigned()))
            }
            Scheme::F16 => {
                let mut bits = [0_u16; BLOCK];
                for (out, words) in
                    out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(codes.chunks_exact(BLOCK / 2))
                {
                    for (bits, &word) in bits.as_chunks_mut::<2>().0.iter_mut().zip(words) {
                        *bits = [word as u16, (word >> 16) as u16];
                    }
                    bits.reinterpret_cast::<half::f16>().convert_to_f32_slice(out);
                }
            }
            Scheme::Bf16 => {
                for (out, &word) in out.as_chunks_mut::<2>().0.iter_mut().zip(codes) {
                    let word = word.cast_unsigned();
                    *out = [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)];
                }
            }
            Scheme::F8 => {
                for (out, &word) in out.as_chunks_mut::<4>().0.iter_mut().zip(codes) {
                    *out = word.to_le_bytes().map(|code| E4M3[usize::from(code)]);
                }
            }
            Scheme::Q8 => {
                for (block, out) in blocks {
                    let scale = half(first_block + block);
                    for (out, &word) in out.as_chunks_mut::<4>().0.iter_mut().zip(&codes[block * 8..]) {
                        for (out, code) in out.iter_mut().zip(word.to_le_bytes()) {
                            *out = scale * f32::from(code.cast_signed());
                        }
                    }
                }
            }
            Scheme::Q4 | Scheme::Q4Offset => {
                for (block, out) in blocks {
                    let (scale, offset) = if self.scheme == Scheme::Q4 {
                        let scale = half(first_block + block);
                        (scale, -8.0 * scale)
                    } else {
                        let place = 2 * (first_block + block);
                        (half(place), half(place + 1))
                    };
                    for (out, &word) in out.as_chunks_mut::<8>().0.iter_mut().zip(&codes[block * 4..]) {
                        for (place, out) in out.iter_mut().enumerate() {
                            *out = scale * ((word >> (4 * place)) & 15) as f32 + offset;
                        }
                    }
                }
            }
        }
    }
}

/// The words of a contiguous tensor.
fn words(x: &FlexTensor) -> &[i32] {
    let start = x.layout().start_offset();
    &x.storage::<i32>()[start..start + x.layout().num_elements()]
}
