//! Little-endian bytes to numbers.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};

use crate::{Dtype, E4M3};

/// Elements converted at a time: the data need not be aligned, so half floats pass through a small buffer.
const BLOCK: usize = 2048;

/// The dtypes that weights may have, for messages.
pub const FLOATS: &str = "F32, F16, BF16 or F8_E4M3";

/// The numbers in `bytes`, `None` when `dtype` is not one of [`FLOATS`]. Bytes after the last whole element are
/// left out.
pub(crate) fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    match dtype {
        Dtype::F32 => Some(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => {
            Some(widen(bytes, |bits, out| bits.reinterpret_cast::<f16>().convert_to_f32_slice(out)))
        }
        Dtype::Bf16 => {
            Some(widen(bytes, |bits, out| bits.reinterpret_cast::<bf16>().convert_to_f32_slice(out)))
        }
        Dtype::F8E4m3 => Some(bytes.iter().map(|&code| E4M3[usize::from(code)]).collect()),
        _ => None,
    }
}

fn widen(bytes: &[u8], convert: impl Fn(&[u16], &mut [f32])) -> Vec<f32> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut numbers = vec![0.0; pairs.len()];
    let mut buffer = [0_u16; BLOCK];
    for (pairs, out) in pairs.chunks(BLOCK).zip(numbers.chunks_mut(BLOCK)) {
        let (bits, _) = buffer.split_at_mut(pairs.len());
        for (bits, pair) in bits.iter_mut().zip(pairs) {
            *bits = u16::from_le_bytes(*pair);
        }
        convert(bits, out);
    }
    numbers
}

/// The 32-bit integers in `bytes`.
pub(crate) fn to_i32(bytes: &[u8]) -> Vec<i32> {
    bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b)).collect()
}

/// The 32-bit words in `bytes`; a last one that is not whole is filled up with zeros.
pub(crate) fn to_u32(bytes: &[u8]) -> Vec<u32> {
    let (words, rest) = bytes.as_chunks();
    let mut words: Vec<u32> = words.iter().map(|b| u32::from_le_bytes(*b)).collect();
    if !rest.is_empty() {
        let mut last = [0; 4];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        words.push(u32::from_le_bytes(last));
    }
    words
}

/// The first number that is NaN or infinite, and where it is.
pub(crate) fn find_non_finite(numbers: &[f32]) -> Option<(usize, f32)> {
    // A block is scanned without an early exit, which lets the compiler look at many numbers at once.
    let bad = |block: &&[f32]| block.iter().fold(false, |bad, number| bad | !number.is_finite());
    let (block, numbers) = numbers.chunks(BLOCK).enumerate().find(|(_, numbers)| bad(numbers))?;
    let (index, number) = numbers.iter().enumerate().find(|(_, number)| !number.is_finite())?;
    Some((block * BLOCK + index, *number))
}
