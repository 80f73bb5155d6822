//! RMS normalisation and layer normalisation.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::zeros;
use crate::kernels::{Kernels, RMS_NORM_EPSILON};

/// Added to the variance before its root is taken (PyTorch's default).
pub const LAYER_NORM_EPSILON: f32 = 1e-5;

/// `x / sqrt(mean(x²) + 1e-6) · weight`, without a bias.
#[derive(Module, Debug)]
pub struct RmsNorm<B: Backend> {
    /// `[width]`.
    pub weight: Param<Tensor<B, 1>>,
}

impl<B: Backend> RmsNorm<B> {
    /// Builds the norm.
    pub fn zeros(width: usize, device: &Device<B>) -> Self {
        Self { weight: zeros([width], device) }
    }
}

impl<B: Kernels> RmsNorm<B> {
    /// Normalises `[n, width]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let square = rows.clone().powi_scalar(2).mean_dim(1);
        let scale = (square + RMS_NORM_EPSILON).sqrt().recip();
        rows * scale * self.weight.val().unsqueeze::<2>()
    }

    /// Normalises the sum of the residual stream, an update and the update's bias.
    pub fn forward_sum(
        &self,
        rows: Tensor<B, 2>,
        update: Tensor<B, 2>,
        bias: Option<&Param<Tensor<B, 1>>>,
    ) -> Tensor<B, 2> {
        let bias = bias
            .map_or_else(|| Tensor::zeros(self.weight.val().shape(), &rows.device()), Param::val);
        B::add_rms_norm(rows, update, bias, self.weight.val())
    }
}

/// Layer normalisation with a weight and a bias.
#[derive(Module, Debug)]
pub struct LayerNorm<B: Backend> {
    /// `[width]`.
    pub weight: Param<Tensor<B, 1>>,
    /// `[width]`.
    pub bias: Param<Tensor<B, 1>>,
}

impl<B: Backend> LayerNorm<B> {
    /// Builds the norm.
    pub fn zeros(width: usize, device: &Device<B>) -> Self {
        Self { weight: zeros([width], device), bias: zeros([width], device) }
    }

    /// Normalises `[n, width]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let centred = rows.clone() - rows.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        let scale = (variance + LAYER_NORM_EPSILON).sqrt().recip();
        centred * scale * self.weight.val().unsqueeze::<2>() + self.bias.val().unsqueeze::<2>()
    }
}
