//! A linear layer over many rows, and its gradient.

use super::matrix::{Matrix, MatrixMut};

/// Rows of one product: their share of inputs and outputs stays in the second cache.
const CHUNK: usize = 256;

/// A weight `[outputs, inputs]`.
#[derive(Clone, Copy)]
pub(super) struct Weight<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl<'a> Weight<'a> {
    /// Returns the weight as a matrix `[outputs, inputs]`.
    pub(super) const fn matrix(&self) -> Matrix<'a> {
        Matrix::new(self.values, [self.outputs, self.inputs], self.inputs)
    }
}

/// Returns `rows · weightᵀ`.
pub(super) fn forward(rows: &[f32], weight: Weight<'_>) -> Vec<f32> {
    let Weight { inputs, outputs, .. } = weight;
    let mut out = vec![0.0; rows.len() / inputs * outputs];
    for (rows, out) in rows.chunks(CHUNK * inputs).zip(out.chunks_mut(CHUNK * outputs)) {
        let n = rows.len() / inputs;
        let left = Matrix::new(rows, [n, inputs], inputs);
        let right = weight.matrix().transposed();
        MatrixMut::new(out, [n, outputs], outputs).set_product(left, right);
    }
    out
}

/// Returns the gradient of the rows where the outputs have the gradient given.
pub(super) fn of_rows(gradient: &[f32], weight: Weight<'_>) -> Vec<f32> {
    let Weight { inputs, outputs, .. } = weight;
    let mut out = vec![0.0; gradient.len() / outputs * inputs];
    for (gradient, out) in gradient.chunks(CHUNK * outputs).zip(out.chunks_mut(CHUNK * inputs)) {
        let n = gradient.len() / outputs;
        let left = Matrix::new(gradient, [n, outputs], outputs);
        MatrixMut::new(out, [n, inputs], inputs).set_product(left, weight.matrix());
    }
    out
}

/// Returns the gradient of the weight, `[outputs, inputs]`, where the outputs have the gradient given.
pub(super) fn of_weight(rows: &[f32], gradient: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let mut out = vec![0.0; outputs * inputs];
    let mut sum = MatrixMut::new(&mut out, [outputs, inputs], inputs);
    for (rows, gradient) in rows.chunks(CHUNK * inputs).zip(gradient.chunks(CHUNK * outputs)) {
        let n = rows.len() / inputs;
        let left = Matrix::new(gradient, [n, outputs], outputs).transposed();
        sum.add_product(left, Matrix::new(rows, [n, inputs], inputs));
    }
    out
}
