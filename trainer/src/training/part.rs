//! A part of a batch on its way through the model, and back.

use std::ops::Range;

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, ElementConversion, Tensor, TensorData};
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;

use super::{Frozen, Learning};
use crate::data::{Batch, EPOCH_LEN};
use crate::kernels::Kernels;
use crate::model::{Dropout, SignalOutput, SleepLm, TextOutput, normalize};
use crate::objective::{
    CaptionGradient, CaptionTargets, LossWeights, Vocabulary, caption_gradient, caption_loss,
    reconstruction_loss,
};
use crate::parameters::{self, NamedTensors};
use crate::weights;

/// What is made small, and what of the model may change for it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Objective {
    /// How much each loss counts; one that does not count is not worked out, but for the contrastive.
    pub weights: LossWeights,
    /// What stays as it is.
    pub frozen: Frozen,
    /// What of the rest learns.
    pub learning: Learning,
}

impl Objective {
    /// Returns whether the gradient of a weight of that name is wanted.
    pub(super) fn wants(self, name: &str) -> bool {
        !weights::is_buffer(name) && !self.frozen.holds(name) && self.learning.wants(name)
    }
}

/// Some of a batch's epochs and texts.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) batch: &'a Batch,
    pub(super) range: Range<usize>,
    pub(super) dropout: Dropout,
    /// Over which the caption loss goes.
    pub(super) vocabulary: &'a Vocabulary,
}

/// Unit vectors of a part's epochs and texts, or the loss's gradients with respect to them; `[n, dim]`.
#[derive(Debug, Clone)]
pub(super) struct Pair<B: Backend> {
    pub(super) signals: Tensor<B, 2>,
    pub(super) texts: Tensor<B, 2>,
}

/// The losses of a part that need no other part, each summed so that the shares of a batch add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    /// Over the tokens to be foretold, in nats.
    pub(super) caption: Option<f32>,
    /// Over the epochs.
    pub(super) reconstruction: Option<f32>,
}

/// By what the sums of a batch are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    /// Tokens to be foretold.
    pub(super) tokens: usize,
    /// Epochs.
    pub(super) epochs: usize,
}

/// A part's share of the gradient, and of the losses.
#[derive(Debug)]
pub(super) struct Share<B: Backend> {
    pub(super) gradients: NamedTensors<B>,
    pub(super) sums: Sums,
}

/// What the towers make of a part.
struct Towers<B: Backend> {
    inputs: Tensor<B, 3>,
    signal: SignalOutput<B>,
    text: TextOutput<B>,
}

impl Totals {
    pub(super) fn of(batch: &Batch, vocabulary: &Vocabulary) -> Self {
        let tokens = CaptionTargets::new(&batch.texts, vocabulary).len();
        Self { tokens, epochs: batch.positives.len() }
    }
}

impl Sums {
    /// Adds those of another part.
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

impl Part<'_> {
    /// Returns the unit vectors of the part, without a graph.
    pub(super) fn embed<B: Kernels>(mut self, model: &SleepLm<B>, device: &Device<B>) -> Pair<B> {
        let signals = signals(self.batch, &self.range, device);
        let signal = model.biosignals.forward(signals, &mut self.dropout);
        let text = model.text.forward(&self.batch.texts.slice(self.range));
        Pair { signals: normalize(signal.embedding), texts: normalize(text.embedding) }
    }

    /// Returns the unit vectors of the part and its losses, without a graph.
    pub(super) fn measure<B: Kernels>(
        mut self,
        model: &SleepLm<B>,
        weights: LossWeights,
        device: &Device<B>,
    ) -> (Pair<B>, Sums) {
        let inputs: Tensor<B, 3> = signals(self.batch, &self.range, device);
        let signal = model.biosignals.forward(inputs.clone(), &mut self.dropout);
        let text = model.text.forward(&self.batch.texts.slice(self.range.clone()));
        let towers = Towers { inputs, signal, text };
        let caption = self.caption_states(model, &towers, weights).map(|(states, targets)| {
            let decoder = model.text_decoder.as_ref().expect("it has made the states");
            let columns = self.vocabulary.columns(decoder.text_projection.val());
            caption_loss(states, columns, &targets).into_scalar().elem()
        });
        let reconstruction = self.reconstruction(model, &towers, weights);
        let reconstruction = reconstruction.map(|sum| sum.into_scalar().elem());
        let Towers { signal, text, .. } = towers;
        let pair = Pair { signals: normalize(signal.embedding), texts: normalize(text.embedding) };
        (pair, Sums { caption, reconstruction })
    }

