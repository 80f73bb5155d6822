//! Forward and backward pass of a part of a batch.

use std::ops::Range;

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, ElementConversion, Tensor, TensorData};
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;

use super::{FrozenTowers, TrainableWeights};
use crate::data::{Batch, EPOCH_LEN};
use crate::kernels::{Dropout, Kernels};
use crate::model::{SignalOutput, SleepLm, TextOutput, normalize};
use crate::objective::{
    CaptionGradient, CaptionTargets, CaptionVocabulary, LossWeights, caption_gradient,
    caption_loss, reconstruction_loss,
};
use crate::parameters::{self, NamedTensors};
use crate::weights;

/// The losses, and the weights that learn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Objective {
    /// Weight of each loss; except for the contrastive loss, a loss with weight 0 is not computed.
    pub weights: LossWeights,
    /// The frozen towers.
    pub frozen: FrozenTowers,
    /// The part of the other weights that is trained.
    pub learning: TrainableWeights,
}

impl Objective {
    /// Returns whether the gradient of the weight with that name is needed.
    pub(super) fn is_trained(self, name: &str) -> bool {
        !weights::is_buffer(name) && !self.frozen.contains(name) && self.learning.is_trained(name)
    }
}

/// A range of a batch's epochs and texts.
#[derive(Debug)]
pub(super) struct BatchPart<'a> {
    pub(super) batch: &'a Batch,
    pub(super) range: Range<usize>,
    pub(super) dropout: Dropout,
    /// The vocabulary of the caption loss.
    pub(super) vocabulary: &'a CaptionVocabulary,
}

/// Unit vectors of a part's epochs and texts, or the gradients with respect to them; `[n, dim]`.
#[derive(Debug, Clone)]
pub(super) struct EmbeddingPair<B: Backend> {
    pub(super) signals: Tensor<B, 2>,
    pub(super) texts: Tensor<B, 2>,
}

/// The losses of a part that do not depend on other parts, as sums, so that those of a batch add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LossSums {
    /// Over the target tokens, in nats.
    pub(super) caption: Option<f32>,
    /// Over the epochs.
    pub(super) reconstruction: Option<f32>,
}

/// The counts that the sums of a batch are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LossCounts {
    /// Number of target tokens.
    pub(super) tokens: usize,
    /// Number of epochs.
    pub(super) epochs: usize,
}

/// A part's share of the gradient and of the losses.
#[derive(Debug)]
pub(super) struct PartGradient<B: Backend> {
    pub(super) gradients: NamedTensors<B>,
    pub(super) sums: LossSums,
}

/// The outputs of both towers for a part.
struct TowerOutputs<B: Backend> {
    inputs: Tensor<B, 3>,
    signal: SignalOutput<B>,
    text: TextOutput<B>,
}

impl LossCounts {
    pub(super) fn of(batch: &Batch, vocabulary: &CaptionVocabulary) -> Self {
        let tokens = CaptionTargets::new(&batch.texts, vocabulary).len();
        Self { tokens, epochs: batch.positives.len() }
    }
}

impl LossSums {
    /// Adds the sums of another part.
    pub(super) fn plus(self, other: Self) -> Self {
        let add = |a: Option<f32>, b: Option<f32>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (sum, None) | (None, sum) => sum,
        };
        Self {
            caption: add(self.caption, other.caption),
            reconstruction: add(self.reconstruction, other.reconstruction),
        }
    }
}

