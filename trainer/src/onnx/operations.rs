//! Operations of ONNX that the graphs are made of, as methods of the builder.

use super::builder::{Attribute, Builder, Value};

impl Builder {
    /// Returns `a + b`.
    pub(super) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[a, b], &[])
    }

    /// Returns `a ⊙ b`.
    pub(super) fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[a, b], &[])
    }

    /// Returns the matrix product over the last two axes.
    pub(super) fn matmul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("MatMul", &[a, b], &[])
    }

    /// Returns the tensor in another shape; `-1` is what is left, `0` keeps the axis's length.
    pub(super) fn reshape(&mut self, a: &Value, shape: &[i64]) -> Value {
        let shape = self.i64s(shape);
        self.node("Reshape", &[a, &shape], &[])
    }

    /// Returns the tensor with its axes in another order.
    pub(super) fn transpose(&mut self, a: &Value, order: &[i64]) -> Value {
        self.node("Transpose", &[a], &[Attribute::Ints("perm", order)])
    }

    /// Returns one length of a tensor's shape, as a row of one integer.
    pub(super) fn length(&mut self, a: &Value, axis: i64) -> Value {
        let ends = [Attribute::Int("start", axis), Attribute::Int("end", axis + 1)];
        self.node("Shape", &[a], &ends)
    }

    /// Returns the part from `start` up to but without `end` along an axis; both are rows of one integer.
    pub(super) fn slice(&mut self, a: &Value, axis: i64, start: &Value, end: &Value) -> Value {
        let axis = self.i64s(&[axis]);
        self.node("Slice", &[a, start, end, &axis], &[])
    }

    /// Returns the rows of `a` along an axis that `indices` name.
    pub(super) fn gather(&mut self, a: &Value, axis: i64, indices: &Value) -> Value {
        self.node("Gather", &[a, indices], &[Attribute::Int("axis", axis)])
    }

    /// Returns the mean over an axis, which goes away.
    pub(super) fn mean(&mut self, a: &Value, axis: i64) -> Value {
        let attributes = [Attribute::Ints("axes", &[axis]), Attribute::Int("keepdims", 0)];
        self.node("ReduceMean", &[a], &attributes)
    }

    /// Returns softmax over the last axis.
    pub(super) fn softmax(&mut self, a: &Value) -> Value {
        self.node("Softmax", &[a], &[Attribute::Int("axis", -1)])
    }

    /// Returns pieces of the given lengths along an axis.
    pub(super) fn split<const N: usize>(
        &mut self,
        a: &Value,
        axis: i64,
        lengths: [usize; N],
    ) -> [Value; N] {
        let lengths = self.i64s(&lengths.map(|length| length as i64));
        self.node_of("Split", &[a, &lengths], &[Attribute::Int("axis", axis)])
    }

    /// Returns the tensors one behind the other along an axis.
    pub(super) fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("Concat", parts, &[Attribute::Int("axis", axis)])
    }

    /// Returns rows `[n, dim]` of unit length, divided by at least 1e-12 as `PyTorch` does.
    pub(super) fn normalize(&mut self, rows: &Value) -> Value {
        let attributes = [Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)];
        let norms = self.node("ReduceL2", &[rows], &attributes);
        let least = self.f32(crate::model::NORMALIZE_EPSILON as f32);
        let norms = self.node("Max", &[&norms, &least], &[]);
        self.node("Div", &[rows, &norms], &[])
    }
}
