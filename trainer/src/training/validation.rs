//! Measures a model on batches that it was not trained on.

use std::thread;

use burn::tensor::{Device, Tensor};

use super::gradient::{Pair, parts, signals, whole_loss};
use super::metrics::ValidationReport;
use crate::data::Batch;
use crate::kernels::Kernels;
use crate::model::{Dropout, SleepLm, normalize};

/// Returns the mean loss and accuracy over some batches.
///
/// # Panics
///
/// Where there is no batch.
pub fn validate<B: Kernels>(
    model: &SleepLm<B>,
    batches: &[Batch],
    step: u64,
    threads: usize,
    device: &Device<B>,
) -> ValidationReport {
    let (mut loss, mut accuracy) = (0.0, 0.0);
    for batch in batches {
        let pairs = embeddings(model, batch, threads, device);
        let found = whole_loss(model, &pairs, &batch.positives);
        loss += found.loss;
        accuracy += found.accuracy;
    }
    let n = batches.len() as f32;
    ValidationReport { step, validation_loss: loss / n, validation_accuracy: accuracy / n }
}

/// Returns the unit vectors of a batch, part by part.
fn embeddings<B: Kernels>(
    model: &SleepLm<B>,
    batch: &Batch,
    threads: usize,
    device: &Device<B>,
) -> Vec<Pair<B>> {
    thread::scope(|scope| {
        let workers: Vec<_> = parts(batch.positives.len(), threads)
            .into_iter()
            .map(|part| {
                let model = model.clone();
                scope.spawn(move || {
                    let input: Tensor<B, 3> = signals(batch, &part, device);
                    let output = model.biosignals.forward(input, &mut Dropout::off());
                    let texts = model.text.forward(&batch.texts.slice(part)).embedding;
                    Pair { signals: normalize(output.embedding), texts: normalize(texts) }
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
