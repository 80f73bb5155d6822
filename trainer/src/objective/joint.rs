//! The weighted sum of SleepLM's three losses, and its gradient over a batch.

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor};
use serde::{Deserialize, Serialize};

use super::{
    CaptionTargets, CaptionVocabulary, ContrastiveLoss, caption_loss, contrastive,
    reconstruction_loss,
};
use crate::host_tensor::to_host;
use crate::kernels::{Dropout, Kernels};
use crate::model::{CaptionConditions, SleepLm, normalize};
use crate::parameters::{self, NamedTensors};
use crate::positive_pairs::PositivePairs;
use crate::tokens::TokenBatch;
use crate::weights;

/// Weight of each loss.
///
/// SleepLM names the three losses but not their weights; `OpenCLIP` trains captions with 2 and the contrastive loss
/// with 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// Of the contrastive loss.
    pub contrastive: f64,
    /// Of the mean cross-entropy of a caption's tokens.
    pub caption: f64,
    /// Of the mean squared error of the reconstructed signals.
    pub reconstruction: f64,
}

impl Default for LossWeights {
    /// The contrastive loss only.
    fn default() -> Self {
        Self { contrastive: 1.0, caption: 0.0, reconstruction: 0.0 }
    }
}

/// The input of a joint forward pass.
#[derive(Debug, Clone)]
pub struct JointBatch<'a, B: Backend> {
    /// Epochs, `[n, channels, samples]`.
    pub signals: Tensor<B, 3>,
    /// A text for each epoch, which is also its target caption.
    pub texts: &'a TokenBatch,
    /// The conditions of the captions, if the decoder receives any.
    pub conditions: Option<&'a CaptionConditions>,
    /// Which texts describe which epochs.
    pub positives: &'a PositivePairs,
}

/// The losses of a batch; `None` for parts that the model does not have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Mean of both directions, in nats.
    pub contrastive: f32,
    /// Mean over tokens, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<f32>,
    /// Mean over samples, in squared units of the signals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<f32>,
}

/// The losses of a batch and the gradient of their weighted sum.
#[derive(Debug)]
pub struct JointGradient<B: Backend> {
    /// The losses.
    pub losses: Losses,
    /// By name of the weight, flattened.
    pub gradients: NamedTensors<B>,
}

impl Losses {
    /// Returns the weighted sum.
    pub fn total(&self, weights: LossWeights) -> f32 {
        weights.contrastive as f32 * self.contrastive
            + weights.caption as f32 * self.caption.unwrap_or(0.0)
            + weights.reconstruction as f32 * self.reconstruction.unwrap_or(0.0)
    }
}

/// Returns the losses of a batch.
pub fn joint_losses<B: Kernels>(model: &SleepLm<B>, batch: &JointBatch<'_, B>) -> Losses {
    let pass = JointForward::new(model, batch, &mut Dropout::off());
    let loss = pass.contrastive(model, batch.positives, |tensor| tensor);
    pass.losses(loss.loss)
}

/// Returns the losses of a batch and the gradient of their weighted sum.
///
/// The contrastive loss has a closed-form gradient, as when a batch is split: the backward pass starts from
/// `sum(embedding · gradient)`.
pub fn joint_gradient<B: AutodiffBackend + Kernels>(
    model: &SleepLm<B::InnerBackend>,
    batch: &JointBatch<'_, B>,
    weights: LossWeights,
    dropout: &mut Dropout,
) -> JointGradient<B::InnerBackend> {
    let model: SleepLm<B> = SleepLm::from_inner(model.clone());
    let model = parameters::require_gradients(model, |name| !weights::is_buffer(name));
    let pass = JointForward::new(&model, batch, dropout);
    let loss = pass.contrastive(&model, batch.positives, Tensor::inner);
    let losses = pass.losses(loss.loss);
    let share = |embedding: Tensor<B, 2>, gradient| {
        (embedding * Tensor::from_inner(gradient)).sum() * weights.contrastive
    };
    let mut total =
        share(pass.signals, loss.signal_gradient) + share(pass.texts, loss.text_gradient);
    if let Some(caption) = pass.caption {
        total = total + caption * weights.caption;
    }
    if let Some(reconstruction) = pass.reconstruction {
        total = total + reconstruction * weights.reconstruction;
    }
    let mut gradients = parameters::take_gradients(&model, &mut total.backward());
    let of_scale = [weights.contrastive as f32 * loss.logit_scale_gradient];
    let of_scale = Tensor::from_floats(of_scale, &batch.signals.device());
    gradients.insert("logit_scale".to_owned(), of_scale);
    JointGradient { losses, gradients }
}

/// The intermediate results of a forward pass.
struct JointForward<B: Backend> {
    /// Unit vectors, `[n, dim]`.
    signals: Tensor<B, 2>,
    texts: Tensor<B, 2>,
    /// `[1]`.
    caption: Option<Tensor<B, 1>>,
    reconstruction: Option<Tensor<B, 1>>,
}

impl<B: Kernels> JointForward<B> {
    fn new(model: &SleepLm<B>, batch: &JointBatch<'_, B>, dropout: &mut Dropout) -> Self {
        let signal = model.biosignals.forward(batch.signals.clone(), dropout);
        let text = model.text.forward(batch.texts);
        let caption = model.text_decoder.as_ref().and_then(|decoder| {
            let projection = decoder.text_projection.val();
            let targets =
                CaptionTargets::new(batch.texts, &CaptionVocabulary::full(projection.dims()[1]));
            let prefix = batch.conditions.and_then(|conditions| model.prefix(conditions));
            // The last token predicts nothing.
            let states = text.states.clone().narrow(1, 0, batch.texts.length() - 1);
            let states = decoder.forward(states, &signal.memory, prefix);
            let n = targets.len() as f64;
            (!targets.is_empty()).then(|| caption_loss(states, projection, &targets) / n)
        });
        let reconstruction = model.signal_decoder.as_ref().map(|decoder| {
            let drawn = decoder.forward(signal.memory.clone(), dropout);
            let n = batch.texts.rows() as f64;
            reconstruction_loss(drawn, batch.signals.clone()) / n
        });
        let (signals, texts) = (normalize(signal.embedding), normalize(text.embedding));
        Self { signals, texts, caption, reconstruction }
    }

    fn contrastive<I: Backend>(
        &self,
        model: &SleepLm<B>,
        positives: &PositivePairs,
        inner: impl Fn(Tensor<B, 2>) -> Tensor<I, 2>,
    ) -> ContrastiveLoss<I> {
        let logit_scale = to_host(model.logit_scale.val())[0];
        let (signals, texts) = (inner(self.signals.clone()), inner(self.texts.clone()));
        contrastive(signals, texts, logit_scale, positives)
    }

    fn losses(&self, contrastive: f32) -> Losses {
        let number = |loss: &Tensor<B, 1>| loss.clone().into_scalar().elem();
        Losses {
            contrastive,
            caption: self.caption.as_ref().map(number),
            reconstruction: self.reconstruction.as_ref().map(number),
        }
    }
}
