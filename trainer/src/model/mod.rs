//! The SleepLM architecture: a signal tower and a text tower with a common embedding space.
//!
//! Field names are the keys of the published state dict, so the path of a parameter is its name:
//! `biosignals.transformer_blocks.0.channel_mlp.gate_proj.w1.weight`. The caption decoder and the reconstruction head
//! are optional.

mod attention;
mod caption_decoder;
mod conditions;
mod cross_block;
mod embedding;
mod linear;
mod mlp;
mod norm;
mod pooler;
mod rope;
mod signal_block;
mod signal_decoder;
mod signal_tower;
mod text_block;
mod text_tower;
mod trace;

use burn::module::{Module, Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use crate::config::{ModelConfig, ModelParts};

pub use attention::{AttentionOutput, GridAttention, MultiHeadAttention};
pub use caption_decoder::CaptionDecoder;
pub use conditions::{CaptionConditions, NO_CONDITION};
pub use cross_block::CrossBlock;
pub use embedding::EmbeddingTable;
pub use linear::Linear;
pub use mlp::{GateProjection, GeluMlp, SwiGlu};
pub use norm::{LAYER_NORM_EPSILON, LayerNorm, RmsNorm};
pub use pooler::Pooler;
pub use rope::{Rotary, TEMPORAL_THETA, temporal_frequencies};
pub use signal_block::{ForwardContext, SignalBlock};
pub use signal_decoder::{SignalDecoder, TransformerEncoder, TransformerEncoderLayer};
pub use signal_tower::{Convolution, Patching, SignalOutput, SignalTower};
pub use text_block::TextBlock;
pub use text_tower::{TextOutput, TextTower, Transformer};
pub use trace::Trace;

/// Minimum norm that a vector is divided by (PyTorch's `normalize`).
pub const NORMALIZE_EPSILON: f64 = 1e-12;

/// Both towers, the scale of their similarity, and the optional parts.
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
    /// The vector of an unused condition slot, `[width]`.
    pub padding_embedding: Option<Param<Tensor<B, 1>>>,
    /// The reconstruction head.
    pub signal_decoder: Option<SignalDecoder<B>>,
}

impl<B: Backend> SleepLm<B> {
    /// Builds the model with all weights zero; [`Weights::to_model`](crate::weights::Weights::to_model) fills it.
    pub fn zeros(config: &ModelConfig, parts: &ModelParts, device: &Device<B>) -> Self {
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

    /// Returns the vectors `[rows, slots, width]` that precede captions of these kinds, or `None` if the model has no
    /// caption decoder.
    ///
    /// # Panics
    ///
    /// If a slot names an unknown kind.
    pub fn prefix(&self, conditions: &CaptionConditions) -> Option<Tensor<B, 3>> {
        let (kinds, unused) = (self.channel_embeddings.as_ref()?, self.padding_embedding.as_ref()?);
        let kinds = kinds.val();
        let [n, width] = kinds.dims();
        let rows = conditions.table_rows(n, &kinds.device());
        let table = Tensor::cat(vec![kinds, unused.val().unsqueeze::<2>()], 0);
        Some(table.select(0, rows).reshape([conditions.rows(), conditions.slots(), width]))
    }
}

/// Scales every row of `[n, dim]` to unit length.
pub fn normalize<B: Backend>(rows: Tensor<B, 2>) -> Tensor<B, 2> {
    let norms = rows.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(NORMALIZE_EPSILON);
    rows / norms
}

/// Returns a parameter of zeros, which is allocated only when its values are read.
fn zeros<B: Backend, const D: usize>(shape: [usize; D], device: &Device<B>) -> Param<Tensor<B, D>> {
    let fill = move |device: &Device<B>, _| Tensor::zeros(shape, device);
    Param::uninitialized(ParamId::new(), fill, device.clone(), false, shape.into())
}
