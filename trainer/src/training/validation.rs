//! Validates a model on held-out batches.

use std::thread;

use burn::tensor::Device;

use super::batch_gradient::{GradientOptions, join, mean_losses, parts, whole_loss};
use super::batch_part::{BatchPart, LossCounts, LossSums};
use crate::data::Batch;
use crate::kernels::{Dropout, Kernels};
use crate::model::SleepLm;
use crate::objective::Losses;

/// The result of a validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValidationResult {
    /// Means over the batches.
    pub losses: Losses,
    /// Share of epochs whose nearest text in the batch is a positive.
    pub accuracy: f32,
}

/// Returns the mean losses and accuracy over some batches, without dropout and each batch at once.
///
/// # Panics
///
/// If there are no batches.
pub fn validate<B: Kernels>(
    model: &SleepLm<B>,
    batches: &[Batch],
    gradient_options: GradientOptions<'_>,
    device: &Device<B>,
) -> ValidationResult {
    let measured: Vec<_> =
        batches.iter().map(|batch| evaluate(model, batch, gradient_options, device)).collect();
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
    ValidationResult { losses, accuracy }
}

/// Returns the losses and the accuracy of one batch.
fn evaluate<B: Kernels>(
    model: &SleepLm<B>,
    batch: &Batch,
    gradient_options: GradientOptions<'_>,
    device: &Device<B>,
) -> (Losses, f32) {
    let GradientOptions { objective, vocabulary, threads, .. } = gradient_options;
    let totals = LossCounts::of(batch, vocabulary);
    let measured: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = parts(totals.epochs, threads)
            .into_iter()
            .map(|range| {
                let part = BatchPart { batch, range, dropout: Dropout::off(), vocabulary };
                scope.spawn(move || part.evaluate(model, objective.weights, device))
            })
            .collect();
        workers.into_iter().map(join).collect()
    });
    let (pairs, sums): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
    let found = whole_loss(model, &pairs, &batch.positives);
    let sums = sums.into_iter().fold(LossSums::default(), LossSums::plus);
    (mean_losses(found.loss, sums, totals), found.accuracy)
}
