//! Fused CPU versions of the operations: one pass over memory each, with SIMD instructions and hand-written gradients.
//!
//! A softmax or a gated unit composed from tensor operations passes over memory about a dozen times.
//!
//! How much faster than the [`composed`](super::composed) operations they are, forward and backward, in processor time
//! at the shapes of the `tiny` preset (64 epochs, all losses; AMD EPYC with two cores):
//!
//! | kernel | composed / fused |
//! |---|---:|
//! | attention over channels, over time | 18.7, 15.0 |
//! | causal attention of texts | 5.8 |
//! | gated MLP (`swiglu`) | 3.2 |
//! | RMS norm with the residual sum | 3.0 |
//! | Adam step | 3.1 |
//! | the whole training step | 4.2 |
//!
//! Linear maps have no version here: a fused one gained 0.97 to 1.14.
//!
//! ```text
//! cargo bench --manifest-path trainer/Cargo.toml --bench kernels
//! ```

mod adam;
mod attention;
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
use norm::NormRows;
use swiglu::{LinearWeight, SwiGluWeights};

impl Kernels for Flex {
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
        let input =
            NormInput { rows: primitive(rows), update: primitive(update), bias: primitive(bias) };
        tensor(add_rms_norm(&input, &primitive(weight)))
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
        adam::step(tensors.each_ref().map(values), step)
            .map(|values| tensor(flex_tensor(values, [n])))
    }
}

/// Input of the norm: the residual stream, an update and its bias.
#[derive(Debug, Clone)]
pub(super) struct NormInput {
    /// `[n, width]`.
    pub(super) rows: FlexTensor,
    /// `[n, width]`.
    pub(super) update: FlexTensor,
    /// `[width]`.
    pub(super) bias: FlexTensor,
}

pub(super) fn swiglu(rows: &FlexTensor, gates: &FlexTensor, down: &FlexTensor) -> FlexTensor {
    let [rows, gates, down] = [rows, gates, down].map(FlexTensor::to_contiguous);
    let weights = SwiGluWeights { gates: linear_weight(&gates), down: linear_weight(&down) };
    flex_tensor(swiglu::forward(values(&rows), weights), dims::<2>(&rows))
}

/// Returns the gradients with respect to the rows, the gates and `down`.
pub(super) fn swiglu_gradient(
    rows: &FlexTensor,
    gates: &FlexTensor,
    down: &FlexTensor,
    gradient: &FlexTensor,
) -> [FlexTensor; 3] {
    let [rows, gates, down, gradient] =
        [rows, gates, down, gradient].map(FlexTensor::to_contiguous);
    let weights = SwiGluWeights { gates: linear_weight(&gates), down: linear_weight(&down) };
    let gradient = swiglu::backward(values(&rows), weights, values(&gradient));
    [
        flex_tensor(gradient.rows, dims::<2>(&rows)),
        flex_tensor(gradient.gates, dims::<2>(&gates)),
        flex_tensor(gradient.down, dims::<2>(&down)),
    ]
}

pub(super) fn add_rms_norm(input: &NormInput, weight: &FlexTensor) -> FlexTensor {
    let input = input.contiguous();
    let weight = weight.to_contiguous();
    let shape: [usize; 2] = dims(&input.rows);
    flex_tensor(norm::forward(&input.values(), values(&weight)), shape)
}

/// Returns the gradients with respect to the rows `[n, width]`, the bias `[width]` and the weight `[width]`.
///
/// That of the update is the same as that of the rows.
pub(super) fn add_rms_norm_gradient(
    input: &NormInput,
    weight: &FlexTensor,
    gradient: &FlexTensor,
) -> [FlexTensor; 3] {
    let input = input.contiguous();
    let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
    let [n, width] = dims(&input.rows);
    let gradient = norm::backward(&input.values(), values(&weight), values(&gradient));
    [
        flex_tensor(gradient.rows, [n, width]),
        flex_tensor(gradient.bias, [width]),
        flex_tensor(gradient.weight, [width]),
    ]
}

pub(super) fn attention(
    qkv: &FlexTensor,
    angles: Option<&FlexTensor>,
    shape: &AttentionShape,
) -> FlexTensor {
    let qkv = qkv.to_contiguous();
    let angles = angles.map(FlexTensor::to_contiguous);
    let [n, packed] = dims(&qkv);
    flex_tensor(
        attention::forward(values(&qkv), angles.as_ref().map(values), shape),
        [n, packed / 3],
    )
}

/// Returns the gradients with respect to the packed rows and the angles.
pub(super) fn attention_gradient(
    qkv: &FlexTensor,
    angles: Option<&FlexTensor>,
    gradient: &FlexTensor,
    shape: &AttentionShape,
) -> [FlexTensor; 2] {
    let (qkv, gradient) = (qkv.to_contiguous(), gradient.to_contiguous());
    let angles = angles.map(FlexTensor::to_contiguous);
    let gradient =
        attention::backward(values(&qkv), angles.as_ref().map(values), values(&gradient), shape);
    [flex_tensor(gradient.qkv, dims::<2>(&qkv)), flex_tensor(gradient.angles, shape.angle_shape())]
}

impl NormInput {
    fn contiguous(&self) -> Self {
        Self {
            rows: self.rows.to_contiguous(),
            update: self.update.to_contiguous(),
            bias: self.bias.to_contiguous(),
        }
    }

    fn values(&self) -> NormRows<'_> {
        NormRows {
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
    assert_eq!(tensor.dtype(), DType::F32, "training uses 32-bit floats");
    tensor.storage()
}

fn linear_weight(weight: &FlexTensor) -> LinearWeight<'_> {
    let [outputs, inputs] = dims(weight);
    LinearWeight { values: values(weight), inputs, outputs }
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.layout().shape().dims()
}

fn flex_tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::new(shape)))
}
