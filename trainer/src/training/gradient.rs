//! The gradient of one batch, whose parts go through the towers on several threads.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::Channel;

use crate::data::{Batch, EPOCH_LEN};
use crate::kernels::Kernels;
use crate::model::{Dropout, SleepLm, normalize};
use crate::objective::{Contrastive, contrastive};
use crate::parameters::{self, NamedTensors};
use crate::{Positives, weights};

/// The loss of a batch and its gradient by name of the weight.
#[derive(Debug)]
pub struct BatchGradient<B: Backend> {
    /// In nats.
    pub loss: f32,
    /// Share of epochs whose nearest text is one of theirs.
    pub accuracy: f32,
    /// By name of the weight, flattened.
    pub gradients: NamedTensors<B>,
}

/// How a batch is worked through.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Threads, each with a part of the batch and a graph of its own.
    pub threads: usize,
    /// Share of values that dropout zeroes.
    pub dropout: f64,
    /// Seed of the dropout masks of this batch.
    pub seed: u64,
}

/// Returns the gradient of the contrastive loss over the whole batch.
///
/// Every thread takes its part forward, hands its embeddings in, and gets the gradient of the whole batch's loss
/// with respect to them; going back from `sum(embedding · gradient)` then gives exactly that part's share
/// of the gradient of the weights. The parts' shares are added in order, so that a run repeats.
pub fn gradient<B: AutodiffBackend + Kernels>(
    model: &SleepLm<B::InnerBackend>,
    batch: &Batch,
    work: Work,
    device: &Device<B>,
) -> BatchGradient<B::InnerBackend> {
    thread::scope(|scope| {
        let workers: Vec<Worker<'_, B::InnerBackend>> = parts(batch.positives.len(), work.threads)
            .into_iter()
            .enumerate()
            .map(|(number, range)| {
                let dropout = Dropout::seeded(work.dropout, work.seed ^ number as u64);
                let part = Part { batch, range, dropout };
                Worker::start::<B>(scope, model.clone(), part, device)
            })
            .collect();
        let embeddings: Vec<_> = workers.iter().map(Worker::embeddings).collect();
        let loss = whole_loss(model, &embeddings, &batch.positives);
        let mut start = 0;
        for (worker, pair) in workers.iter().zip(&embeddings) {
            let n = pair.signals.dims()[0];
            worker.answer(Pair {
                signals: loss.signal_gradient.clone().narrow(0, start, n),
                texts: loss.text_gradient.clone().narrow(0, start, n),
            });
            start += n;
        }
        let shares = workers.into_iter().map(Worker::share);
        let mut gradients = shares.reduce(add).expect("there is at least one part");
        let scale = [loss.logit_scale_gradient];
        gradients.insert("logit_scale".to_owned(), Tensor::from_floats(scale, device));
        BatchGradient { loss: loss.loss, accuracy: loss.accuracy, gradients }
    })
}

/// Some of a batch's epochs and texts.
struct Part<'a> {
    batch: &'a Batch,
    range: Range<usize>,
    dropout: Dropout,
}

/// Unit vectors of a part's epochs and texts, or the loss's gradients with respect to them; `[n, dim]`.
pub(super) struct Pair<B: Backend> {
    pub(super) signals: Tensor<B, 2>,
    pub(super) texts: Tensor<B, 2>,
}

/// A thread that takes a part forward, waits for the loss, and takes it back.
struct Worker<'scope, B: Backend> {
    thread: ScopedJoinHandle<'scope, NamedTensors<B>>,
    embeddings_in: Receiver<Pair<B>>,
    gradients_out: Sender<Pair<B>>,
}

impl<'scope, I: Backend> Worker<'scope, I> {
    fn start<B: AutodiffBackend<InnerBackend = I> + Kernels>(
        scope: &'scope Scope<'scope, '_>,
        model: SleepLm<I>,
        part: Part<'scope>,
        device: &'scope Device<B>,
    ) -> Self {
        let (embeddings_out, embeddings_in) = channel();
        let (gradients_out, gradients_in) = channel();
        let loss = move |embeddings| {
            embeddings_out.send(embeddings).expect("the loss waits for every part");
            gradients_in.recv().expect("the loss answers every part")
        };
        let thread = scope.spawn(move || go_through::<B>(model, part, device, loss));
        Self { thread, embeddings_in, gradients_out }
    }

    fn embeddings(&self) -> Pair<I> {
        self.embeddings_in.recv().expect("a worker hands its part in")
    }

    fn answer(&self, gradients: Pair<I>) {
        self.gradients_out.send(gradients).expect("a worker waits for its gradients");
    }

    fn share(self) -> NamedTensors<I> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Takes a part forward and back; `loss` gives the gradient with respect to its embeddings.
fn go_through<B: AutodiffBackend + Kernels>(
    model: SleepLm<B::InnerBackend>,
    part: Part<'_>,
    device: &Device<B>,
    loss: impl FnOnce(Pair<B::InnerBackend>) -> Pair<B::InnerBackend>,
) -> NamedTensors<B::InnerBackend> {
    let Part { batch, range, mut dropout } = part;
    let model: SleepLm<B> = SleepLm::from_inner(model);
    let model = parameters::require_gradients(model, |name| !weights::is_buffer(name));
    let signals = signals(batch, &range, device);
    let signals = normalize(model.biosignals.forward(signals, &mut dropout).embedding);
    let texts = normalize(model.text.forward(&batch.texts.slice(range)).embedding);
    let gradient = loss(Pair { signals: signals.clone().inner(), texts: texts.clone().inner() });
    let surrogate = (signals * Tensor::from_inner(gradient.signals)).sum()
        + (texts * Tensor::from_inner(gradient.texts)).sum();
    parameters::take_gradients(&model, &mut surrogate.backward())
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

/// Returns the loss over all parts, in order.
pub(super) fn whole_loss<B: Backend>(
    model: &SleepLm<B>,
    parts: &[Pair<B>],
    positives: &Positives,
) -> Contrastive<B> {
    let signals = Tensor::cat(parts.iter().map(|pair| pair.signals.clone()).collect(), 0);
    let texts = Tensor::cat(parts.iter().map(|pair| pair.texts.clone()).collect(), 0);
    let logit_scale = weights::to_host(model.logit_scale.val())[0];
    contrastive(signals, texts, logit_scale, positives)
}

fn add<B: Backend>(mut sum: NamedTensors<B>, share: NamedTensors<B>) -> NamedTensors<B> {
    for (name, gradient) in share {
        let total = match sum.remove(&name) {
            Some(other) => other + gradient,
            None => gradient,
        };
        sum.insert(name, total);
    }
    sum
}

/// Cuts `0..n` into as many parts, whose lengths differ by at most one; none is empty.
pub(super) fn parts(n: usize, count: usize) -> Vec<Range<usize>> {
    let count = count.clamp(1, n);
    (0..count).map(|part| part * n / count..(part + 1) * n / count).collect()
}
