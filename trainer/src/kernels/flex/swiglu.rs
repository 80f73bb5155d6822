//! The gated MLP `down(silu(w1 x) ⊙ w2 x)`, and its gradient.
//!
//! A chunk of rows goes all the way while its hidden numbers are in the second cache;
//! the gradient computes them anew instead of reading them back from memory.

#![expect(
    clippy::inline_always,
    reason = "code in vectors must be part of the function that is compiled for them"
)]

use super::linear::Weight;
use super::matrix::{Matrix, MatrixMut};
use super::vector;

/// Hidden numbers of a chunk.
const HIDDEN_NUMBERS: usize = 1 << 15;

/// The three weights of the MLP.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    /// `w1` over `w2`, `[2 · hidden, width]`.
    pub(super) gates: Weight<'a>,
    /// `[width, hidden]`.
    pub(super) down: Weight<'a>,
}

/// Gradients of the parts.
pub(super) struct Gradient {
    /// `[n, width]`.
    pub(super) rows: Vec<f32>,
    /// `[2 · hidden, width]`.
    pub(super) gates: Vec<f32>,
    /// `[width, hidden]`.
    pub(super) down: Vec<f32>,
}

/// Maps rows `[n, width]` to the same.
pub(super) fn forward(rows: &[f32], weights: Weights<'_>) -> Vec<f32> {
    let (hidden, width) = (weights.hidden(), weights.width());
    let mut out = vec![0.0; rows.len()];
    let mut scratch = Scratch::new(weights);
    let chunk = weights.chunk() * width;
    for (rows, out) in rows.chunks(chunk).zip(out.chunks_mut(chunk)) {
        let n = rows.len() / width;
        scratch.open_gates(rows, weights);
        let (gates, gated) = (&scratch.gates[..2 * n * hidden], &mut scratch.gated);
        vector::run(
            #[inline(always)]
            || gate(gates, gated, hidden),
        );
        let left = Matrix::new(&scratch.gated, [n, hidden], hidden);
        let right = weights.down.matrix().transposed();
        MatrixMut::new(out, [n, width], width).set_product(left, right);
    }
    out
}

/// Returns the gradients where the mapped rows have the gradient given.
pub(super) fn backward(rows: &[f32], weights: Weights<'_>, gradient: &[f32]) -> Gradient {
    let (hidden, width) = (weights.hidden(), weights.width());
    let mut found = Gradient {
        rows: vec![0.0; rows.len()],
        gates: vec![0.0; weights.gates.values.len()],
        down: vec![0.0; weights.down.values.len()],
    };
    let mut scratch = Scratch::new(weights);
    let mut of_gated = vec![0.0; weights.chunk() * hidden];
    let mut of_down = MatrixMut::new(&mut found.down, [width, hidden], hidden);
    let mut of_gates = MatrixMut::new(&mut found.gates, [2 * hidden, width], width);
    let chunk = weights.chunk() * width;
    let inputs = rows.chunks(chunk).zip(gradient.chunks(chunk));
    for ((rows, gradient), out) in inputs.zip(found.rows.chunks_mut(chunk)) {
        let n = rows.len() / width;
        scratch.open_gates(rows, weights);
        let incoming = Matrix::new(gradient, [n, width], width);
        MatrixMut::new(&mut of_gated, [n, hidden], hidden)
            .set_product(incoming, weights.down.matrix());
        let (gates, gated) = (&mut scratch.gates[..2 * n * hidden], &mut scratch.gated);
        vector::run(
            #[inline(always)]
            || gate_backward(gates, gated, &of_gated, hidden),
        );
        let gated = Matrix::new(&scratch.gated, [n, hidden], hidden);
        of_down.add_product(incoming.transposed(), gated);
        let of_opened = Matrix::new(&scratch.gates, [n, 2 * hidden], 2 * hidden);
        of_gates.add_product(of_opened.transposed(), Matrix::new(rows, [n, width], width));
        MatrixMut::new(out, [n, width], width).set_product(of_opened, weights.gates.matrix());
    }
    found
}

impl Weights<'_> {
    const fn hidden(&self) -> usize {
        self.down.inputs
    }

    const fn width(&self) -> usize {
        self.down.outputs
    }

    const fn chunk(&self) -> usize {
        let rows = HIDDEN_NUMBERS / self.hidden();
        if rows < 16 { 16 } else { rows }
    }
}

/// The hidden numbers of a chunk.
struct Scratch {
    /// `[w1 x | w2 x]` of each row.
    gates: Vec<f32>,
    /// `silu(w1 x) ⊙ w2 x` of each row.
    gated: Vec<f32>,
}

impl Scratch {
    fn new(weights: Weights<'_>) -> Self {
        let numbers = weights.chunk() * weights.hidden();
        Self { gates: vec![0.0; 2 * numbers], gated: vec![0.0; numbers] }
    }

    fn open_gates(&mut self, rows: &[f32], weights: Weights<'_>) {
        let (hidden, width) = (weights.hidden(), weights.width());
        let n = rows.len() / width;
        MatrixMut::new(&mut self.gates, [n, 2 * hidden], 2 * hidden)
            .set_product(Matrix::new(rows, [n, width], width), weights.gates.matrix().transposed());
    }
}

/// Writes `silu(a) ⊙ b` of rows `[a | b]`.
#[inline(always)]
fn gate(gates: &[f32], gated: &mut [f32], hidden: usize) {
    for (row, out) in gates.chunks_exact(2 * hidden).zip(gated.chunks_exact_mut(hidden)) {
        let (a, b) = row.split_at(hidden);
        for ((a, b), out) in a.iter().zip(b).zip(out) {
            *out = a * vector::sigmoid(*a) * b;
        }
    }
}

/// Writes `silu(a) ⊙ b` of rows `[a | b]`, and the gradient of `[a | b]` in their place.
#[inline(always)]
fn gate_backward(gates: &mut [f32], gated: &mut [f32], of_gated: &[f32], hidden: usize) {
    let outputs = gated.chunks_exact_mut(hidden).zip(of_gated.chunks_exact(hidden));
    for (row, (gated, of_gated)) in gates.chunks_exact_mut(2 * hidden).zip(outputs) {
        let (a, b) = row.split_at_mut(hidden);
        let outputs = gated.iter_mut().zip(of_gated);
        for ((a, b), (gated, of_gated)) in a.iter_mut().zip(b).zip(outputs) {
            let sigmoid = vector::sigmoid(*a);
            let silu = *a * sigmoid;
            *gated = silu * *b;
            let of_a = of_gated * *b * sigmoid * (1.0 + *a * (1.0 - sigmoid));
            *b = of_gated * silu;
            *a = of_a;
        }
    }
}
