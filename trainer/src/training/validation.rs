//! Measures a model on batches that it was not trained on.

use std::thread;

use burn::tensor::Device;

use super::gradient::{Work, joined, mean_losses, parts, whole_loss};
use super::part::{Part, Sums, Totals};
use crate::data::Batch;
use crate::kernels::Kernels;
use crate::model::{Dropout, SleepLm};
use crate::objective::Losses;

/// How a model does on batches that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Means over the batches.
    pub losses: Losses,
    /// Share of epochs whose nearest text in the batch is one of theirs.
    pub accuracy: f32,
}

/// Returns the mean losses and accuracy over some batches, without dropout and each of them at once.
///
/// # Panics
///
/// Where there is no batch.
pub fn validate<B: Kernels>(
    model: &SleepLm<B>,
    batches: &[Batch],
    work: Work<'_>,
    device: &Device<B>,
) -> Measured {
    let measured: Vec<_> =
        batches.iter().map(|batch| measure(model, batch, work, device)).collect();
    let n = batches.len() as f32;
    let mean = |number: &dyn Fn(&Losses) -> Option<f32>| {
        let numbers = measured.iter().map(|(losses, _)| number(losses));
        numbers.sum::<Option<f32>>().map(|sum| sum / n)
    };
    let losses = Losses {
        contrastive: mean(&|losses| Some(losses.contrastive)).expect("every batch has one"),
        caption: mean(&|losses| losses.caption),
        reconstruction: mean(&|losses| losses.reconstruction),
    };
    let accuracy = measured.iter().map(|(_, accuracy)| accuracy).sum::<f32>() / n;
    Measured { losses, accuracy }
}

/// Returns the losses and the accuracy of one batch.
fn measure<B: Kernels>(
    model: &SleepLm<B>,
    batch: &Batch,
    work: Work<'_>,
    device: &Device<B>,
) -> (Losses, f32) {
    let Work { objective, vocabulary, threads, .. } = work;
    let totals = Totals::of(batch, vocabulary);
    let measured: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = parts(totals.epochs, threads)
            .into_iter()
            .map(|range| {
                let part = Part { batch, range, dropout: Dropout::off(), vocabulary };
                scope.spawn(move || part.measure(model, objective.weights, device))
            })
            .collect();
        workers.into_iter().map(joined).collect()
    });
    let (pairs, sums): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
    let found = whole_loss(model, &pairs, &batch.positives);
    let sums = sums.into_iter().fold(Sums::default(), Sums::plus);
    (mean_losses(found.loss, sums, totals), found.accuracy)
}
