//! A linear layer with the weight layout of PyTorch.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::zeros;
use crate::kernels::{Kernels, composed};

/// `y = x · weightᵀ + bias`.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`, if there is one.
    pub bias: Option<Param<Tensor<B, 1>>>,
}

impl<B: Backend> Linear<B> {
    /// Builds a layer with a bias.
    pub fn zeros(inputs: usize, outputs: usize, device: &Device<B>) -> Self {
        Self {
            bias: Some(zeros([outputs], device)),
            ..Self::zeros_without_bias(inputs, outputs, device)
        }
    }

    /// Builds a layer without a bias.
    pub fn zeros_without_bias(inputs: usize, outputs: usize, device: &Device<B>) -> Self {
        Self { weight: zeros([outputs, inputs], device), bias: None }
    }
}

impl<B: Kernels> Linear<B> {
    /// Maps `[n, in]` to `[n, out]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        self.with_bias(self.forward_without_bias(rows))
    }

    /// Adds the bias to `[n, out]`, if there is one.
    pub(super) fn with_bias(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.bias {
            Some(bias) => rows + bias.val().unsqueeze::<2>(),
            None => rows,
        }
    }

    /// Maps `[n, in]` to `[n, out]` without adding the bias.
    pub fn forward_without_bias(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        composed::project(rows, self.weight.val())
    }
}
