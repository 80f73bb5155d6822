//! Products of matrices in slices, by the `gemm` crate that the CPU back end itself uses.
//!
//! Called directly, because the back end zeroes and copies the result of each product once more,
//! and because a part of a larger slice can be read and written where it lies.

/// A matrix to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    /// Returns the matrix whose rows begin `stride` numbers apart, from the first number on.
    pub(super) const fn new(values: &'a [f32], shape: [usize; 2], stride: usize) -> Self {
        Self { values, rows: shape[0], columns: shape[1], row_step: stride, column_step: 1 }
    }

    /// Returns the matrix with rows and columns exchanged.
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
        assert!(last < self.values.len(), "the matrix lies within its slice");
    }
}

/// A matrix to be written.
#[derive(Debug)]
pub(super) struct MatrixMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Returns the matrix whose rows begin `stride` numbers apart, from the first number on.
    pub(super) const fn new(values: &'a mut [f32], shape: [usize; 2], stride: usize) -> Self {
        Self { values, rows: shape[0], columns: shape[1], stride }
    }

    /// Sets the matrix to `left · right`.
    pub(super) fn set_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, Start::Anew);
    }

    /// Adds `left · right` to the matrix.
    pub(super) fn add_product(&mut self, left: Matrix<'_>, right: Matrix<'_>) {
        self.product(left, right, Start::Added);
    }

    #[expect(unsafe_code, reason = "`gemm` takes pointers; the slices are checked against them")]
    fn product(&mut self, left: Matrix<'_>, right: Matrix<'_>, start: Start) {
        assert_eq!(left.columns, right.rows, "inner lengths agree");
        assert_eq!((left.rows, right.columns), (self.rows, self.columns), "outer lengths agree");
        if self.rows == 0 || self.columns == 0 || left.columns == 0 {
            return;
        }
        left.check();
        right.check();
        let last = (self.rows - 1) * self.stride + self.columns - 1;
        assert!(last < self.values.len(), "the result lies within its slice");
        assert!(self.rows == 1 || self.stride >= self.columns, "rows of the result do not overlap");
        // SAFETY: every number that `gemm` reads lies within `left.values` and `right.values`, and every number
        // that it reads or writes of the result within `self.values`, by the checks above;
        // the result is borrowed mutably, so that nothing else refers to it.
        unsafe {
            gemm::gemm(
                self.rows,
                self.columns,
                left.columns,
                self.values.as_mut_ptr(),
                1,
                self.stride.cast_signed(),
                start == Start::Added,
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

/// What becomes of the numbers that the result already has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Anew,
    Added,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_three_loops() {
        let (rows, inner, columns, stride) = (7, 5, 3, 4);
        let left: Vec<f32> = (0..rows * inner).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
        let right: Vec<f32> = (0..inner * columns).map(|i| ((i * 5) % 13) as f32 - 6.0).collect();
        let mut out = vec![1.0; rows * stride];
        let a = Matrix::new(&left, [rows, inner], inner);
        // The same numbers, written down column by column.
        let b = Matrix::new(&right, [columns, inner], inner).transposed();
        let mut place = MatrixMut::new(&mut out, [rows, columns], stride);
        place.set_product(a, b);
        place.add_product(a, b);
        for row in 0..rows {
            for column in 0..columns {
                let terms = (0..inner).map(|k| left[row * inner + k] * right[column * inner + k]);
                assert_eq!(out[row * stride + column], 2.0 * terms.sum::<f32>());
            }
            assert!(row + 1 == rows || out[row * stride + columns] == 1.0);
        }
    }

    #[test]
    fn refuses_a_matrix_beyond_its_slice() {
        let refused = std::panic::catch_unwind(|| {
            let values = [0.0; 5];
            let mut out = [0.0; 4];
            let matrix = Matrix::new(&values, [2, 3], 3);
            MatrixMut::new(&mut out, [2, 2], 2).set_product(matrix, matrix.transposed());
        });
        assert!(refused.is_err());
    }
}