    /// Takes the part forward and back.
    ///
    /// `loss` takes the part's unit vectors and gives the gradient of the whole batch's contrastive loss
    /// with respect to them.
    pub(super) fn go_through<B: AutodiffBackend + Kernels>(
        mut self,
        inner: &SleepLm<B::InnerBackend>,
        objective: Objective,
        device: &Device<B>,
        loss: impl FnOnce(Pair<B::InnerBackend>) -> Pair<B::InnerBackend>,
    ) -> Share<B::InnerBackend>
    where
        B::InnerBackend: Kernels,
    {
        let Objective { weights, frozen, .. } = objective;
        let model: SleepLm<B> = SleepLm::from_inner(inner.clone());
        let model = parameters::require_gradients(model, |name| objective.wants(name));
        let towers = self.towers(inner, &model, frozen, device);
        let [signals, texts] = [&towers.signal.embedding, &towers.text.embedding]
            .map(|embeddings| normalize(embeddings.clone()));
        let pair = Pair { signals: signals.clone().inner(), texts: texts.clone().inner() };
        let gradient = loss(pair);
        // What is summed here has the gradients of the losses with respect to what it is made of.
        let mut terms = Vec::new();
        if weights.contrastive > 0.0 {
            let term = |embeddings: Tensor<B, 2>, gradient: Tensor<B::InnerBackend, 2>| {
                (embeddings * Tensor::from_inner(gradient * weights.contrastive)).sum()
            };
            let signal = (!frozen.signal).then(|| term(signals, gradient.signals));
            let text = (!frozen.text).then(|| term(texts, gradient.texts));
            terms.extend(signal.into_iter().chain(text));
        }
        let (mut sums, mut of_columns) = (Sums::default(), None);
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
        Share { gradients, sums }
    }

    /// Returns what the caption loss adds to the sum, `[1]`, and its gradients, weighted but for the loss.
    fn caption_term<B: AutodiffBackend + Kernels>(
        &self,
        inner: &SleepLm<B::InnerBackend>,
        model: &SleepLm<B>,
        towers: &Towers<B>,
        weights: LossWeights,
    ) -> Option<(Tensor<B, 1>, CaptionGradient<B::InnerBackend>)> {
        let (states, targets) = self.caption_states(model, towers, weights)?;
        let states = targets.select(states);
        let projection = inner.text_decoder.as_ref()?.text_projection.val();
        let columns = self.vocabulary.columns(projection);
        let mut found = caption_gradient(&states.clone().inner(), &columns, &targets);
        let share = weights.caption / Totals::of(self.batch, self.vocabulary).tokens as f64;
        found.states = found.states * share;
        found.columns = found.columns * share;
        Some(((states * Tensor::from_inner(found.states.clone())).sum(), found))
    }

    /// Takes the part through the towers; one that is frozen leaves no trace in the graph.
    fn towers<B: AutodiffBackend + Kernels>(
        &mut self,
        inner: &SleepLm<B::InnerBackend>,
        model: &SleepLm<B>,
        frozen: Frozen,
        device: &Device<B>,
    ) -> Towers<B>
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
        Towers { inputs, signal, text }
    }

    /// Returns the decoder's states and what they are to foretell, where captions count and there is a word to foretell.
    fn caption_states<B: Kernels>(
        &self,
        model: &SleepLm<B>,
        towers: &Towers<B>,
        weights: LossWeights,
    ) -> Option<(Tensor<B, 3>, CaptionTargets)> {
        let decoder = model.text_decoder.as_ref().filter(|_| weights.caption > 0.0)?;
        let texts = self.batch.texts.slice(self.range.clone());
        let targets = CaptionTargets::new(&texts, self.vocabulary);
        if targets.is_empty() {
            return None;
        }
        let prefix = model.prefix(&self.batch.conditions.slice(self.range.clone()));
        // The last token foretells nothing.
        let states = towers.text.states.clone();
        let length = states.dims()[1] - 1;
        let states = decoder.forward(states.narrow(1, 0, length), &towers.signal.memory, prefix);
        Some((states, targets))
    }

    /// Returns the reconstruction loss summed over the epochs, `[1]`, where it counts.
    fn reconstruction<B: Kernels>(
        &mut self,
        model: &SleepLm<B>,
        towers: &Towers<B>,
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
