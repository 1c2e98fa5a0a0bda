//! Twin of [`crate::mul_mat()`]: some rows of the matrix are unpacked at a time, into what the cache holds.

use burn::backend::{Flex, TensorMetadata};
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::packed::Matrix;
use super::{math, tensor, values};
use crate::mul_mat::RowPrecision;
use crate::packed::Packed;

/// Rows of the matrix that a task unpacks at a time.
const TILE: usize = 16;
/// Up to so many rows of `x` are multiplied one by one: a tile is read from the cache as often.
const MAX_DOT_ROWS: usize = 4;

pub fn twin(x: FlexTensor, weights: Packed<Flex>, bias: FlexTensor, _: RowPrecision) -> FlexTensor {
    let weights = &Matrix::of(weights);
    let x = if x.is_contiguous() { x } else { x.to_contiguous() };
    let bias = if bias.is_contiguous() { bias } else { bias.to_contiguous() };
    let [rows, _] = x.shape().dims();
    let (x, bias) = (values(&x), values(&bias));
    // Each tile gives all rows of `x`, [tile, rows]: so every task writes to one place.
    let mut transposed = vec![0.0; weights.rows * rows];
    transposed.par_chunks_mut((TILE * rows).max(1)).enumerate().for_each_init(
        || vec![0.0; TILE * weights.columns],
        |tile, (index, output)| {
            let first = index * TILE;
            let count = TILE.min(weights.rows - first);
            let tile = &mut tile[..count * weights.columns];
            pulp::Arch::new().dispatch(Unpack { weights, first, tile });
            let bias = &bias[first..first + count];
            if rows <= MAX_DOT_ROWS {
                pulp::Arch::new().dispatch(Dots { tile, x, bias, columns: weights.columns, output });
            } else {
                product(tile, x, bias, weights.columns, output);
            }
        },
    );
    let output = tensor(transposed, [weights.rows, rows]);
    let layout = output.layout().transpose(0, 1);
    output.with_layout(layout)
}

/// Unpacks consecutive rows.
struct Unpack<'a> {
    weights: &'a Matrix,
    first: usize,
    tile: &'a mut [f32],
}

impl NullaryFnOnce for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (row, out) in (self.first..).zip(self.tile.chunks_exact_mut(self.weights.columns.max(1))) {
            self.weights.unpack(row, out);
        }
    }
}

/// Every row of a tile with every row of `x`.
struct Dots<'a> {
    tile: &'a [f32],
    x: &'a [f32],
    bias: &'a [f32],
    columns: usize,
    /// `[tile, rows]`.
    output: &'a mut [f32],
}

impl NullaryFnOnce for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let columns = self.columns.max(1);
        let rows = self.x.len() / columns;
        let tile = self.tile.chunks_exact(columns).zip(self.bias);
        for ((weights, bias), output) in tile.zip(self.output.chunks_exact_mut(rows.max(1))) {
            for (x, output) in self.x.chunks_exact(columns).zip(output) {
                *output = math::dot(weights, x) + bias;
            }
        }
    }
}

/// The same by gemm.
#[allow(unsafe_code)]
fn product(tile: &[f32], x: &[f32], bias: &[f32], columns: usize, output: &mut [f32]) {
    let (count, rows) = (bias.len(), x.len() / columns.max(1));
    assert!(tile.len() == count * columns && x.len() == rows * columns, "matrices do not fit each other");
    assert!(output.len() == count * rows, "the result does not fit");
    for (output, &bias) in output.chunks_exact_mut(rows.max(1)).zip(bias) {
        output.fill(bias);
    }
    // SAFETY: tile [count, columns], x [rows, columns] and output [count, rows] are row-major and complete, as asserted.
    unsafe {
        gemm::gemm(
            count,
            rows,
            columns,
            output.as_mut_ptr(),
            1,
            rows as isize,
            true,
            tile.as_ptr(),
            1,
            columns as isize,
            x.as_ptr(),
            columns as isize,
            1,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
