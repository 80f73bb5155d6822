//! The SleepLM architecture: a signal tower and a text tower that meet in one space.
//!
//! Field names are the keys of the published state dict, so that the path of a parameter is its name:
//! `biosignals.transformer_blocks.0.channel_mlp.gate_proj.w1.weight`.
//! The caption decoder and the reconstruction head are beside the towers that feed them, and may be left out.

mod attention;
mod caption_decoder;
mod conditions;
mod cross_block;
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
mod signal_decoder;
mod signal_tower;
mod text_block;
mod text_tower;
mod tokens;
mod trace;

use burn::module::{Module, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use crate::ModelConfig;
use crate::config::Parts;

pub use attention::{Attended, GridAttention, MultiHeadAttention, Projection};
pub use caption_decoder::CaptionDecoder;
pub use conditions::{Conditions, NO_CONDITION};
pub use cross_block::CrossBlock;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use linear::Linear;
pub use mlp::{GateProjection, GeluMlp, SwiGlu};
pub use norm::{LAYER_NORM_EPSILON, LayerNorm, RMS_NORM_EPSILON, RmsNorm};
pub use pooler::Pooler;
pub use rope::{Rotary, TEMPORAL_THETA, temporal_frequencies};
pub use signal_block::{Mode, SignalBlock};
pub use signal_decoder::{Encoder, EncoderLayer, SignalDecoder};
pub use signal_tower::{Convolution, Patching, SignalOutput, SignalTower};
pub use text_block::TextBlock;
pub use text_tower::{TextOutput, TextTower, Transformer};
pub use tokens::{PAD, TokenBatch};
pub use trace::Trace;

/// Smallest norm that a vector is divided by (PyTorch's `normalize`).
pub const NORMALIZE_EPSILON: f64 = 1e-12;

/// Both towers, the scale of their similarity, and what else a model may have.
#[derive(Module, Debug)]
pub struct SleepLm<B: Backend> {
    /// Logarithm of the factor between a cosine and a logit, `[1]`.
    pub logit_scale: Param<Tensor<B, 1>>,
    /// The text tower.
    pub text: TextTower<B>,
    /// The signal tower.
    pub biosignals: SignalTower<B>,
    /// The caption decoder.
    pub text_decoder: Option<CaptionDecoder<B>>,
    /// One vector for each kind of caption, `[kinds, width]`.
    pub channel_embeddings: Option<Param<Tensor<B, 2>>>,
    /// The vector of a condition slot that is not used, `[width]`.
    pub padding_embedding: Option<Param<Tensor<B, 1>>>,
    /// The reconstruction head.
    pub signal_decoder: Option<SignalDecoder<B>>,
}

impl<B: Backend> SleepLm<B> {
    /// Builds the model with every weight zero; [`Weights::to_model`](crate::Weights::to_model) fills it.
    pub fn zeros(config: &ModelConfig, parts: &Parts, device: &Device<B>) -> Self {
        let width = config.multimodal_cfg.width;
        let (signal, kinds) = (&config.biosignals_cfg, config.num_caption_channels);
        let head = parts.reconstruction;
        Self {
            logit_scale: zeros([1], device),
            text: TextTower::zeros(config, device),
            biosignals: SignalTower::zeros(config, device),
            text_decoder: parts.captions.then(|| CaptionDecoder::zeros(config, device)),
            channel_embeddings: parts.captions.then(|| zeros([kinds, width], device)),
            padding_embedding: parts.captions.then(|| zeros([width], device)),
            signal_decoder: head.map(|head| SignalDecoder::zeros(signal, &head, device)),
        }
    }

    /// Returns the vectors `[rows, slots, width]` that stand before captions of these kinds,
    /// where the model writes captions.
    ///
    /// # Panics
    ///
    /// Where a slot names a kind that there is not.
    pub fn prefix(&self, conditions: &Conditions) -> Option<Tensor<B, 3>> {
        let (kinds, unused) = (self.channel_embeddings.as_ref()?, self.padding_embedding.as_ref()?);
        let kinds = kinds.val();
        let [n, width] = kinds.dims();
        let rows = conditions.table_rows(n, &kinds.device());
        let table = Tensor::cat(vec![kinds, unused.val().unsqueeze::<2>()], 0);
        Some(table.select(0, rows).reshape([conditions.rows(), conditions.slots(), width]))
    }
}

/// Brings every row of `[n, dim]` to unit length.
pub fn normalize<B: Backend>(rows: Tensor<B, 2>) -> Tensor<B, 2> {
    let norms = rows.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORMALIZE_EPSILON);
    rows / norms
}

/// Returns a parameter of zeros, which takes no memory before its values are asked for.
fn zeros<B: Backend, const D: usize>(shape: [usize; D], device: &Device<B>) -> Param<Tensor<B, D>> {
    let fill = move |device: &Device<B>, _| Tensor::zeros(shape, device);
    Param::uninitialized(ParamId::new(), fill, device.clone(), false, shape.into())
}