impl BatchPart<'_> {
    /// Returns the unit vectors of the part, without a graph.
    pub(super) fn embed<B: Kernels>(
        mut self,
        model: &SleepLm<B>,
        device: &Device<B>,
    ) -> EmbeddingPair<B> {
        let signals = signals(self.batch, &self.range, device);
        let signal = model.biosignals.forward(signals, &mut self.dropout);
        let text = model.text.forward(&self.batch.texts.slice(self.range));
        EmbeddingPair { signals: normalize(signal.embedding), texts: normalize(text.embedding) }
    }

    /// Returns the unit vectors of the part and its losses, without a graph.
    pub(super) fn evaluate<B: Kernels>(
        mut self,
        model: &SleepLm<B>,
        weights: LossWeights,
        device: &Device<B>,
    ) -> (EmbeddingPair<B>, LossSums) {
        let inputs: Tensor<B, 3> = signals(self.batch, &self.range, device);
        let signal = model.biosignals.forward(inputs.clone(), &mut self.dropout);
        let text = model.text.forward(&self.batch.texts.slice(self.range.clone()));
        let towers = TowerOutputs { inputs, signal, text };
        let caption = self.caption_states(model, &towers, weights).map(|(states, targets)| {
            let decoder = model.text_decoder.as_ref().expect("`caption_states` returned states");
            let columns = self.vocabulary.columns(decoder.text_projection.val());
            caption_loss(states, columns, &targets).into_scalar().elem()
        });
        let reconstruction = self.reconstruction(model, &towers, weights);
        let reconstruction = reconstruction.map(|sum| sum.into_scalar().elem());
        let TowerOutputs { signal, text, .. } = towers;
        let pair = EmbeddingPair {
            signals: normalize(signal.embedding),
            texts: normalize(text.embedding),
        };
        (pair, LossSums { caption, reconstruction })
    }

    /// Runs the forward and backward pass of the part.
    ///
    /// `loss` takes the part's unit vectors and returns the gradient of the whole batch's contrastive loss with respect
    /// to them.
    pub(super) fn forward_backward<B: AutodiffBackend + Kernels>(
        mut self,
        inner: &SleepLm<B::InnerBackend>,
        objective: Objective,
        device: &Device<B>,
        loss: impl FnOnce(EmbeddingPair<B::InnerBackend>) -> EmbeddingPair<B::InnerBackend>,
    ) -> PartGradient<B::InnerBackend>
    where
        B::InnerBackend: Kernels,
    {
        let Objective { weights, frozen, .. } = objective;
        let model: SleepLm<B> = SleepLm::from_inner(inner.clone());
        let model = parameters::require_gradients(model, |name| objective.is_trained(name));
        let towers = self.towers(inner, &model, frozen, device);
        let [signals, texts] = [&towers.signal.embedding, &towers.text.embedding]
            .map(|embeddings| normalize(embeddings.clone()));
        let pair = EmbeddingPair { signals: signals.clone().inner(), texts: texts.clone().inner() };
        let gradient = loss(pair);
        // Each term has the gradient of its loss with respect to the tensors that it depends on.
        let mut terms = Vec::new();
        if weights.contrastive > 0.0 {
            let term = |embeddings: Tensor<B, 2>, gradient: Tensor<B::InnerBackend, 2>| {
                (embeddings * Tensor::from_inner(gradient * weights.contrastive)).sum()
            };
            let signal = (!frozen.signal).then(|| term(signals, gradient.signals));
            let text = (!frozen.text).then(|| term(texts, gradient.texts));
            terms.extend(signal.into_iter().chain(text));
        }
        let (mut sums, mut of_columns) = (LossSums::default(), None);
        if let Some((term, found)) = self.caption_term(inner, &model, &towers, weights) {
            sums.caption = Some(found.loss);
            of_columns = Some(found.columns);
            terms.push(term);
        }
        if let Some(sum) = self.reconstruction(&model, &towers, weights) {
            sums.reconstruction = Some(sum.clone().into_scalar().elem());
            terms.push(sum * (weights.reconstruction / self.batch.positives.len() as f64));
        }
        let total = terms.into_iter().reduce(|total, term| total + term);
        let mut gradients = total.map_or_else(NamedTensors::new, |total| {
            parameters::take_gradients(&model, &mut total.backward())
        });
        if let Some(columns) = of_columns {
            let projection = self.vocabulary.spread(columns);
            let n = projection.shape().num_elements();
            gradients.insert("text_decoder.text_projection".to_owned(), projection.reshape([n]));
        }
        PartGradient { gradients, sums }
    }

    /// Returns the caption term of the sum, `[1]`, and its gradients; the gradients are weighted, the loss is not.
    fn caption_term<B: AutodiffBackend + Kernels>(
        &self,
        inner: &SleepLm<B::InnerBackend>,
        model: &SleepLm<B>,
        towers: &TowerOutputs<B>,
        weights: LossWeights,
    ) -> Option<(Tensor<B, 1>, CaptionGradient<B::InnerBackend>)> {
        let (states, targets) = self.caption_states(model, towers, weights)?;
        let states = targets.select(states);
        let projection = inner.text_decoder.as_ref()?.text_projection.val();
        let columns = self.vocabulary.columns(projection);
        let mut found = caption_gradient(&states.clone().inner(), &columns, &targets);
        let share = weights.caption / LossCounts::of(self.batch, self.vocabulary).tokens as f64;
        found.states = found.states * share;
        found.columns = found.columns * share;
        Some(((states * Tensor::from_inner(found.states.clone())).sum(), found))
    }

    /// Runs the part through the towers; a frozen tower is not recorded in the graph.
    fn towers<B: AutodiffBackend + Kernels>(
        &mut self,
        inner: &SleepLm<B::InnerBackend>,
        model: &SleepLm<B>,
        frozen: FrozenTowers,
        device: &Device<B>,
    ) -> TowerOutputs<B>
    where
        B::InnerBackend: Kernels,
    {
        let inputs: Tensor<B, 3> = signals(self.batch, &self.range, device);
        let signal = if frozen.signal {
            let inputs = inputs.clone().inner();
            untracked_signal(inner.biosignals.forward(inputs, &mut Dropout::off()))
        } else {
            model.biosignals.forward(inputs.clone(), &mut self.dropout)
        };
        let texts = self.batch.texts.slice(self.range.clone());
        let text = if frozen.text {
            let TextOutput { embedding, states } = inner.text.forward(&texts);
            let (embedding, states) = (Tensor::from_inner(embedding), Tensor::from_inner(states));
            TextOutput { embedding, states }
        } else {
            model.text.forward(&texts)
        };
        TowerOutputs { inputs, signal, text }
    }

    /// Returns the decoder's states and their targets, or `None` if captions have weight 0 or there is nothing to
    /// predict.
    fn caption_states<B: Kernels>(
        &self,
        model: &SleepLm<B>,
        towers: &TowerOutputs<B>,
        weights: LossWeights,
    ) -> Option<(Tensor<B, 3>, CaptionTargets)> {
        let decoder = model.text_decoder.as_ref().filter(|_| weights.caption > 0.0)?;
        let texts = self.batch.texts.slice(self.range.clone());
        let targets = CaptionTargets::new(&texts, self.vocabulary);
        if targets.is_empty() {
            return None;
        }
        let prefix = model.prefix(&self.batch.conditions.slice(self.range.clone()));
        // The last token predicts nothing.
        let states = towers.text.states.clone();
        let length = states.dims()[1] - 1;
        let states = decoder.forward(states.narrow(1, 0, length), &towers.signal.memory, prefix);
        Some((states, targets))
    }

    /// Returns the reconstruction loss summed over the epochs, `[1]`, or `None` if its weight is 0.
    fn reconstruction<B: Kernels>(
        &mut self,
        model: &SleepLm<B>,
        towers: &TowerOutputs<B>,
        weights: LossWeights,
    ) -> Option<Tensor<B, 1>> {
        let head = model.signal_decoder.as_ref().filter(|_| weights.reconstruction > 0.0)?;
        let drawn = head.forward(towers.signal.memory.clone(), &mut self.dropout);
        Some(reconstruction_loss(drawn, towers.inputs.clone()))
    }
}

fn untracked_signal<B: AutodiffBackend>(output: SignalOutput<B::InnerBackend>) -> SignalOutput<B> {
    SignalOutput {
        embedding: Tensor::from_inner(output.embedding),
        memory: Tensor::from_inner(output.memory),
        memory_weights: Tensor::from_inner(output.memory_weights),
        embedding_weights: Tensor::from_inner(output.embedding_weights),
    }
}

/// Copies the epochs of a part onto a device, `[n, 10, 1920]`.
pub(super) fn signals<B: Backend>(
    batch: &Batch,
    part: &Range<usize>,
    device: &Device<B>,
) -> Tensor<B, 3> {
    let values = batch.signals[part.start * EPOCH_LEN..part.end * EPOCH_LEN].to_vec();
    let shape = [part.len(), Channel::COUNT, EPOCH_SAMPLES];
    Tensor::from_data(TensorData::new(values, shape), device)
}
