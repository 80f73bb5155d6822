//! A linear layer over many rows and its gradients.

use super::matrix::{Matrix, MatrixMut};

/// Rows per matrix product, so that their inputs and outputs stay in the L2 cache.
const CHUNK_ROWS: usize = 256;

/// A weight `[outputs, inputs]`.
#[derive(Clone, Copy)]
pub(super) struct LinearWeight<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl<'a> LinearWeight<'a> {
    /// Returns the weight as a matrix `[outputs, inputs]`.
    pub(super) const fn matrix(&self) -> Matrix<'a> {
        Matrix::new(self.values, [self.outputs, self.inputs], self.inputs)
    }
}

/// Returns `rows · weightᵀ`.
pub(super) fn forward(rows: &[f32], weight: LinearWeight<'_>) -> Vec<f32> {
    let LinearWeight { inputs, outputs, .. } = weight;
    let mut out = vec![0.0; rows.len() / inputs * outputs];
    for (rows, out) in rows.chunks(CHUNK_ROWS * inputs).zip(out.chunks_mut(CHUNK_ROWS * outputs)) {
        let n = rows.len() / inputs;
        let left = Matrix::new(rows, [n, inputs], inputs);
        let right = weight.matrix().transposed();
        MatrixMut::new(out, [n, outputs], outputs).set_product(left, right);
    }
    out
}

/// Returns the gradient with respect to the rows for `gradient` with respect to the outputs.
pub(super) fn rows_gradient(gradient: &[f32], weight: LinearWeight<'_>) -> Vec<f32> {
    let LinearWeight { inputs, outputs, .. } = weight;
    let mut out = vec![0.0; gradient.len() / outputs * inputs];
    for (gradient, out) in
        gradient.chunks(CHUNK_ROWS * outputs).zip(out.chunks_mut(CHUNK_ROWS * inputs))
    {
        let n = gradient.len() / outputs;
        let left = Matrix::new(gradient, [n, outputs], outputs);
        MatrixMut::new(out, [n, inputs], inputs).set_product(left, weight.matrix());
    }
    out
}

/// Returns the gradient with respect to the weight, `[outputs, inputs]`, for `gradient` with respect to the outputs.
pub(super) fn weight_gradient(
    rows: &[f32],
    gradient: &[f32],
    inputs: usize,
    outputs: usize,
) -> Vec<f32> {
    let mut out = vec![0.0; outputs * inputs];
    let mut sum = MatrixMut::new(&mut out, [outputs, inputs], inputs);
    for (rows, gradient) in
        rows.chunks(CHUNK_ROWS * inputs).zip(gradient.chunks(CHUNK_ROWS * outputs))
    {
        let n = rows.len() / inputs;
        let left = Matrix::new(gradient, [n, outputs], outputs).transposed();
        sum.add_product(left, Matrix::new(rows, [n, inputs], inputs));
    }
    out
}
