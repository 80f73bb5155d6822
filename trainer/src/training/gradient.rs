//! The gradient of one batch, whose parts go through the model on several threads, and in rounds where memory is short.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Device, Tensor};

use super::part::{Objective, Pair, Part, Share, Sums, Totals};
use crate::data::Batch;
use crate::kernels::Kernels;
use crate::model::{Dropout, SleepLm};
use crate::objective::{Contrastive, Losses, Vocabulary, contrastive};
use crate::parameters::NamedTensors;
use crate::{Positives, weights};

/// The losses of a batch and the gradient of their weighted sum, by name of the weight.
#[derive(Debug)]
pub struct BatchGradient<B: Backend> {
    /// Each of the losses.
    pub losses: Losses,
    /// Share of epochs whose nearest text is one of theirs.
    pub accuracy: f32,
    /// By name of the weight, flattened; frozen weights have none.
    pub gradients: NamedTensors<B>,
}

/// How a batch is worked through.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// What is made small.
    pub objective: Objective,
    /// The tokens over which the caption loss goes; the texts of the batch are made of them.
    pub vocabulary: &'a Vocabulary,
    /// Threads, each with a part of the batch and a graph of its own.
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
/// Every thread takes its part forward, hands its embeddings in, and gets the gradient of the whole batch's
/// contrastive loss with respect to them; going back from `sum(embedding · gradient)` then gives exactly that part's
/// share of the gradient of the weights. The parts' shares are added in order, so that a run repeats.
///
/// # What of a batch whose graphs are more than the memory?
///
/// With `micro_batch`, the embeddings of all parts are made first, without a graph, and the parts go through once more
/// with the gradient that belongs to them (Gao et al., arXiv 2101.06983): every text of the batch stays a negative
/// of every epoch that it is not true of, for the price of a second pass forward.
pub fn gradient<B>(
    model: &SleepLm<B::InnerBackend>,
    batch: &Batch,
    work: Work<'_>,
    device: &Device<B>,
) -> BatchGradient<B::InnerBackend>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    let n = batch.positives.len();
    let rounds = if work.micro_batch == 0 { 1 } else { n.div_ceil(work.micro_batch) };
    let whole =
        Whole::<B> { model, batch, work, totals: Totals::of(batch, work.vocabulary), device };
    let (loss, shares) = if rounds == 1 { whole.at_once() } else { whole.in_rounds(rounds) };
    let share = shares.into_iter().reduce(add).expect("there is at least one part");
    let Share { mut gradients, sums } = share;
    let contrastive = work.objective.weights.contrastive;
    if contrastive > 0.0 && work.objective.wants("logit_scale") {
        let scale = [contrastive as f32 * loss.logit_scale_gradient];
        gradients.insert("logit_scale".to_owned(), Tensor::from_floats(scale, device));
    }
    let losses = mean_losses(loss.loss, sums, whole.totals);
    BatchGradient { losses, accuracy: loss.accuracy, gradients }
}

/// Returns the losses of a batch.
pub(super) fn mean_losses(contrastive: f32, sums: Sums, totals: Totals) -> Losses {
    Losses {
        contrastive,
        caption: sums.caption.map(|sum| sum / totals.tokens as f32),
        reconstruction: sums.reconstruction.map(|sum| sum / totals.epochs as f32),
    }
}

/// A batch and all that its parts need.
struct Whole<'a, B: AutodiffBackend> {
    model: &'a SleepLm<B::InnerBackend>,
    batch: &'a Batch,
    work: Work<'a>,
    totals: Totals,
    device: &'a Device<B>,
}

/// The loss over all parts, and the parts' shares in order.
type LossAndShares<I> = (Contrastive<I>, Vec<Share<I>>);

