//! The operations by hand for the CPU: each one pass over memory, in vectors of the machine's width.
//!
//! Measured on two cores against [`composed`](super::composed) operations, a training step is several times faster:
//! softmax and the sigmoid unit dominate there, at a dozen passes over memory each.

mod adam;
mod attention;
mod linear;
mod matrix;
mod norm;
mod rotation;
mod swiglu;
mod vector;

use burn::backend::Flex;
use burn::tensor::{DType, Shape, Tensor, TensorData, TensorPrimitive};
use burn_flex::FlexTensor;

use super::{AdamStep, GridShape, Kernels, TextMask};
use crate::parameters::primitive;

pub(super) use attention::AttentionShape;

impl Kernels for Flex {
    fn project(rows: Tensor<Self, 2>, weight: Tensor<Self, 2>) -> Tensor<Self, 2> {
        tensor(linear(&primitive(rows), &primitive(weight)))
    }

    fn swiglu(
        rows: Tensor<Self, 2>,
        gates: Tensor<Self, 2>,
        down: Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        tensor(swiglu(&primitive(rows), &primitive(gates), &primitive(down)))
    }

    fn add_rms_norm(
        rows: Tensor<Self, 2>,
        update: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        weight: Tensor<Self, 1>,
    ) -> Tensor<Self, 2> {
        let sum = Sum { rows: primitive(rows), update: primitive(update), bias: primitive(bias) };
        tensor(add_rms_norm(&sum, &primitive(weight)))
    }

    fn grid_attention(
        qkv: Tensor<Self, 2>,
        angles: Tensor<Self, 2>,
        shape: GridShape,
    ) -> Tensor<Self, 2> {
        let width = qkv.dims()[1] / 3;
        let shape = AttentionShape::of_grid(shape, width);
        tensor(attention(&primitive(qkv), Some(&primitive(angles)), &shape))
    }

    fn causal_attention(qkv: Tensor<Self, 2>, heads: usize, mask: TextMask<'_>) -> Tensor<Self, 2> {
        let width = qkv.dims()[1] / 3;
        let shape = AttentionShape::of_texts(heads, width, mask);
        tensor(attention(&primitive(qkv), None, &shape))
    }

    fn adam_step(tensors: [Tensor<Self, 1>; 4], step: AdamStep) -> [Tensor<Self, 1>; 3] {
        let tensors = tensors.map(|tensor| primitive(tensor).to_contiguous());
        let [n] = dims(&tensors[0]);
        adam::step(tensors.each_ref().map(values), step).map(|values| tensor(built(values, [n])))
    }
}

/// What is normed: the residual stream, an update and its bias.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    /// `[n, width]`.
    pub(super) rows: FlexTensor,
    /// `[n, width]`.
    pub(super) update: FlexTensor,
    /// `[width]`.
    pub(super) bias: FlexTensor,
}

pub(super) fn linear(rows: &FlexTensor, weight: &FlexTensor) -> FlexTensor {
    let (rows, weight) = (rows.to_contiguous(), weight.to_contiguous());
    let [n, _] = dims(&rows);
    let [outputs, _] = dims(&weight);
    built(linear::forward(values(&rows), as_weight(&weight)), [n, outputs])
}

/// Returns the gradient of the rows.
pub(super) fn linear_of_rows(weight: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
    let [n, _] = dims(&gradient);
    let [_, inputs] = dims(&weight);
    built(linear::of_rows(values(&gradient), as_weight(&weight)), [n, inputs])
}

/// Returns the gradient of the weight.
pub(super) fn linear_of_weight(rows: &FlexTensor, gradient: &FlexTensor) -> FlexTensor {
    let (rows, gradient) = (rows.to_contiguous(), gradient.to_contiguous());
    let ([_, inputs], [_, outputs]) = (dims(&rows), dims(&gradient));
    let found = linear::of_weight(values(&rows), values(&gradient), inputs, outputs);
    built(found, [outputs, inputs])
}

