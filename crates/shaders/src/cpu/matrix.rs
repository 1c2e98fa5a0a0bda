//! Matrix products on parts of slices.

/// Part of a slice, read as a matrix.
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub start: usize,
    pub rows: usize,
    pub columns: usize,
    /// From row to row and from column to column.
    pub strides: [usize; 2],
}

impl Matrix<'_> {
    pub(super) fn part(&self, from: usize, rows: usize) -> Self {
        Self { start: self.start + from * self.strides[0], rows, ..*self }
    }

    pub(super) fn transposed(&self) -> Self {
        let [row, column] = self.strides;
        Self { rows: self.columns, columns: self.rows, strides: [column, row], ..*self }
    }

    /// One past the furthest value.
    fn end(&self) -> usize {
        self.start
            + (self.rows.max(1) - 1) * self.strides[0]
            + (self.columns.max(1) - 1) * self.strides[1]
            + 1
    }
}

/// `output = keep · output + factor · a · b`, row-major.
#[allow(unsafe_code)]
pub(super) fn multiply(output: &mut [f32], keep: f32, a: &Matrix<'_>, b: &Matrix<'_>, factor: f32) {
    let (rows, columns, inner) = (a.rows, b.columns, a.columns);
    assert!(b.rows == inner && output.len() >= rows * columns, "matrices do not fit each other");
    assert!(a.end() <= a.values.len() && b.end() <= b.values.len(), "a matrix ends outside its values");
    // SAFETY: every place that the sizes and strides lead to lies in its slice, as asserted; the output is borrowed
    // mutably, so it overlaps nothing.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            columns as isize,
            keep != 0.0,
            a.values.as_ptr().add(a.start),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.values.as_ptr().add(b.start),
            b.strides[1] as isize,
            b.strides[0] as isize,
            keep,
            factor,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