impl<B> Whole<'_, B>
where
    B: AutodiffBackend + Kernels,
    B::InnerBackend: Kernels,
{
    /// Holds the graphs of all parts until the loss is known.
    fn at_once(&self) -> LossAndShares<B::InnerBackend> {
        thread::scope(|scope| {
            let workers: Vec<Worker<'_, B::InnerBackend>> = self
                .parts(&(0..self.totals.epochs), 0)
                .map(|part| Worker::start(scope, self, part))
                .collect();
            let embeddings: Vec<_> = workers.iter().map(Worker::embeddings).collect();
            let loss = whole_loss(self.model, &embeddings, &self.batch.positives);
            let mut start = 0;
            for (worker, pair) in workers.iter().zip(&embeddings) {
                let n = pair.signals.dims()[0];
                worker.answer(of_part(&loss, &(start..start + n)));
                start += n;
            }
            (loss, workers.into_iter().map(Worker::share).collect())
        })
    }

    /// Makes all embeddings first, and then one round of graphs after the other.
    fn in_rounds(&self, rounds: usize) -> LossAndShares<B::InnerBackend> {
        let rounds = parts(self.totals.epochs, rounds);
        let threads = self.work.threads;
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
                self.go_through(part, |_| gradient)
            }));
        }
        (loss, shares)
    }

    fn go_through(
        &self,
        part: Part<'_>,
        loss: impl FnOnce(Pair<B::InnerBackend>) -> Pair<B::InnerBackend>,
    ) -> Share<B::InnerBackend> {
        let objective = self.work.objective;
        part.go_through::<B>(self.model, objective, self.device, loss)
    }

    /// Cuts some of the epochs into one part for each thread; `first` is the number of the first part in the batch.
    fn parts(&self, epochs: &Range<usize>, first: usize) -> impl Iterator<Item = Part<'_>> {
        let start = epochs.start;
        parts(epochs.len(), self.work.threads).into_iter().zip(first..).map(
            move |(part, number)| Part {
                batch: self.batch,
                range: start + part.start..start + part.end,
                dropout: Dropout::seeded(self.work.dropout, self.work.seed ^ number as u64),
                vocabulary: self.work.vocabulary,
            },
        )
    }

    /// Does something to each part of some of the epochs on a thread of its own.
    fn on_threads<T: Send>(
        &self,
        epochs: &Range<usize>,
        first: usize,
        what: impl Fn(Part<'_>) -> T + Sync,
    ) -> Vec<T> {
        let what = &what;
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.parts(epochs, first).map(|part| scope.spawn(move || what(part))).collect();
            threads.into_iter().map(joined).collect()
        })
    }
}

/// A thread that takes a part forward, waits for the loss, and takes it back.
struct Worker<'scope, I: Backend> {
    thread: ScopedJoinHandle<'scope, Share<I>>,
    embeddings_in: Receiver<Pair<I>>,
    gradients_out: Sender<Pair<I>>,
}

impl<'scope, I: Kernels> Worker<'scope, I> {
    fn start<B: AutodiffBackend<InnerBackend = I> + Kernels>(
        scope: &'scope Scope<'scope, '_>,
        whole: &'scope Whole<'_, B>,
        part: Part<'scope>,
    ) -> Self {
        let (embeddings_out, embeddings_in) = channel();
        let (gradients_out, gradients_in) = channel();
        let loss = move |embeddings| {
            embeddings_out.send(embeddings).expect("the loss waits for every part");
            gradients_in.recv().expect("the loss answers every part")
        };
        let thread = scope.spawn(move || whole.go_through(part, loss));
        Self { thread, embeddings_in, gradients_out }
    }

    fn embeddings(&self) -> Pair<I> {
        self.embeddings_in.recv().expect("a worker hands its part in")
    }

    fn answer(&self, gradients: Pair<I>) {
        self.gradients_out.send(gradients).expect("a worker waits for its gradients");
    }

    fn share(self) -> Share<I> {
        joined(self.thread)
    }
}

/// Returns what a thread has made, or panics as it did.
pub(super) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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

/// Returns the gradients with respect to the embeddings of one part.
fn of_part<B: Backend>(loss: &Contrastive<B>, part: &Range<usize>) -> Pair<B> {
    Pair {
        signals: loss.signal_gradient.clone().narrow(0, part.start, part.len()),
        texts: loss.text_gradient.clone().narrow(0, part.start, part.len()),
    }
}

fn add<B: Backend>(mut sum: Share<B>, share: Share<B>) -> Share<B> {
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

/// Cuts `0..n` into as many parts, whose lengths differ by at most one; none is empty.
pub(super) fn parts(n: usize, count: usize) -> Vec<Range<usize>> {
    let count = count.clamp(1, n);
    (0..count).map(|part| part * n / count..(part + 1) * n / count).collect()
}
