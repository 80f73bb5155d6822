//! Matrix products on slices with the `gemm` crate, which the CPU backend uses too.
//!
//! `gemm` is called directly because the backend zeroes and copies each result once more,
//! and because it can read and write a strided part of a larger slice in place.

/// A read-only matrix in a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    /// Returns a matrix of `[rows, columns]` that starts at the first number and has rows `stride` numbers apart.
    pub(super) const fn new(values: &'a [f32], shape: [usize; 2], stride: usize) -> Self {
        Self { values, rows: shape[0], columns: shape[1], row_step: stride, column_step: 1 }
    }

    /// Returns the transposed matrix.
    pub(super) const fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }

    fn check(&self) {
        let last = (self.rows - 1) * self.row_step + (self.columns - 1) * self.column_step;
        assert!(last < self.values.len(), "the matrix is within its slice");
    }
}

/// A mutable matrix in a slice.
#[derive(Debug)]
pub(super) struct MatrixMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Returns a matrix of `[rows, columns]` that starts at the first number and has rows `stride` numbers apart.
    pub(super) const fn new(values: &'a mut [f32], shape: [usize; 2], stride: usize) -> Self {
        Self { values, rows: shape[0], columns: shape[1], stride }
    }

    /// Sets the matrix to `left · right`.
    pub(super) fn set_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, Accumulation::Overwrite);
    }

    /// Adds `left · right` to the matrix.
    pub(super) fn add_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, Accumulation::Add);
    }

    #[expect(unsafe_code, reason = "`gemm` takes pointers; bounds are checked first")]
    fn product(&mut self, left: Matrix<'_>, right: Matrix<'_>, accumulation: Accumulation) {
        assert_eq!(left.columns, right.rows, "inner dimensions match");
        assert_eq!((left.rows, right.columns), (self.rows, self.columns), "outer dimensions match");
        if self.rows == 0 || self.columns == 0 || left.columns == 0 {
            return;
        }
        left.check();
        right.check();
        let last = (self.rows - 1) * self.stride + self.columns - 1;
        assert!(last < self.values.len(), "the result is within its slice");
        assert!(self.rows == 1 || self.stride >= self.columns, "rows of the result do not overlap");
        // SAFETY: by the checks above, every number that `gemm` reads is within `left.values` or `right.values`,
        // and every number of the result that it reads or writes is within `self.values`, which is borrowed mutably
        // and therefore not aliased.
        unsafe {
            gemm::gemm(
                self.rows,
                self.columns,
                left.columns,
                self.values.as_mut_ptr(),
                1,
                self.stride.cast_signed(),
                accumulation == Accumulation::Add,
                left.values.as_ptr(),
                left.column_step.cast_signed(),
                left.row_step.cast_signed(),
                right.values.as_ptr(),
                right.column_step.cast_signed(),
                right.row_step.cast_signed(),
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// The way a product is written to its destination.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accumulation {
    Overwrite,
    Add,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_match_a_triple_loop() {
        let (rows, inner, columns, stride) = (7, 5, 3, 4);
        let left: Vec<f32> = (0..rows * inner).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
        let right: Vec<f32> = (0..inner * columns).map(|i| ((i * 5) % 13) as f32 - 6.0).collect();
        let mut out = vec![1.0; rows * stride];
        let a = Matrix::new(&left, [rows, inner], inner);
        // Stored column by column.
        let b = Matrix::new(&right, [columns, inner], inner).transposed();
        let mut product = MatrixMut::new(&mut out, [rows, columns], stride);
        product.set_product(a, b);
        product.add_product(a, b);
        for row in 0..rows {
            for column in 0..columns {
                let terms = (0..inner).map(|k| left[row * inner + k] * right[column * inner + k]);
                assert_eq!(out[row * stride + column], 2.0 * terms.sum::<f32>());
            }
            assert!(row + 1 == rows || out[row * stride + columns] == 1.0);
        }
    }

    #[test]
    fn rejects_a_matrix_larger_than_its_slice() {
        let result = std::panic::catch_unwind(|| {
            let values = [0.0; 5];
            let mut out = [0.0; 4];
            let matrix = Matrix::new(&values, [2, 3], 3);
            MatrixMut::new(&mut out, [2, 2], 2).set_product(matrix, matrix.transposed());
        });
        assert!(result.is_err());
    }
}
