//! Twin of [`crate::mul_mat()`]: part of the matrix is unpacked at a time, into what the caches hold.

use burn::backend::{Flex, TensorMetadata};
use burn_flex::FlexTensor;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::block_dot::{self, BlockDots};
use super::packed::Matrix;
use super::rounded_dot::{self, RoundedDots, RoundedRow};
use super::{math, tensor, values};
use crate::mul_mat::RowPrecision;
use crate::packed::Packed;

/// Up to so many rows of `x` are multiplied one by one: a tile is read from the cache as often.
const MAX_DOT_ROWS: usize = 4;
/// Rows of the matrix that a task unpacks whole, for few rows of `x`.
const TILE: usize = 16;
/// Rows and columns of the matrix that all threads unpack together, for many: `x` is brought into the order of the dense
/// product once for so many rows.
const PANEL: [usize; 2] = [2048, 512];

pub fn twin(x: FlexTensor, weights: Packed<Flex>, bias: FlexTensor, precision: RowPrecision) -> FlexTensor {
    let weights = &Matrix::of(weights);
    let x = if x.is_contiguous() { x } else { x.to_contiguous() };
    let bias = if bias.is_contiguous() { bias } else { bias.to_contiguous() };
    let [rows, _] = x.shape().dims();
    let (x, bias) = (values(&x), values(&bias));
    if rows > MAX_DOT_ROWS {
        return tensor(many_rows(x, weights, bias), [rows, weights.rows]);
    }
    let columns = weights.columns.max(1);
    let rows_of_x = x.chunks_exact(columns);
    // Each tile gives all rows of `x`, [tile, rows]: so every task writes to one place.
    let mut transposed = vec![0.0; weights.rows * rows];
    let tiles = transposed.par_chunks_mut((TILE * rows).max(1)).enumerate().map(|(index, output)| {
        let first = index * TILE;
        (first, &bias[first..weights.rows.min(first + TILE)], output)
    });
    if precision == RowPrecision::Rounded && rounded_dot::takes(weights.scheme) {
        let all: Vec<_> = rows_of_x.map(|row| RoundedRow::of(row, weights.scheme)).collect();
        tiles.for_each_init(Vec::new, |scales, (first, bias, output)| {
            for (row, x) in all.iter().enumerate() {
                let output = &mut output[row..];
                RoundedDots { weights, first, x, bias, output, step: rows, scales }.run();
            }
        });
    } else if block_dot::takes(weights.scheme) {
        let all: Vec<_> = rows_of_x.map(|row| block_dot::in_order_of_codes(row, weights.scheme)).collect();
        tiles.for_each_init(Vec::new, |scales, (first, bias, output)| {
            for (row, x) in all.iter().enumerate() {
                let output = &mut output[row..];
                pulp::Arch::new().dispatch(BlockDots { weights, first, x, bias, output, step: rows, scales });
            }
        });
    } else {
        tiles.for_each_init(
            || vec![0.0; TILE * weights.columns],
            |tile, (row, bias, output)| {
                let width = weights.columns;
                let tile = &mut tile[..bias.len() * width];
                pulp::Arch::new().dispatch(Unpack { weights, row, column: 0, width, tile });
                pulp::Arch::new().dispatch(Dots { tile, x, bias, columns: width, output });
            },
        );
    }
    let output = tensor(transposed, [weights.rows, rows]);
    let layout = output.layout().transpose(0, 1);
    output.with_layout(layout)
}

/// `x·Wᵀ + bias` as dense products of unpacked panels, `[rows, weights.rows]`.
fn many_rows(x: &[f32], weights: &Matrix, bias: &[f32]) -> Vec<f32> {
    let columns = weights.columns;
    let mut output: Vec<f32> =
        bias.iter().copied().cycle().take(x.len() / columns.max(1) * bias.len()).collect();
    let mut panel = vec![0.0; PANEL[0].min(weights.rows) * PANEL[1].min(columns)];
    for row in (0..weights.rows).step_by(PANEL[0]) {
        let height = PANEL[0].min(weights.rows - row);
        for column in (0..columns).step_by(PANEL[1]) {
            let width = PANEL[1].min(columns - column);
            let panel = &mut panel[..height * width];
            panel.par_chunks_mut(TILE * width).enumerate().for_each(|(tile, part)| {
                let row = row + tile * TILE;
                pulp::Arch::new().dispatch(Unpack { weights, row, column, width, tile: part });
            });
            add_product(x, column, panel, width, &mut output, [row, columns, weights.rows]);
        }
    }
    output
}

/// Unpacks some columns of consecutive rows.
struct Unpack<'a> {
    weights: &'a Matrix,
    /// The first of them.
    row: usize,
    /// As the row; a multiple of a block.
    column: usize,
    /// How many columns.
    width: usize,
    tile: &'a mut [f32],
}

impl NullaryFnOnce for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (row, out) in (self.row..).zip(self.tile.chunks_exact_mut(self.width.max(1))) {
            self.weights.unpack(row, self.column, out);
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

/// Adds to columns of `output` `[rows, out]`, from `first` on, columns of `x` `[rows, columns]`, from `column` on, times the
/// rows of a panel of `width` of the matrix's columns.
#[allow(unsafe_code)]
fn add_product(
    x: &[f32],
    column: usize,
    panel: &[f32],
    width: usize,
    output: &mut [f32],
    [first, columns, out]: [usize; 3],
) {
    let (rows, count) = (x.len() / columns.max(1), panel.len() / width.max(1));
    assert!(x.len() == rows * columns && column + width <= columns, "the panel is not of these columns");
    assert!(panel.len() == count * width && first + count <= out, "the panel is not of these rows");
    assert!(output.len() == rows * out, "the result does not fit");
    // SAFETY: as asserted, all three are row-major with so many columns, and the parts lie inside them.
    unsafe {
        gemm::gemm(
            rows,
            count,
            width,
            output.as_mut_ptr().add(first),
            1,
            out as isize,
            true,
            x.as_ptr().add(column),
            1,
            columns as isize,
            panel.as_ptr(),
            width as isize,
            1,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}
