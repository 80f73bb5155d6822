//! The gradient of a batch, split into parts that run on several threads, and in rounds if memory is short.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, Tensor};

use super::batch_part::{BatchPart, EmbeddingPair, LossCounts, LossSums, Objective, PartGradient};
use crate::data::Batch;
use crate::host_tensor::to_host;
use crate::kernels::{Dropout, Kernels};
use crate::model::SleepLm;
use crate::objective::{CaptionVocabulary, ContrastiveLoss, Losses, contrastive};
use crate::parameters::NamedTensors;
use crate::positive_pairs::PositivePairs;

/// The losses of a batch and the gradient of their weighted sum, by name of the weight.
#[derive(Debug)]
pub struct BatchGradient<B: Backend> {
    /// The losses.
    pub losses: Losses,
    /// Share of epochs whose nearest text is a positive.
    pub accuracy: f32,
    /// By name of the weight, flattened; frozen weights have none.
    pub gradients: NamedTensors<B>,
}

/// Options of computing the gradient of a batch.
#[derive(Debug, Clone, Copy)]
pub struct GradientOptions<'a> {
    /// The losses and the weights that learn.
    pub objective: Objective,
    /// The vocabulary of the caption loss; the texts of the batch use no other tokens.
    pub vocabulary: &'a CaptionVocabulary,
    /// Number of threads, each with a part of the batch and its own graph.
    pub threads: usize,
    /// Epochs whose graphs are in memory at once, over all threads; 0 for the whole batch.
    pub micro_batch: usize,
    /// Share of values that dropout zeroes.
    pub dropout: f64,
    /// Seed of the dropout masks of this batch.
    pub seed: u64,
}

/// Returns the gradient of the losses over the whole batch.
///
/// Every thread runs the forward pass of its part, passes its embeddings on, and receives the gradient of the whole
/// batch's contrastive loss with respect to them. The backward pass from `sum(embedding · gradient)` then gives exactly
/// the part's share of the weights' gradient. The shares are added in a fixed order, so a run is reproducible.
///
/// # What if the graphs of a batch do not fit into memory?
///
/// With `micro_batch`, the embeddings of all parts are computed first, without a graph, and a second pass computes the
/// gradients (Gao et al., arXiv 2101.06983). Every text of the batch is still a negative of every epoch that it does
/// not describe, at the cost of a second forward pass.
pub fn gradient<B>(
    model: &SleepLm<B::InnerBackend>,
    batch: &Batch,
    gradient_options: GradientOptions<'_>,
    device: &Device<B>,
) -> BatchGradient<B::InnerBackend>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    let n = batch.positives.len();
    let rounds = if gradient_options.micro_batch == 0 {
        1
    } else {
        n.div_ceil(gradient_options.micro_batch)
    };
    let whole = WholeBatch::<B> {
        model,
        batch,
        gradient_options,
        totals: LossCounts::of(batch, gradient_options.vocabulary),
        device,
    };
    let (loss, shares) = if rounds == 1 { whole.at_once() } else { whole.in_rounds(rounds) };
    let share = shares.into_iter().reduce(add).expect("there is at least one part");
    let PartGradient { mut gradients, sums } = share;
    let contrastive = gradient_options.objective.weights.contrastive;
    if contrastive > 0.0 && gradient_options.objective.is_trained("logit_scale") {
        let scale = [contrastive as f32 * loss.logit_scale_gradient];
        gradients.insert("logit_scale".to_owned(), Tensor::from_floats(scale, device));
    }
    let losses = mean_losses(loss.loss, sums, whole.totals);
    BatchGradient { losses, accuracy: loss.accuracy, gradients }
}

/// Returns the losses of a batch.
pub(super) fn mean_losses(contrastive: f32, sums: LossSums, totals: LossCounts) -> Losses {
    Losses {
        contrastive,
        caption: sums.caption.map(|sum| sum / totals.tokens as f32),
        reconstruction: sums.reconstruction.map(|sum| sum / totals.epochs as f32),
    }
}

/// A batch and everything that its parts need.
struct WholeBatch<'a, B: AutodiffBackend> {
    model: &'a SleepLm<B::InnerBackend>,
    batch: &'a Batch,
    gradient_options: GradientOptions<'a>,
    totals: LossCounts,
    device: &'a Device<B>,
}

/// The loss over all parts, and the gradients of the parts in order.
type LossAndShares<I> = (ContrastiveLoss<I>, Vec<PartGradient<I>>);

