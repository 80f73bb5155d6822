//! The SleepLM architecture: a signal tower and a text tower that meet in one space.
//!
//! Field names are the keys of the published state dict, so that the path of a parameter is its name:
//! `biosignals.transformer_blocks.0.channel_mlp.gate_proj.w1.weight`.
//! The caption decoder (`text_decoder`) and the reconstruction head (`signal_decoder`)
//! are further fields of [`SleepLm`], beside the towers that feed them.

mod attention;
mod dropout;
mod embedding;
mod linear;
mod mlp;
mod norm;
mod pooler;
#[cfg(test)]
mod reference;
mod rope;
mod signal_block;
mod signal_tower;
mod text_block;
mod text_tower;
mod tokens;

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use crate::ModelConfig;

pub use attention::{GridAttention, MultiHeadAttention, Projection};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use linear::Linear;
pub use mlp::{GateProjection, GeluMlp, SwiGlu};
pub use norm::{LAYER_NORM_EPSILON, LayerNorm, RMS_NORM_EPSILON, RmsNorm};
pub use pooler::Pooler;
pub use rope::{Rotary, TEMPORAL_THETA, temporal_frequencies};
pub use signal_block::SignalBlock;
pub use signal_tower::{Convolution, Patching, SignalOutput, SignalTower};
pub use text_block::TextBlock;
pub use text_tower::{TextOutput, TextTower, Transformer};
pub use tokens::{PAD, TokenBatch};

/// Smallest norm that a vector is divided by (PyTorch's `normalize`).
pub const NORMALIZE_EPSILON: f64 = 1e-12;

/// Both towers and the scale of their similarity.
#[derive(Module, Debug)]
pub struct SleepLm<B: Backend> {
    /// Logarithm of the factor between a cosine and a logit, `[1]`.
    pub logit_scale: Param<Tensor<B, 1>>,
    /// The text tower.
    pub text: TextTower<B>,
    /// The signal tower.
    pub biosignals: SignalTower<B>,
}

impl<B: Backend> SleepLm<B> {
    /// Builds the model with every weight zero; [`Weights::to_model`](crate::Weights::to_model) fills it.
    pub fn zeros(config: &ModelConfig, device: &Device<B>) -> Self {
        Self {
            logit_scale: zeros([1], device),
            text: TextTower::zeros(config, device),
            biosignals: SignalTower::zeros(config, device),
        }
    }
}

/// Brings every row of `[n, dim]` to unit length.
pub fn normalize<B: Backend>(rows: Tensor<B, 2>) -> Tensor<B, 2> {
    let norms = rows.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORMALIZE_EPSILON);
    rows / norms
}

/// Returns a parameter of zeros.
fn zeros<B: Backend, const D: usize>(shape: [usize; D], device: &Device<B>) -> Param<Tensor<B, D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}
