//! The three losses of `SleepLM` in one, and the gradient of a batch.

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor};
use serde::{Deserialize, Serialize};

use super::{
    CaptionTargets, Contrastive, Vocabulary, caption_loss, contrastive, reconstruction_loss,
};
use crate::kernels::Kernels;
use crate::model::{Conditions, Dropout, SleepLm, normalize};
use crate::parameters::{self, NamedTensors};
use crate::{Positives, TokenBatch, weights};

/// How much each loss counts.
///
/// `SleepLM` names the three and not their weights; `OpenCLIP` trains captions with 2 beside a contrastive 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// Of the contrastive loss.
    pub contrastive: f64,
    /// Of the mean cross-entropy of a caption's tokens.
    pub caption: f64,
    /// Of the mean square between drawn and true signals.
    pub reconstruction: f64,
}

impl Default for LossWeights {
    /// The contrastive loss alone.
    fn default() -> Self {
        Self { contrastive: 1.0, caption: 0.0, reconstruction: 0.0 }
    }
}

/// What goes through the whole model at once.
#[derive(Debug, Clone)]
pub struct JointBatch<'a, B: Backend> {
    /// Epochs, `[n, channels, samples]`.
    pub signals: Tensor<B, 3>,
    /// A text for each epoch, which is also the caption that it shall be given.
    pub texts: &'a TokenBatch,
    /// What kind of caption that is, where the decoder is told.
    pub conditions: Option<&'a Conditions>,
    /// Which text is true of which epoch.
    pub positives: &'a Positives,
}

/// The losses of a batch; those of parts that the model lacks are none.
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
    let pass = Pass::new(model, batch, &mut Dropout::off());
    let loss = pass.contrastive(model, batch.positives, |tensor| tensor);
    pass.losses(loss.loss)
}

/// Returns the losses of a batch and the gradient of their weighted sum.
///
/// The contrastive loss is worked out in closed form, as where a batch is cut into parts:
/// going back from `sum(embedding · gradient)` gives its share.
pub fn joint_gradient<B: AutodiffBackend + Kernels>(
    model: &SleepLm<B::InnerBackend>,
    batch: &JointBatch<'_, B>,
    weights: LossWeights,
    dropout: &mut Dropout,
) -> JointGradient<B::InnerBackend> {
    let model: SleepLm<B> = SleepLm::from_inner(model.clone());
    let model = parameters::require_gradients(model, |name| !weights::is_buffer(name));
    let pass = Pass::new(&model, batch, dropout);
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

/// What a batch becomes on its way through the model.
struct Pass<B: Backend> {
    /// Unit vectors, `[n, dim]`.
    signals: Tensor<B, 2>,
    texts: Tensor<B, 2>,
    /// `[1]`.
    caption: Option<Tensor<B, 1>>,
    reconstruction: Option<Tensor<B, 1>>,
}

impl<B: Kernels> Pass<B> {
    fn new(model: &SleepLm<B>, batch: &JointBatch<'_, B>, dropout: &mut Dropout) -> Self {
        let signal = model.biosignals.forward(batch.signals.clone(), dropout);
        let text = model.text.forward(batch.texts);
        let caption = model.text_decoder.as_ref().and_then(|decoder| {
            let projection = decoder.text_projection.val();
            let targets = CaptionTargets::new(batch.texts, &Vocabulary::full(projection.dims()[1]));
            let prefix = batch.conditions.and_then(|conditions| model.prefix(conditions));
            // The last token foretells nothing.
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
        positives: &Positives,
        inner: impl Fn(Tensor<B, 2>) -> Tensor<I, 2>,
    ) -> Contrastive<I> {
        let logit_scale = weights::to_host(model.logit_scale.val())[0];
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
