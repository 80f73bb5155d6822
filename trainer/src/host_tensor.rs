//! Tensors in main memory, and copies between it and a device.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, TensorData};

/// A tensor in main memory, in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// The values; the last axis varies fastest.
    pub values: Vec<f32>,
}

/// Copies a flattened tensor into main memory.
pub(crate) fn to_host<B: Backend>(values: Tensor<B, 1>) -> Vec<f32> {
    values.into_data().convert::<f32>().into_vec().expect("`convert` returns f32 values")
}

/// Copies a tensor, flattened, onto a device.
pub(crate) fn to_device<B: Backend>(tensor: &HostTensor, device: &Device<B>) -> Tensor<B, 1> {
    let data = TensorData::new(tensor.values.clone(), [tensor.values.len()]);
    Tensor::from_data(data, device)
}