pub(super) fn swiglu(rows: &FlexTensor, gates: &FlexTensor, down: &FlexTensor) -> FlexTensor {
    let [rows, gates, down] = [rows, gates, down].map(FlexTensor::to_contiguous);
    let weights = swiglu::Weights { gates: as_weight(&gates), down: as_weight(&down) };
    built(swiglu::forward(values(&rows), weights), dims::<2>(&rows))
}

/// Returns the gradients of the rows and of both weights.
pub(super) fn swiglu_gradient(
    rows: &FlexTensor,
    gates: &FlexTensor,
    down: &FlexTensor,
    gradient: &FlexTensor,
) -> [FlexTensor; 3] {
    let [rows, gates, down, gradient] =
        [rows, gates, down, gradient].map(FlexTensor::to_contiguous);
    let weights = swiglu::Weights { gates: as_weight(&gates), down: as_weight(&down) };
    let found = swiglu::backward(values(&rows), weights, values(&gradient));
    [
        built(found.rows, dims::<2>(&rows)),
        built(found.gates, dims::<2>(&gates)),
        built(found.down, dims::<2>(&down)),
    ]
}

pub(super) fn add_rms_norm(sum: &Sum, weight: &FlexTensor) -> FlexTensor {
    let sum = sum.contiguous();
    let weight = weight.to_contiguous();
    let shape: [usize; 2] = dims(&sum.rows);
    built(norm::forward(&sum.values(), values(&weight)), shape)
}

/// Returns the gradients of the sum `[n, width]`, of its bias and of the weight `[width]`.
pub(super) fn add_rms_norm_gradient(
    sum: &Sum,
    weight: &FlexTensor,
    gradient: &FlexTensor,
) -> [FlexTensor; 3] {
    let sum = sum.contiguous();
    let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
    let [n, width] = dims(&sum.rows);
    let found = norm::backward(&sum.values(), values(&weight), values(&gradient));
    [built(found.sum, [n, width]), built(found.bias, [width]), built(found.weight, [width])]
}

pub(super) fn attention(
    qkv: &FlexTensor,
    angles: Option<&FlexTensor>,
    shape: &AttentionShape,
) -> FlexTensor {
    let qkv = qkv.to_contiguous();
    let angles = angles.map(FlexTensor::to_contiguous);
    let [n, packed] = dims(&qkv);
    built(attention::forward(values(&qkv), angles.as_ref().map(values), shape), [n, packed / 3])
}

pub(super) fn attention_gradient(
    qkv: &FlexTensor,
    angles: Option<&FlexTensor>,
    gradient: &FlexTensor,
    shape: &AttentionShape,
) -> (FlexTensor, FlexTensor) {
    let (qkv, gradient) = (qkv.to_contiguous(), gradient.to_contiguous());
    let angles = angles.map(FlexTensor::to_contiguous);
    let found =
        attention::backward(values(&qkv), angles.as_ref().map(values), values(&gradient), shape);
    (built(found.qkv, dims::<2>(&qkv)), built(found.angles, shape.angle_shape()))
}

impl Sum {
    fn contiguous(&self) -> Self {
        Self {
            rows: self.rows.to_contiguous(),
            update: self.update.to_contiguous(),
            bias: self.bias.to_contiguous(),
        }
    }

    fn values(&self) -> norm::Sum<'_> {
        norm::Sum {
            rows: values(&self.rows),
            update: values(&self.update),
            bias: values(&self.bias),
        }
    }
}

fn tensor<const D: usize>(primitive: FlexTensor) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn values(tensor: &FlexTensor) -> &[f32] {
    assert_eq!(tensor.dtype(), DType::F32, "the towers are trained in 32-bit floats");
    tensor.storage()
}

fn as_weight(weight: &FlexTensor) -> linear::Weight<'_> {
    let [outputs, inputs] = dims(weight);
    linear::Weight { values: values(weight), inputs, outputs }
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

fn built<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::new(shape)))
}
