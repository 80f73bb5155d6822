//! ONNX operations as methods of the builder.

use super::graph_builder::{GraphBuilder, GraphValue, NodeAttribute};

impl GraphBuilder {
    /// Returns `a + b`.
    pub(super) fn add(&mut self, a: &GraphValue, b: &GraphValue) -> GraphValue {
        self.node("Add", &[a, b], &[])
    }

    /// Returns `a ⊙ b`.
    pub(super) fn mul(&mut self, a: &GraphValue, b: &GraphValue) -> GraphValue {
        self.node("Mul", &[a, b], &[])
    }

    /// Returns the matrix product over the last two axes.
    pub(super) fn matmul(&mut self, a: &GraphValue, b: &GraphValue) -> GraphValue {
        self.node("MatMul", &[a, b], &[])
    }

    /// Returns the tensor in another shape; `-1` infers a length, `0` keeps it.
    pub(super) fn reshape(&mut self, a: &GraphValue, shape: &[i64]) -> GraphValue {
        let shape = self.i64s(shape);
        self.node("Reshape", &[a, &shape], &[])
    }

    /// Returns the tensor with its axes in another order.
    pub(super) fn transpose(&mut self, a: &GraphValue, order: &[i64]) -> GraphValue {
        self.node("Transpose", &[a], &[NodeAttribute::Ints("perm", order)])
    }

    /// Returns one length of a tensor's shape, as a vector of one integer.
    pub(super) fn length(&mut self, a: &GraphValue, axis: i64) -> GraphValue {
        let ends = [NodeAttribute::Int("start", axis), NodeAttribute::Int("end", axis + 1)];
        self.node("Shape", &[a], &ends)
    }

    /// Returns the range from `start` to `end` (exclusive) along an axis; both are vectors of one integer.
    pub(super) fn slice(
        &mut self,
        a: &GraphValue,
        axis: i64,
        start: &GraphValue,
        end: &GraphValue,
    ) -> GraphValue {
        let axis = self.i64s(&[axis]);
        self.node("Slice", &[a, start, end, &axis], &[])
    }

    /// Returns the rows of `a` along an axis at `indices`.
    pub(super) fn gather(&mut self, a: &GraphValue, axis: i64, indices: &GraphValue) -> GraphValue {
        self.node("Gather", &[a, indices], &[NodeAttribute::Int("axis", axis)])
    }

    /// Returns the mean over an axis, which is removed.
    pub(super) fn mean(&mut self, a: &GraphValue, axis: i64) -> GraphValue {
        let attributes = [NodeAttribute::Ints("axes", &[axis]), NodeAttribute::Int("keepdims", 0)];
        self.node("ReduceMean", &[a], &attributes)
    }

    /// Returns softmax over the last axis.
    pub(super) fn softmax(&mut self, a: &GraphValue) -> GraphValue {
        self.node("Softmax", &[a], &[NodeAttribute::Int("axis", -1)])
    }

    /// Returns pieces of the given lengths along an axis.
    pub(super) fn split<const N: usize>(
        &mut self,
        a: &GraphValue,
        axis: i64,
        lengths: [usize; N],
    ) -> [GraphValue; N] {
        let lengths = self.i64s(&lengths.map(|length| length as i64));
        self.node_of("Split", &[a, &lengths], &[NodeAttribute::Int("axis", axis)])
    }

    /// Returns the concatenation of the tensors along an axis.
    pub(super) fn concat(&mut self, parts: &[&GraphValue], axis: i64) -> GraphValue {
        self.node("Concat", parts, &[NodeAttribute::Int("axis", axis)])
    }

    /// Normalises rows `[n, dim]` to unit length, with a minimum norm of 1e-12 as in PyTorch.
    pub(super) fn normalize(&mut self, rows: &GraphValue) -> GraphValue {
        let attributes = [NodeAttribute::Ints("axes", &[-1]), NodeAttribute::Int("keepdims", 1)];
        let norms = self.node("ReduceL2", &[rows], &attributes);
        let least = self.f32(crate::model::NORMALIZE_EPSILON as f32);
        let norms = self.node("Max", &[&norms, &least], &[]);
        self.node("Div", &[rows, &norms], &[])
    }
}
