//! The gated MLP `down(silu(w1 x) ⊙ w2 x)` and its gradient.
//!
//! Rows are processed in chunks whose hidden activations stay in the L2 cache;
//! the backward pass recomputes the activations instead of reading them from memory.

#![expect(
    clippy::inline_always,
    reason = "SIMD code must be inlined into the function compiled for the instruction set"
)]

use super::matrix::{Matrix, MatrixMut};
use super::vector;

/// Hidden activations per chunk: 128 KiB of 32-bit floats.
const CHUNK_ACTIVATIONS: usize = 1 << 15;

/// A weight `[outputs, inputs]`.
#[derive(Clone, Copy)]
pub(super) struct LinearWeight<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl<'a> LinearWeight<'a> {
    /// Returns the weight as a matrix `[outputs, inputs]`.
    const fn matrix(&self) -> Matrix<'a> {
        Matrix::new(self.values, [self.outputs, self.inputs], self.inputs)
    }
}

/// The three weights of the MLP.
#[derive(Clone, Copy)]
pub(super) struct SwiGluWeights<'a> {
    /// `w1` stacked on `w2`, `[2 · hidden, width]`.
    pub(super) gates: LinearWeight<'a>,
    /// `[width, hidden]`.
    pub(super) down: LinearWeight<'a>,
}

/// Gradients with respect to the inputs.
pub(super) struct SwiGluGradient {
    /// `[n, width]`.
    pub(super) rows: Vec<f32>,
    /// `[2 · hidden, width]`.
    pub(super) gates: Vec<f32>,
    /// `[width, hidden]`.
    pub(super) down: Vec<f32>,
}

/// Maps rows `[n, width]` to rows `[n, width]`.
pub(super) fn forward(rows: &[f32], weights: SwiGluWeights<'_>) -> Vec<f32> {
    let (hidden, width) = (weights.hidden(), weights.width());
    let mut out = vec![0.0; rows.len()];
    let mut scratch = SwiGluScratch::new(weights);
    let chunk = weights.chunk() * width;
    for (rows, out) in rows.chunks(chunk).zip(out.chunks_mut(chunk)) {
        let n = rows.len() / width;
        scratch.compute_gates(rows, weights);
        let (gates, gated) = (&scratch.gates[..2 * n * hidden], &mut scratch.gated);
        vector::run(
            #[inline(always)]
            || apply_gate(gates, gated, hidden),
        );
        let left = Matrix::new(&scratch.gated, [n, hidden], hidden);
        let right = weights.down.matrix().transposed();
        MatrixMut::new(out, [n, width], width).set_product(left, right);
    }
    out
}

/// Returns the gradients for `gradient` with respect to the mapped rows.
pub(super) fn backward(
    rows: &[f32],
    weights: SwiGluWeights<'_>,
    gradient: &[f32],
) -> SwiGluGradient {
    let (hidden, width) = (weights.hidden(), weights.width());
    let mut result = SwiGluGradient {
        rows: vec![0.0; rows.len()],
        gates: vec![0.0; weights.gates.values.len()],
        down: vec![0.0; weights.down.values.len()],
    };
    let mut scratch = SwiGluScratch::new(weights);
    let mut gated_gradient = vec![0.0; weights.chunk() * hidden];
    let mut down_gradient = MatrixMut::new(&mut result.down, [width, hidden], hidden);
    let mut gates_gradient = MatrixMut::new(&mut result.gates, [2 * hidden, width], width);
    let chunk = weights.chunk() * width;
    let inputs = rows.chunks(chunk).zip(gradient.chunks(chunk));
    for ((rows, gradient), out) in inputs.zip(result.rows.chunks_mut(chunk)) {
        let n = rows.len() / width;
        scratch.compute_gates(rows, weights);
        let incoming = Matrix::new(gradient, [n, width], width);
        MatrixMut::new(&mut gated_gradient, [n, hidden], hidden)
            .set_product(incoming, weights.down.matrix());
        let (gates, gated) = (&mut scratch.gates[..2 * n * hidden], &mut scratch.gated);
        vector::run(
            #[inline(always)]
            || gate_backward(gates, gated, &gated_gradient, hidden),
        );
        let gated = Matrix::new(&scratch.gated, [n, hidden], hidden);
        down_gradient.add_product(incoming.transposed(), gated);
        let scratch_gradient = Matrix::new(&scratch.gates, [n, 2 * hidden], 2 * hidden);
        gates_gradient
            .add_product(scratch_gradient.transposed(), Matrix::new(rows, [n, width], width));
        MatrixMut::new(out, [n, width], width)
            .set_product(scratch_gradient, weights.gates.matrix());
    }
    result
}

impl SwiGluWeights<'_> {
    const fn hidden(&self) -> usize {
        self.down.inputs
    }

    const fn width(&self) -> usize {
        self.down.outputs
    }

    /// Returns the rows per chunk, at least 16.
    const fn chunk(&self) -> usize {
        let rows = CHUNK_ACTIVATIONS / self.hidden();
        if rows < 16 { 16 } else { rows }
    }
}

/// The hidden activations of a chunk.
struct SwiGluScratch {
    /// `[w1 x | w2 x]` for each row `x`.
    gates: Vec<f32>,
    /// `silu(w1 x) ⊙ w2 x` for each row `x`.
    gated: Vec<f32>,
}

impl SwiGluScratch {
    fn new(weights: SwiGluWeights<'_>) -> Self {
        let numbers = weights.chunk() * weights.hidden();
        Self { gates: vec![0.0; 2 * numbers], gated: vec![0.0; numbers] }
    }

    fn compute_gates(&mut self, rows: &[f32], weights: SwiGluWeights<'_>) {
        let (hidden, width) = (weights.hidden(), weights.width());
        let n = rows.len() / width;
        MatrixMut::new(&mut self.gates, [n, 2 * hidden], 2 * hidden)
            .set_product(Matrix::new(rows, [n, width], width), weights.gates.matrix().transposed());
    }
}

/// Writes `silu(a) ⊙ b` for rows `[a | b]`.
#[inline(always)]
fn apply_gate(gates: &[f32], gated: &mut [f32], hidden: usize) {
    for (row, out) in gates.chunks_exact(2 * hidden).zip(gated.chunks_exact_mut(hidden)) {
        let (a, b) = row.split_at(hidden);
        for ((a, b), out) in a.iter().zip(b).zip(out) {
            *out = a * vector::sigmoid(*a) * b;
        }
    }
}

/// Writes `silu(a) ⊙ b` for rows `[a | b]` and overwrites the rows with their gradient.
#[inline(always)]
fn gate_backward(gates: &mut [f32], gated: &mut [f32], gated_gradient: &[f32], hidden: usize) {
    let outputs = gated.chunks_exact_mut(hidden).zip(gated_gradient.chunks_exact(hidden));
    for (row, (gated, gated_gradient)) in gates.chunks_exact_mut(2 * hidden).zip(outputs) {
        let (a, b) = row.split_at_mut(hidden);
        let outputs = gated.iter_mut().zip(gated_gradient);
        for ((a, b), (gated, gated_gradient)) in a.iter_mut().zip(b).zip(outputs) {
            let sigmoid = vector::sigmoid(*a);
            let silu = *a * sigmoid;
            *gated = silu * *b;
            let a_gradient = gated_gradient * *b * sigmoid * (1.0 + *a * (1.0 - sigmoid));
            *b = gated_gradient * silu;
            *a = a_gradient;
        }
    }
}