impl<B> WholeBatch<'_, B>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    /// Keeps the graphs of all parts in memory until the loss is known.
    fn at_once(&self) -> LossAndShares<B::InnerBackend> {
        thread::scope(|scope| {
            let workers: Vec<PartWorker<'_, B::InnerBackend>> = self
                .parts(&(0..self.totals.epochs), 0)
                .map(|part| PartWorker::start(scope, self, part))
                .collect();
            let embeddings: Vec<_> = workers.iter().map(PartWorker::embeddings).collect();
            let loss = whole_loss(self.model, &embeddings, &self.batch.positives);
            let mut start = 0;
            for (worker, pair) in workers.iter().zip(&embeddings) {
                let n = pair.signals.dims()[0];
                worker.send_gradients(of_part(&loss, &(start..start + n)));
                start += n;
            }
            (loss, workers.into_iter().map(PartWorker::share).collect())
        })
    }

    /// Computes all embeddings first, then the graphs round by round.
    fn in_rounds(&self, rounds: usize) -> LossAndShares<B::InnerBackend> {
        let rounds = parts(self.totals.epochs, rounds);
        let threads = self.gradient_options.threads;
        let rounds = || rounds.iter().enumerate().map(move |(i, round)| (i * threads, round));
        let mut embeddings = Vec::new();
        for (first, round) in rounds() {
            embeddings
                .extend(self.on_threads(round, first, |part| part.embed(self.model, self.device)));
        }
        let loss = whole_loss(self.model, &embeddings, &self.batch.positives);
        let mut shares = Vec::new();
        for (first, round) in rounds() {
            shares.extend(self.on_threads(round, first, |part| {
                let gradient = of_part(&loss, &part.range);
                self.forward_backward(part, |_| gradient)
            }));
        }
        (loss, shares)
    }

    fn forward_backward(
        &self,
        part: BatchPart<'_>,
        loss: impl FnOnce(EmbeddingPair<B::InnerBackend>) -> EmbeddingPair<B::InnerBackend>,
    ) -> PartGradient<B::InnerBackend> {
        let objective = self.gradient_options.objective;
        part.forward_backward::<B>(self.model, objective, self.device, loss)
    }

    /// Splits some epochs into one part per thread; `first` is the number of the first part in the batch.
    fn parts(&self, epochs: &Range<usize>, first: usize) -> impl Iterator<Item = BatchPart<'_>> {
        let start = epochs.start;
        parts(epochs.len(), self.gradient_options.threads).into_iter().zip(first..).map(
            move |(part, number)| BatchPart {
                batch: self.batch,
                range: start + part.start..start + part.end,
                dropout: Dropout::seeded(
                    self.gradient_options.dropout,
                    self.gradient_options.seed ^ number as u64,
                ),
                vocabulary: self.gradient_options.vocabulary,
            },
        )
    }

    /// Applies a function to each part of some epochs, each on its own thread.
    fn on_threads<T: Send>(
        &self,
        epochs: &Range<usize>,
        first: usize,
        what: impl Fn(BatchPart<'_>) -> T + Sync,
    ) -> Vec<T> {
        let what = &what;
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.parts(epochs, first).map(|part| scope.spawn(move || what(part))).collect();
            threads.into_iter().map(join).collect()
        })
    }
}

/// A thread that runs a part's forward pass, waits for the loss, and runs the backward pass.
struct PartWorker<'scope, I: Backend> {
    thread: ScopedJoinHandle<'scope, PartGradient<I>>,
    embeddings_in: Receiver<EmbeddingPair<I>>,
    gradients_out: Sender<EmbeddingPair<I>>,
}

impl<'scope, I: Kernels> PartWorker<'scope, I> {
    fn start<B: AutodiffBackend<InnerBackend = I> + Kernels>(
        scope: &'scope Scope<'scope, '_>,
        whole: &'scope WholeBatch<'_, B>,
        part: BatchPart<'scope>,
    ) -> Self {
        let (embeddings_out, embeddings_in) = channel();
        let (gradients_out, gradients_in) = channel();
        let loss = move |embeddings| {
            embeddings_out
                .send(embeddings)
                .expect("the loss receives the embeddings of every part");
            gradients_in.recv().expect("the loss sends gradients to every part")
        };
        let thread = scope.spawn(move || whole.forward_backward(part, loss));
        Self { thread, embeddings_in, gradients_out }
    }

    fn embeddings(&self) -> EmbeddingPair<I> {
        self.embeddings_in.recv().expect("a worker sends its embeddings")
    }

    fn send_gradients(&self, gradients: EmbeddingPair<I>) {
        self.gradients_out.send(gradients).expect("a worker waits for its gradients");
    }

    fn share(self) -> PartGradient<I> {
        join(self.thread)
    }
}

/// Returns the result of a thread, or resumes its panic.
pub(super) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns the loss over all parts, in order.
pub(super) fn whole_loss<B: Backend>(
    model: &SleepLm<B>,
    parts: &[EmbeddingPair<B>],
    positives: &PositivePairs,
) -> ContrastiveLoss<B> {
    let signals = Tensor::cat(parts.iter().map(|pair| pair.signals.clone()).collect(), 0);
    let texts = Tensor::cat(parts.iter().map(|pair| pair.texts.clone()).collect(), 0);
    let logit_scale = to_host(model.logit_scale.val())[0];
    contrastive(signals, texts, logit_scale, positives)
}

/// Returns the gradients with respect to the embeddings of one part.
fn of_part<B: Backend>(loss: &ContrastiveLoss<B>, part: &Range<usize>) -> EmbeddingPair<B> {
    EmbeddingPair {
        signals: loss.signal_gradient.clone().narrow(0, part.start, part.len()),
        texts: loss.text_gradient.clone().narrow(0, part.start, part.len()),
    }
}

fn add<B: Backend>(mut sum: PartGradient<B>, share: PartGradient<B>) -> PartGradient<B> {
    for (name, gradient) in share.gradients {
        let total = match sum.gradients.remove(&name) {
            Some(other) => other + gradient,
            None => gradient,
        };
        sum.gradients.insert(name, total);
    }
    sum.sums = sum.sums.plus(share.sums);
    sum
}

/// Splits `0..n` into `count` non-empty parts whose lengths differ by at most one.
pub(super) fn parts(n: usize, count: usize) -> Vec<Range<usize>> {
    let count = count.clamp(1, n);
    (0..count).map(|part| part * n / count..(part + 1) * n / count).collect()
}
