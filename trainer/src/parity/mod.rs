//! Compares what a checkpoint computes here with what the published code computed from the same inputs.
//!
//! A folder of fixtures contains a configuration, inputs and results of the reference: `config.json`,
//! `inputs.safetensors`, `outputs.safetensors`, and optionally `meta.json` and `generation_eos.json` (captions as ids),
//! `train.safetensors` and `train.json` (losses, gradients and an optimizer step). Every number of the reference
//! belongs to a [`ParityRow`]; a tensor that is not computed here is a row that fails.

mod captions;
mod compare;
mod derived;
mod fixture_tensors;
mod fixtures;
mod onnx_runtime_column;
mod report;
mod trainer_column;
mod training_step;

use std::path::Path;

pub use compare::{ComparisonOutcome, ParityTolerance, TensorComparison};
pub use report::{ParityReport, ParityRow, ParityRuntime};

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::import::Import;
use fixtures::Fixtures;

/// Compares a checkpoint with the fixtures in a folder, in the trainer and, if given, in ONNX Runtime.
///
/// # Errors
///
/// If a fixture or the checkpoint cannot be read: [`Error::Io`](crate::error::Error::Io),
/// [`Error::Format`](crate::error::Error::Format), [`Error::Parse`](crate::error::Error::Parse) and those of
/// [`Checkpoint::open`]; if the weights do not fit the folder's configuration, those of [`Import::new`];
/// [`Error::Bundle`](crate::error::Error::Bundle) if ONNX Runtime fails.
pub fn parity(
    checkpoint: &Path,
    folder: &Path,
    runtime: Option<nocturne_encoder::Runtime>,
) -> Result<ParityReport> {
    let mut fixtures = Fixtures::read(folder)?;
    let checkpoint = Checkpoint::open(checkpoint)?;
    let import = Import::new(&checkpoint, Some(&fixtures.config))?;
    fixtures.config = import.config().clone();
    let weights = import.read(&mut |_| ())?;
    let logit_scale = weights.need("logit_scale")?.values[0];
    let mut trainer = trainer_column::compute(&weights, &fixtures)?;
    derived::derive(&mut trainer, &fixtures, logit_scale);
    let mut report = ParityReport::new(&fixtures);
    report.fill(&fixtures, ParityRuntime::Trainer, &trainer);
    drop(trainer);
    if let Some(runtime) = runtime {
        let mut found = onnx_runtime_column::compute(runtime, &weights, &fixtures)?;
        derived::derive(&mut found, &fixtures, logit_scale);
        report.fill(&fixtures, ParityRuntime::OnnxRuntime, &found);
    }
    Ok(report)
}
