//! The two kinds of MLP.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, activation};

use super::Linear;
use crate::kernels::{Dropout, Kernels, composed};

/// `down(silu(w1 x) ⊙ w2 x)`, without biases.
#[derive(Module, Debug)]
pub struct SwiGlu<B: Backend> {
    /// The two projections before the product.
    pub gate_proj: GateProjection<B>,
    /// Back to the width of a token.
    pub down_proj: Linear<B>,
}

/// The gate and the value of a [`SwiGlu`].
#[derive(Module, Debug)]
pub struct GateProjection<B: Backend> {
    /// Passes through the sigmoid linear unit.
    pub w1: Linear<B>,
    /// Multiplied by it.
    pub w2: Linear<B>,
}

impl<B: Backend> SwiGlu<B> {
    /// Builds the layer.
    pub fn zeros(width: usize, hidden: usize, device: &Device<B>) -> Self {
        Self {
            gate_proj: GateProjection {
                w1: Linear::zeros_without_bias(width, hidden, device),
                w2: Linear::zeros_without_bias(width, hidden, device),
            },
            down_proj: Linear::zeros_without_bias(hidden, width, device),
        }
    }
}

impl<B: Kernels> SwiGlu<B> {
    /// Maps `[n, width]` to `[n, width]`; dropout applies after the product and after `down`.
    pub fn forward(&self, rows: Tensor<B, 2>, dropout: &mut Dropout) -> Tensor<B, 2> {
        // One matrix product for both: the input is read once.
        let gates = [&self.gate_proj.w1, &self.gate_proj.w2].map(|layer| layer.weight.val());
        let gates = Tensor::cat(gates.into(), 0);
        let down = self.down_proj.weight.val();
        if dropout.is_on() {
            composed::swiglu(rows, gates, down, dropout)
        } else {
            B::swiglu(rows, gates, down)
        }
    }
}

/// `c_proj(gelu(c_fc x))` with the exact (erf) GELU and biases.
#[derive(Module, Debug)]
pub struct GeluMlp<B: Backend> {
    /// To the hidden width.
    pub c_fc: Linear<B>,
    /// Back to the width of a token.
    pub c_proj: Linear<B>,
}

impl<B: Backend> GeluMlp<B> {
    /// Builds the layer.
    pub fn zeros(width: usize, hidden: usize, device: &Device<B>) -> Self {
        Self {
            c_fc: Linear::zeros(width, hidden, device),
            c_proj: Linear::zeros(hidden, width, device),
        }
    }
}

impl<B: Kernels> GeluMlp<B> {
    /// Maps `[n, width]` to `[n, width]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        self.c_proj.forward(activation::gelu(self.c_fc.forward(rows)))
    }
}
