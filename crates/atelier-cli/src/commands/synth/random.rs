//! Random weights: any row of any tensor from seed and name alone, so that an interrupted run resumes with the same.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// Weights of a seed.
pub struct Random {
    seed: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Some rows of a tensor, flat; of a scalar its one number. Matrices and kernels are about normal with a variance of
    /// one over their columns, which keeps activations as large as they are; norms are one and biases zero.
    pub fn rows(&self, component: &str, name: &str, shape: &[usize], rows: Range<usize>) -> Vec<f32> {
        let columns: usize = shape.iter().skip(1).product();
        let count = rows.len() * columns;
        if shape.len() < 2 {
            return vec![if name.ends_with(".weight") { 1.0 } else { 0.0 }; count.max(1)];
        }
        let key = self.key(component, name);
        // Four uniform numbers have a variance of a third.
        let scale = (3.0 / columns.max(1) as f32).sqrt();
        let first = rows.start as u64 * columns as u64;
        (first..first + count as u64).map(|index| scale * about_normal(mix(key, index))).collect()
    }

    fn key(&self, component: &str, name: &str) -> u64 {
        let hash = Sha256::digest(format!("{} {component}/{name}", self.seed));
        hash.iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
    }
}

/// A random word for each index (splitmix64).
fn mix(key: u64, index: u64) -> u64 {
    let mut z = key.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The sum of the word's four quarters, each of -0.5 to 0.5.
fn about_normal(word: u64) -> f32 {
    let quarters = [word, word >> 16, word >> 32, word >> 48].map(|part| (part & 0xffff) as u32);
    quarters.iter().sum::<u32>() as f32 / 65_535.0 - 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_depend_on_how_they_are_asked_for() {
        let random = Random::new(7);
        let rows = |rows| random.rows("c", "a.weight", &[40, 96], rows);
        let whole = rows(0..40);
        assert_eq!([rows(0..13), rows(13..40)].concat(), whole);
        assert_ne!(Random::new(8).rows("c", "a.weight", &[40, 96], 0..40), whole);
        assert_ne!(random.rows("c", "b.weight", &[40, 96], 0..40), whole);
    }

    #[test]
    fn matrices_keep_the_size_of_what_they_multiply() {
        let weights = Random::new(1).rows("c", "a.weight", &[300, 400], 0..300);
        let mean = weights.iter().map(|&x| f64::from(x)).sum::<f64>() / weights.len() as f64;
        let square = weights.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / weights.len() as f64;
        assert!(mean.abs() < 1e-3 && (400.0 * square - 1.0).abs() < 0.02, "{mean}, {square}");
    }

    #[test]
    fn norms_are_one_and_biases_zero() {
        let row = |name, shape: &[usize], rows| Random::new(1).rows("c", name, shape, rows);
        assert_eq!(row("norm.weight", &[3], 0..3), [1.0; 3]);
        assert_eq!(row("norm.bias", &[3], 0..2), [0.0; 2]);
    }
}
